#include "layers/residual.h"

#include <algorithm>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/group_name.h"
#include "layers/pointwise.h"
#include "layers/pool.h"

namespace sec::layers {
namespace {

std::vector<VarWithStats> unfused(Pass& pass, const std::vector<const SqueezeExcite*>& layers,
                                  const std::vector<VarWithStats>& x,
                                  const std::vector<VarWithStats>& shortcuts, bool active) {
  std::vector<VarWithStats> y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const Var sum = add(pass, squeeze_excite(pass, *layers[i], x[i]), shortcuts[i]);
    y.emplace_back(active ? relu(pass, sum) : sum);
  }
  return y;
}

// The data of one block's end that the backward pass needs.
struct Operands {
  kernels::GateShape shape;
  ExciteOperands excite;
  Saved x, y;
};

// Inputs of the tape per block: x, the shortcut and the four parameters of squeeze-and-excite.
constexpr int inputs_each = 6;

void run_backward(Stream& stream, const std::vector<Operands>& operands, bool active,
                  const std::vector<Tensor>& gy, Gradients& to) {
  const std::size_t count = operands.size();
  std::vector<Tensor> gshortcut(count);
  std::vector<Tensor> gfactors(count);
  std::vector<Tensor> gmeans(count);
  std::vector<Tensor> gx(count);
  std::vector<kernels::ResidualBackward> ends;
  std::vector<kernels::ExciteBackward> excites;
  std::vector<kernels::ResidualBackwardInput> inputs;
  for (std::size_t i = 0; i < count; ++i) {
    if (!gy[i].defined()) {
      continue;  // this output does not contribute to the loss
    }
    const auto& [shape, excite, x, y] = operands[i];
    const auto like_gy = [&](const Shape& shape_of) {
      return Tensor::empty(shape_of, gy[i].type(), stream.device);
    };
    gshortcut[i] = like_gy(gy[i].shape());
    gfactors[i] = like_gy({shape.n, shape.c});
    gx[i] = like_gy(gy[i].shape());
    ends.push_back({shape, active, x.get().read(), y.get().read(), gy[i].read(), gshortcut[i].write(),
                    gfactors[i].write()});
    gmeans[i] = excite_backward(excite, gfactors[i], to, inputs_each * static_cast<int>(i) + 2, excites);
    inputs.push_back(
        {shape, gshortcut[i].read(), excite.kept_factors.get().read(), gmeans[i].read(), gx[i].write()});
  }
  const kernels::Table& kernel = kernels::table(stream);
  kernel.residual.backward_group(stream, ends);
  kernel.excite.backward_group(stream, excites);
  kernel.residual.backward_input_group(stream, inputs);
  for (std::size_t i = count; i-- > 0;) {  // last block first, in the order of separate operations
    if (gx[i].defined()) {
      to.add(inputs_each * static_cast<int>(i), std::move(gx[i]));
      to.add(inputs_each * static_cast<int>(i) + 1, std::move(gshortcut[i]));
    }
  }
}

std::vector<VarWithStats> fused(Pass& pass, const std::vector<const SqueezeExcite*>& layers,
                                const std::vector<VarWithStats>& x,
                                const std::vector<VarWithStats>& shortcuts, bool active) {
  const Range range("residual", [&] {
    return group_name(layers, [](const SqueezeExcite* layer) { return parent_name(layer->fc1.name); });
  });
  const Device device = pass.stream.device;
  std::vector<VarWithStats> y(x.size());
  std::vector<Operands> operands;
  std::vector<Var> inputs;
  std::vector<Tensor> squeezed;  // owns the tensors that the group reads
  std::vector<kernels::ExciteForward> excites;
  std::vector<kernels::ResidualForward> ends;
  for (std::size_t i = 0; i < x.size(); ++i) {
    require(x[i].shape() == shortcuts[i].shape(), "residual: the shapes {} and {} differ",
            x[i].shape().text(), shortcuts[i].shape().text());
    require_once(layers, "residual", layers[i]->fc1.name,
                 [&](const SqueezeExcite* other) { return other->fc1.weight == layers[i]->fc1.weight; });
    const Shape& shape_of_x = x[i].shape();
    const kernels::GateShape shape{shape_of_x[0], shape_of_x[1] * shape_of_x[2], shape_of_x[3]};
    squeezed.push_back(x[i].squeeze.defined() ? x[i].squeeze : means(pass, x[i].value));
    const ExciteOperands excite = excite_operands(pass, *layers[i], squeezed.back(), excites);
    y[i].value = Tensor::empty(shape_of_x, x[i].value.type(), device);
    if (pass.training) {
      y[i].mean = Tensor::empty({shape.c}, DType::f32, device);
      y[i].variance = Tensor::empty({shape.c}, DType::f32, device);
    }
    ends.push_back({shape, active, x[i].value.read(), excite.factors.read(), shortcuts[i].value.read(),
                    y[i].value.write(), pass.training ? y[i].mean.write() : Span(),
                    pass.training ? y[i].variance.write() : Span()});
    inputs.insert(inputs.end(), {x[i], shortcuts[i]});
    inputs.insert(inputs.end(), excite.parameters.begin(), excite.parameters.end());
    operands.push_back({shape, excite, saved(pass, x[i].value), saved(pass, y[i].value)});
  }
  const kernels::Table& kernel = kernels::table(pass.stream);
  kernel.excite.forward_group(pass.stream, excites);
  kernel.residual.forward_group(pass.stream, ends);
  auto backward = [operands = std::move(operands), active, stream = pass.stream](
                      const std::vector<Tensor>& gy, Gradients& to) mutable {
    run_backward(stream, operands, active, gy, to);
  };
  record_group(pass, "residual", y, inputs, std::move(backward));
  return y;
}

}  // namespace

std::vector<VarWithStats> residuals(Pass& pass, const std::vector<const SqueezeExcite*>& layers,
                                    const std::vector<VarWithStats>& x,
                                    const std::vector<VarWithStats>& shortcuts, bool active) {
  require(layers.size() == x.size() && layers.size() == shortcuts.size(),
          "residual: {} layers for {} inputs and {} shortcuts", layers.size(), x.size(), shortcuts.size());
  const bool all_fused = std::all_of(x.begin(), x.end(), [&](const VarWithStats& one) {
    return is_fused(pass, one.shape()[3], one.shape()[3]);
  });
  return all_fused ? fused(pass, layers, x, shortcuts, active) : unfused(pass, layers, x, shortcuts, active);
}

}  // namespace sec::layers
