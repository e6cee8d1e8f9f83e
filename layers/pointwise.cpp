#include "layers/pointwise.h"

#include <algorithm>
#include <numeric>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/record.h"

namespace sec::layers {

Var relu(Pass& pass, const Var& x) {
  const Range range("relu");
  Tensor y = Tensor::empty(x.shape(), x.value.type(), pass.stream.device);
  kernels::table(pass.stream).pointwise.relu(pass.stream, x.value.read(), y.write());
  // Saves y instead of x: y > 0 exactly where x > 0, and the next layer saves y anyway.
  auto backward = [stream = pass.stream, y = saved(pass, y)](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    kernels::table(stream).pointwise.relu_backward(stream, y.get().read(), gy.read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "relu", std::move(y), {x}, std::move(backward));
}

Var sigmoid(Pass& pass, const Var& x) {
  const Range range("sigmoid");
  Tensor y = Tensor::empty(x.shape(), x.value.type(), pass.stream.device);
  kernels::table(pass.stream).pointwise.sigmoid(pass.stream, x.value.read(), y.write());
  auto backward = [stream = pass.stream, y = saved(pass, y)](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    kernels::table(stream).pointwise.sigmoid_backward(stream, y.get().read(), gy.read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "sigmoid", std::move(y), {x}, std::move(backward));
}

Var add(Pass& pass, const Var& a, const Var& b) {
  const Range range("add");
  require(a.shape() == b.shape(), "add: the shapes {} and {} differ", a.shape().text(), b.shape().text());
  Tensor y = Tensor::empty(a.shape(), a.value.type(), pass.stream.device);
  kernels::table(pass.stream).pointwise.add(pass.stream, a.value.read(), b.value.read(), y.write());
  return record(pass, "add", std::move(y), {a, b}, [](const Tensor& gy, Gradients& inputs) {
    inputs.add(0, gy);
    inputs.add(1, gy);
  });
}

Var cast(Pass& pass, const Var& x, DType type) {
  if (x.value.type() == type) {
    return x;
  }
  const Range range("cast");
  Tensor y = Tensor::empty(x.shape(), type, pass.stream.device);
  kernels::table(pass.stream).pointwise.cast(pass.stream, x.value.read(), y.write());
  auto backward = [from = x.value.type(), stream = pass.stream](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), from, stream.device);
    kernels::table(stream).pointwise.cast(stream, gy.read(), gx.write());
    inputs.add(0, std::move(gx));
  };
  return record(pass, "cast", std::move(y), {x}, std::move(backward));
}

Var gate(Pass& pass, const Var& x, const Var& factors) {
  const Range range("gate");
  require(x.shape().rank() == 4 && factors.shape() == Shape({x.shape()[0], x.shape()[3]}),
          "gate: expected an input (N, L, H, C) and factors (N, C), got {} and {}", x.shape().text(),
          factors.shape().text());
  const kernels::GateShape shape{x.shape()[0], x.shape()[1] * x.shape()[2], x.shape()[3]};
  Tensor y = Tensor::empty(x.shape(), x.value.type(), pass.stream.device);
  kernels::table(pass.stream)
      .pointwise.gate(pass.stream, shape, x.value.read(), factors.value.read(), y.write());
  auto backward = [shape, stream = pass.stream, x = saved(pass, x.value),
                   factors = saved(pass, factors.value)](const Tensor& gy, Gradients& inputs) mutable {
    Tensor gx = Tensor::empty(gy.shape(), gy.type(), stream.device);
    Tensor gfactors = Tensor::empty({shape.n, shape.c}, gy.type(), stream.device);
    kernels::table(stream).pointwise.gate_backward(stream, shape, x.get().read(), factors.get().read(),
                                                   gy.read(), gx.write(), gfactors.write());
    inputs.add(0, std::move(gx));
    inputs.add(1, std::move(gfactors));
  };
  return record(pass, "gate", std::move(y), {x, factors}, std::move(backward));
}

Var concat(Pass& pass, const std::vector<Var>& parts) {
  const Range range("concat");
  require(!parts.empty(), "concat: expected at least one tensor");
  std::vector<std::int64_t> widths;
  std::int64_t columns = 0;
  for (const Var& part : parts) {
    require(part.shape().rank() == 2 && part.shape()[0] == parts[0].shape()[0],
            "concat: expected tensors (N, C) with equal N, got {} and {}", part.shape().text(),
            parts[0].shape().text());
    widths.push_back(part.shape()[1]);
    columns += part.shape()[1];
  }
  const std::int64_t rows = parts[0].shape()[0];
  Tensor y = Tensor::empty({rows, columns}, parts[0].value.type(), pass.stream.device);
  std::int64_t to = 0;
  for (const Var& part : parts) {
    const std::int64_t width = part.shape()[1];
    kernels::table(pass.stream)
        .pointwise.copy_columns(pass.stream, rows, width, part.value.read(), width, 0, y.write(), columns,
                                to);
    to += width;
  }
  auto backward = [rows, columns, widths = std::move(widths), stream = pass.stream](
                      const Tensor& gy, Gradients& inputs) mutable {
    std::int64_t from = 0;
    for (int i = 0; i < static_cast<int>(widths.size()); ++i) {
      if (inputs.wanted(i)) {
        Tensor gx = Tensor::empty({rows, widths[i]}, gy.type(), stream.device);
        kernels::table(stream).pointwise.copy_columns(stream, rows, widths[i], gy.read(), columns, from,
                                                      gx.write(), widths[i], 0);
        inputs.add(i, std::move(gx));
      }
      from += widths[i];
    }
  };
  return record(pass, "concat", std::move(y), parts, std::move(backward));
}

std::vector<Var> split(Pass& pass, const Var& x, const std::vector<std::int64_t>& widths) {
  const Range range("split");
  const std::int64_t columns = std::accumulate(widths.begin(), widths.end(), std::int64_t{0});
  require(x.shape().rank() == 2 && x.shape()[1] == columns &&
              std::all_of(widths.begin(), widths.end(), [](std::int64_t width) { return width >= 0; }),
          "split: expected {} columns in all, got {}", columns, x.shape().text());
  const std::int64_t rows = x.shape()[0];
  std::vector<Var> parts;
  std::int64_t from = 0;
  for (const std::int64_t width : widths) {
    if (width == 0) {
      parts.emplace_back();
      continue;
    }
    Tensor y = Tensor::empty({rows, width}, x.value.type(), pass.stream.device);
    kernels::table(pass.stream)
        .pointwise.copy_columns(pass.stream, rows, width, x.value.read(), columns, from, y.write(), width, 0);
    auto backward = [rows, columns, width, from, stream = pass.stream](const Tensor& gy,
                                                                       Gradients& inputs) mutable {
      Tensor gx = Tensor::zeros(stream, {rows, columns}, gy.type());
      kernels::table(stream).pointwise.copy_columns(stream, rows, width, gy.read(), width, 0, gx.write(),
                                                    columns, from);
      inputs.add(0, std::move(gx));
    };
    parts.push_back(record(pass, "split", std::move(y), {x}, std::move(backward)));
    from += width;
  }
  return parts;
}

Var view(Pass& pass, const Var& x, const Shape& shape) {
  return record(pass, "view", x.value.view(shape), {x},
                [from = x.shape()](const Tensor& gy, Gradients& inputs) { inputs.add(0, gy.view(from)); });
}

}  // namespace sec::layers
