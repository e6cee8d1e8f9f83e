#include "layers/dropout.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {

Var dropout(Pass& pass, double p, const Var& x) {
  const Range range("dropout");
  require(p >= 0 && p < 1, "dropout: expected a probability in [0, 1), got {}", p);
  if (!pass.training || p == 0) {
    return x;
  }
  const auto probability = static_cast<float>(p);
  const RandomKey key = pass.next_key();
  Tensor y = Tensor::empty(x.shape(), x.value.type(), pass.stream.device);
  kernels::table(pass.stream).pointwise.dropout(pass.stream, probability, key, x.value.read(), y.write());
  return record(pass, "dropout", std::move(y), {x},
                [probability, key, stream = pass.stream](const Tensor& gy, Gradients& inputs) mutable {
                  Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
                  kernels::table(stream).pointwise.dropout(stream, probability, key, gy.read(), gx.write());
                  inputs.add(0, std::move(gx));
                });
}

}  // namespace sec::layers
