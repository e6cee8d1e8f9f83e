#include "layers/pre_activation.h"

#include <algorithm>
#include <mutex>
#include <tuple>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/dropout.h"
#include "layers/group_name.h"
#include "layers/pointwise.h"

namespace sec::layers {
namespace {

std::vector<VarWithStats> unfused(Pass& pass, const std::vector<const PreActivationConv*>& layers,
                                  const std::vector<VarWithStats>& x) {
  std::vector<const Conv*> convolutions;
  std::vector<Var> active;
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Var y = relu(pass, batch_norm(pass, layers[i]->bn, x[i]));
    active.push_back(dropout(pass, layers[i]->dropout, y));
    convolutions.push_back(&layers[i]->conv);
  }
  const std::vector<Var> y = convs(pass, convolutions, active);
  return {y.begin(), y.end()};
}

// The data of one layer that the backward pass needs.
struct Operands {
  kernels::ConvShape shape;
  float epsilon, p;
  RandomKey key;
  Saved x, mean, variance, gamma, beta, weight;
  Tensor dropout_mask;

  kernels::PreActivation before() const {
    return {mean.get().read(), variance.get().read(), gamma.get().read(), beta.get().read(), epsilon, p, key};
  }
};

// Inputs of the tape per layer: x, gamma, beta, weight and bias.
constexpr int inputs_each = 5;

void run_backward(Stream& stream, const std::vector<Operands>& operands, const std::vector<Tensor>& gy,
                  Gradients& to) {
  std::vector<Tensor> gx(operands.size());
  std::vector<Tensor> received;  // owns the tensors that the group reads
  std::vector<kernels::PreActivationBackward> group;
  for (std::size_t i = 0; i < operands.size(); ++i) {
    const Operands& o = operands[i];
    const int first = inputs_each * static_cast<int>(i);
    if (!gy[i].defined()) {
      continue;  // this output does not contribute to the loss
    }
    const Tensor extra_gradient = to.release(first);
    received.push_back(extra_gradient);
    gx[i] = Tensor::empty({o.shape.n, o.shape.l, o.shape.h, o.shape.c_in}, gy[i].type(), stream.device);
    group.push_back({o.shape, o.x.get().read(), o.before(), o.weight.get().read(), o.dropout_mask.read(),
                     gy[i].read(), extra_gradient.read(), gx[i].write(), to.sum(first + 3).write(),
                     to.wanted(first + 4) ? to.sum(first + 4).write() : Span(), to.sum(first + 1).write(),
                     to.sum(first + 2).write()});
  }
  kernels::table(stream).pre_activation.backward_group(stream, group);
  for (std::size_t i = 0; i < operands.size(); ++i) {
    if (gx[i].defined()) {
      to.add(inputs_each * static_cast<int>(i), std::move(gx[i]));
    }
  }
}

// The weights in the layout that the inference kernel reads, cached between passes.
// The lock allows passes on several threads to share a network.
Tensor prepared_weights(Pass& pass, const kernels::ConvShape& shape, Parameter& weight) {
  const kernels::PreActivationKernels& kernel = kernels::table(pass.stream).pre_activation;
  const std::int64_t size = kernel.prepared_size(shape);
  if (size == 0) {
    return {};
  }
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  Parameter::Prepared& kept = weight.prepared;
  if (!kept.value.defined() || kept.version != weight.value.version() || kept.length != shape.l) {
    kept = {Tensor::empty({size}, DType::f32, pass.stream.device), weight.value.version(), shape.l};
    kernel.prepare(pass.stream, shape, weight.value.read(), kept.value.write());
  }
  return kept.value;
}

std::vector<VarWithStats> fused(Pass& pass, const std::vector<const PreActivationConv*>& layers,
                                std::vector<VarWithStats> x, Next next) {
  const Range range("pre_activation_conv", [&] {
    return group_name(layers, [](const PreActivationConv* layer) { return layer->conv.name; });
  });
  const kernels::Table& kernel = kernels::table(pass.stream);
  const Device device = pass.stream.device;
  const bool records = pass.tape != nullptr;
  if (pass.training) {
    ensure_statistics(pass, x);
  }
  std::vector<VarWithStats> y(x.size());
  std::vector<Operands> operands;
  std::vector<Var> inputs;
  std::vector<Tensor> prepared;
  std::vector<kernels::RunningUpdate> updates;
  std::vector<kernels::PreActivationForward> group;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto& [bn, conv, dropout] = *layers[i];
    const Tensor& from = x[i].value;
    const kernels::ConvShape shape = checked_shape(conv, from.shape());
    require_once(layers, "conv", conv.name, [&](const PreActivationConv* other) {
      return other->conv.weight == layers[i]->conv.weight ||
             other->bn.running_mean == layers[i]->bn.running_mean;
    });
    Tensor mean = bn.running_mean->value;
    Tensor variance = bn.running_variance->value;
    if (pass.training) {
      mean = x[i].mean;
      variance = x[i].variance;
      updates.push_back(running_update(bn, from, mean, variance));
    }
    inputs.insert(inputs.end(), {x[i], use(pass, *bn.weight), use(pass, *bn.bias), use(pass, *conv.weight),
                                 conv.bias != nullptr ? use(pass, *conv.bias) : Var()});
    Operands o{shape,
               bn.epsilon,
               pass.training ? static_cast<float>(dropout) : 0.0F,
               pass.training && dropout > 0 ? pass.next_key() : RandomKey(),
               Saved(from),
               Saved(mean),
               Saved(variance),
               Saved(bn.weight->value),
               Saved(bn.bias->value),
               Saved(conv.weight->value),
               records ? Tensor::empty({(from.count() + 31) / 32}, DType::i32, device) : Tensor()};
    y[i].value = Tensor::empty({shape.n, shape.l_out(), shape.h, shape.c_out}, from.type(), device);
    if (next == Next::batch_norm && pass.training) {
      y[i].mean = Tensor::empty({shape.c_out}, DType::f32, device);
      y[i].variance = Tensor::empty({shape.c_out}, DType::f32, device);
    } else if (next == Next::squeeze) {
      y[i].squeeze = Tensor::empty({shape.n, shape.c_out}, from.type(), device);
    }
    prepared.push_back(records || pass.training ? Tensor() : prepared_weights(pass, shape, *conv.weight));
    const auto write = [](Tensor& tensor) { return tensor.defined() ? tensor.write() : Span(); };
    group.push_back({shape, from.read(), o.before(), conv.weight->value.read(),
                     conv.bias != nullptr ? conv.bias->value.read() : ConstSpan(), y[i].value.write(),
                     write(o.dropout_mask), write(y[i].mean), write(y[i].variance), write(y[i].squeeze),
                     prepared.back().read()});
    operands.push_back(std::move(o));
  }
  kernel.batch_norm.update_running_group(pass.stream, updates);
  kernel.pre_activation.forward_group(pass.stream, group);
  auto backward = [operands = std::move(operands), stream = pass.stream](const std::vector<Tensor>& gy,
                                                                         Gradients& to) mutable {
    run_backward(stream, operands, gy, to);
  };
  record_group(pass, "pre_activation_conv", y, inputs, std::move(backward));
  return y;
}

}  // namespace

