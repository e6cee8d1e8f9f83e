#include "layers/residual.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/pointwise.h"
#include "layers/pool.h"

namespace sec::layers {
Signal residual(Pass& pass, const SqueezeExcite& layer, const Signal& x, const Var& shortcut, bool active) {
  if (!fused(pass, x.shape()[3], x.shape()[3])) {
    const Var sum = add(pass, squeeze_excite(pass, layer, x), shortcut);
    return active ? relu(pass, sum) : sum;
  }
  const Range range("residual");
  require(x.shape() == shortcut.shape(), "residual: the shapes {} and {} differ", x.shape().text(),
          shortcut.shape().text());
  const Device device = pass.stream.device;
  const kernels::GateShape shape{x.shape()[0], x.shape()[1] * x.shape()[2], x.shape()[3]};
  const ExciteOperands excite =
      excite_operands(pass, layer, x.squeeze.defined() ? x.squeeze : means(pass, x.value));
  Signal y;
  y.value = Tensor::empty(x.shape(), x.value.type(), device);
  if (pass.training) {
    y.mean = Tensor::empty({shape.c}, DType::f32, device);
    y.variance = Tensor::empty({shape.c}, DType::f32, device);
  }
  kernels::on(pass.stream)
      .residual.forward(pass.stream, shape, active, x.value.read(), excite.factors.read(),
                        shortcut.value.read(), y.value.write(), pass.training ? y.mean.write() : Span(),
                        pass.training ? y.variance.write() : Span());
  if (pass.tape == nullptr) {
    return y;
  }
  std::vector<Var> inputs = {x, shortcut};
  inputs.insert(inputs.end(), excite.parameters.begin(), excite.parameters.end());
  auto backward = [shape, active, stream = pass.stream, excite, x = Saved(x.value), y = Saved(y.value)](
                      const Tensor& gy, Gradients& to) mutable {
    Tensor gshortcut = Tensor::empty(gy.shape(), gy.type(), stream.device);
    Tensor gfactors = Tensor::empty({shape.n, shape.c}, gy.type(), stream.device);
    const kernels::ResidualKernels& kernel = kernels::on(stream).residual;
    kernel.backward(stream, shape, active, x.get().read(), y.get().read(), gy.read(), gshortcut.write(),
                    gfactors.write());
    const Tensor gmeans = excite_backward(stream, excite, gfactors, to, 2);
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    kernel.backward_input(stream, shape, gshortcut.read(), excite.kept_factors.get().read(), gmeans.read(),
                          gx.write());
    to.add(0, std::move(gx));
    to.add(1, std::move(gshortcut));
  };
  y.node = pass.tape->record("residual", y.value, inputs, std::move(backward)).node;
  return y;
}

}  // namespace sec::layers
