#include "layers/pool.h"

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {
namespace {

kernels::PoolShape checked(const char* name, const PoolOptions& options, const Shape& x) {
  const auto& [k, stride, pad] = options;
  require(
      k > 0 && stride > 0 && pad >= 0 && pad <= k / 2,
      "{}: expected a window and a stride above 0 and a padding of at most half the window, got {}, {}, {}",
      name, k, stride, pad);
  require(x.rank() == 4, "{}: expected an input (N, L, H, C), got {}", name, x.text());
  require(x[1] + 2 * pad >= k, "{}: a window of {} with padding {} does not fit an input {}", name, k, pad,
          x.text());
  return {x[0], x[1], x[2], x[3], k, stride, pad};
}

}  // namespace

Var max_pool(Pass& pass, const PoolOptions& options, const Var& x) {
  const Range range("max_pool");
  const kernels::PoolShape shape = checked("max_pool", options, x.shape());
  const Shape out{shape.n, shape.l_out(), shape.h, shape.c};
  Tensor y = Tensor::empty(out, x.value.type(), pass.stream.device);
  Tensor position = Tensor::empty(out, DType::i32, pass.stream.device);
  kernels::table(pass.stream).pool.max(pass.stream, shape, x.value.read(), y.write(), position.write());
  auto backward = [shape, stream = pass.stream, position = saved(pass, position)](const Tensor& gy,
                                                                                  Gradients& inputs) mutable {
    Tensor gx = Tensor::empty({shape.n, shape.l, shape.h, shape.c}, gy.type(), stream.device);
    kernels::table(stream).pool.max_backward(stream, shape, gy.read(), position.get().read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "max_pool", std::move(y), {x}, std::move(backward),
                {options.k, options.stride, options.pad});
}

Var average_pool(Pass& pass, const PoolOptions& options, const Var& x) {
  const Range range("average_pool");
  const kernels::PoolShape shape = checked("average_pool", options, x.shape());
  Tensor y = Tensor::empty({shape.n, shape.l_out(), shape.h, shape.c}, x.value.type(), pass.stream.device);
  kernels::table(pass.stream).pool.average(pass.stream, shape, x.value.read(), y.write());
  auto backward = [shape, stream = pass.stream](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty({shape.n, shape.l, shape.h, shape.c}, gy.type(), stream.device);
    kernels::table(stream).pool.average_backward(stream, shape, gy.read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "average_pool", std::move(y), {x}, std::move(backward),
                {options.k, options.stride, options.pad});
}

Tensor means(Pass& pass, const Tensor& x) {
  const kernels::GlobalPoolShape shape{x.extent(0), x.extent(1) * x.extent(2), x.extent(3)};
  Tensor y = Tensor::empty({shape.n, shape.c}, x.type(), pass.stream.device);
  kernels::table(pass.stream).pool.global_average(pass.stream, shape, x.read(), y.write());
  return y;
}

Var global_average_pool(Pass& pass, const Var& x) {
  const Range range("global_average_pool");
  require(x.shape().rank() == 4 && x.shape()[1] > 0 && x.shape()[2] > 0,
          "global_average_pool: expected an input (N, L, H, C) with L and H above 0, got {}",
          x.shape().text());
  const kernels::GlobalPoolShape shape{x.shape()[0], x.shape()[1] * x.shape()[2], x.shape()[3]};
  Tensor y = means(pass, x.value);
  auto backward = [shape, from = x.shape(), stream = pass.stream](const Tensor& gy,
                                                                  Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(from, gy.type(), stream.device);
    kernels::table(stream).pool.global_average_backward(stream, shape, gy.read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "global_average_pool", std::move(y), {x}, std::move(backward));
}

}  // namespace sec::layers