bool is_fused(const Pass& pass, std::int64_t c_in, std::int64_t c_out) {
  return pass.fused && (pass.training || pass.tape == nullptr) &&
         kernels::table(pass.stream).pre_activation.supports(c_in, c_out);
}

void ensure_statistics(Pass& pass, std::vector<VarWithStats>& x) {
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (x[i].mean.defined()) {
      continue;
    }
    const auto same =
        std::find_if(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(i), [&](const VarWithStats& other) {
          return other.value.read().data == x[i].value.read().data && other.shape() == x[i].shape();
        });
    if (same != x.begin() + static_cast<std::ptrdiff_t>(i)) {
      x[i].mean = same->mean;
      x[i].variance = same->variance;
      continue;
    }
    std::tie(x[i].mean, x[i].variance) = batch_statistics(pass, x[i].value);
  }
}

std::vector<VarWithStats> pre_activation_convs(Pass& pass,
                                               const std::vector<const PreActivationConv*>& layers,
                                               const std::vector<VarWithStats>& x, Next next) {
  require(layers.size() == x.size() && !x.empty(), "pre_activation_conv: {} layers for {} inputs",
          layers.size(), x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    const ConvOptions& options = layers[i]->conv.options;
    if (!is_fused(pass, options.c_in, options.c_out)) {
      return unfused(pass, layers, x);
    }
  }
  return fused(pass, layers, x, next);
}

Var pre_activation_conv(Pass& pass, const PreActivationConv& layer, const Var& x) {
  return pre_activation_convs(pass, {&layer}, {x}, Next::nothing)[0];
}

}  // namespace sec::layers
