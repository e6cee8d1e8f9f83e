#include "layers/lstm.h"

#include <cmath>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/dropout.h"
#include "layers/pointwise.h"
#include "layers/record.h"

namespace sec::layers {
namespace {

// The product of all rows (N * T, In) with a matrix (In, Out), written as a convolution with one tap.
kernels::ConvShape product(std::int64_t rows, std::int64_t in, std::int64_t out) {
  return {.n = 1, .l = rows, .h = 1, .c_in = in, .c_out = out, .k = 1};
}

// The hidden state (N, T, Hid) before each time step.
Tensor states_before(Stream& stream, const kernels::LstmShape& s, const Tensor& y) {
  Tensor before = Tensor::zeros(stream, {s.n, s.steps, s.hidden}, y.type());
  const std::int64_t row = s.steps * s.hidden;
  const std::int64_t from = s.reverse ? s.hidden : 0;
  if (s.steps > 1) {
    kernels::table(stream).pointwise.copy_columns(stream, s.n, row - s.hidden, y.read(), row, from,
                                                  before.write(), row, s.hidden - from);
  }
  return before;
}

Var run_cell(Pass& pass, const LstmCell& cell, const Var& x) {
  const std::int64_t in = x.shape()[2];
  const kernels::LstmShape s{x.shape()[0], x.shape()[1], cell.weight_hh->shape[0], cell.reverse};
  const kernels::ConvShape projection = product(s.n * s.steps, in, 4 * s.hidden);
  const Var w_ih = use(pass, *cell.weight_ih);
  const Var w_hh = use(pass, *cell.weight_hh);
  const Var b_ih = use(pass, *cell.bias_ih);
  const Var b_hh = use(pass, *cell.bias_hh);
  const bool keep = pass.tape != nullptr;
  const Device device = pass.stream.device;
  const DType type = x.value.type();
  Tensor y = Tensor::empty({s.n, s.steps, s.hidden}, type, device);
  Tensor gates = keep ? Tensor::empty({s.n, s.steps, 4 * s.hidden}, DType::f32, device) : Tensor();
  Tensor cells = keep ? Tensor::empty({s.n, s.steps, s.hidden}, DType::f32, device) : Tensor();
  {
    Tensor projected = Tensor::empty({s.n, s.steps, 4 * s.hidden}, type, device);
    const kernels::Table& kernel = kernels::table(pass.stream);
    kernel.conv.forward(pass.stream, projection, x.value.read(), w_ih.value.read(), b_ih.value.read(),
                        projected.write());
    kernel.lstm.forward(pass.stream, s, projected.read(), w_hh.value.read(), b_hh.value.read(),
                        keep ? gates.write() : Span(), keep ? cells.write() : Span(), y.write());
  }
  auto backward = [s, projection, stream = pass.stream, x = saved(pass, x.value),
                   w_ih = saved(pass, w_ih.value), w_hh = saved(pass, w_hh.value), y = saved(pass, y),
                   gates = saved(pass, gates),
                   cells = saved(pass, cells)](const Tensor& gy, Gradients& inputs) mutable {
    const kernels::Table& kernel = kernels::table(stream);
    Tensor gprojected = Tensor::empty({s.n, s.steps, 4 * s.hidden}, gy.type(), stream.device);
    kernel.lstm.backward(stream, s, gy.read(), w_hh.get().read(), gates.get().read(), cells.get().read(),
                         gprojected.write());
    if (inputs.wanted(0)) {
      Tensor gx = Tensor::empty(x.get().shape(), gy.type(), stream.device);
      kernel.conv.dgrad(stream, projection, gprojected.read(), w_ih.get().read(), gx.write());
      inputs.add(0, std::move(gx));
    }
    kernel.conv.wgrad(stream, projection, x.get().read(), gprojected.read(), inputs.sum(1).write(),
                      inputs.sum(3).write());
    const Tensor before = states_before(stream, s, y.get());
    kernel.conv.wgrad(stream, product(s.n * s.steps, s.hidden, 4 * s.hidden), before.read(),
                      gprojected.read(), inputs.sum(2).write(), inputs.sum(4).write());
  };
  return record(pass, "lstm", std::move(y), {x, w_ih, w_hh, b_ih, b_hh}, std::move(backward));
}

}  // namespace

Lstm make_lstm(ParameterSet& set, const std::string& name, const LstmOptions& options) {
  const auto& [in, hidden, layers, bidirectional, dropout] = options;
  require(in > 0 && hidden > 0 && layers > 0, "lstm {}: sizes {} -> {} and {} layers must be positive", name,
          in, hidden, layers);
  require(dropout >= 0 && dropout < 1, "lstm {}: expected a dropout in [0, 1), got {}", name, dropout);
  const Initial initial = Initial::uniform(static_cast<float>(1 / std::sqrt(static_cast<double>(hidden))));
  Lstm lstm{name, {}, options};
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    for (std::int64_t direction = 0; direction < options.directions(); ++direction) {
      const bool reverse = direction == 1;
      const std::string suffix = fmt::format("_l{}{}", layer, reverse ? "_reverse" : "");
      const auto add = [&](const char* what, const Shape& shape) {
        return &set.add(fmt::format("{}.{}{}", name, what, suffix), shape, initial);
      };
      lstm.cells.push_back({add("weight_ih", {options.in_of(layer), 4 * hidden}),
                            add("weight_hh", {hidden, 4 * hidden}), add("bias_ih", {4 * hidden}),
                            add("bias_hh", {4 * hidden}), reverse});
    }
  }
  return lstm;
}

Var lstm(Pass& pass, const Lstm& layer, const Var& x) {
  const Range range("lstm", layer.name);
  const LstmOptions& o = layer.options;
  require(x.shape().rank() == 3 && x.shape()[1] > 0 && x.shape()[2] == o.in,
          "lstm {}: expected an input (N, T, {}) with T above 0, got {}", layer.name, o.in, x.shape().text());
  const std::int64_t n = x.shape()[0];
  const std::int64_t steps = x.shape()[1];
  Var y = x;
  for (std::int64_t i = 0; i < o.layers; ++i) {
    if (i > 0) {
      y = dropout(pass, o.dropout, y);
    }
    const auto first = static_cast<std::size_t>(i * o.directions());
    Var ahead = run_cell(pass, layer.cells[first], y);  // (N, T, Hid)
    if (!o.bidirectional) {
      y = std::move(ahead);
      continue;
    }
    const Var back = run_cell(pass, layer.cells[first + 1], y);  // (N, T, Hid)
    const Shape rows{n * steps, o.hidden};
    y = view(pass, concat(pass, {view(pass, ahead, rows), view(pass, back, rows)}), {n, steps, o.out()});
  }
  return y;
}

Var last_states(Pass& pass, const Lstm& layer, const Var& y) {
  const Range range("last_states");
  const LstmOptions& o = layer.options;
  require(y.shape().rank() == 3 && y.shape()[1] > 0 && y.shape()[2] == o.out(),
          "last_states of {}: expected states (N, T, {}) with T above 0, got {}", layer.name, o.out(),
          y.shape().text());
  const Shape shape = y.shape();
  // The first of each direction's Hid columns in a row of T * Out columns.
  const std::vector<std::int64_t> from = {(shape[1] - 1) * o.out(), o.hidden};
  Tensor last = Tensor::empty({shape[0], o.out()}, y.value.type(), pass.stream.device);
  const std::int64_t row = shape[1] * o.out();
  for (std::int64_t d = 0; d < o.directions(); ++d) {
    kernels::table(pass.stream)
        .pointwise.copy_columns(pass.stream, shape[0], o.hidden, y.value.read(), row,
                                from[static_cast<std::size_t>(d)], last.write(), o.out(), d * o.hidden);
  }
  auto backward = [shape, row, o, from, stream = pass.stream](const Tensor& glast,
                                                              Gradients& inputs) mutable {
    Tensor gy = Tensor::zeros(stream, shape, glast.type());
    for (std::int64_t d = 0; d < o.directions(); ++d) {
      kernels::table(stream).pointwise.copy_columns(stream, shape[0], o.hidden, glast.read(), o.out(),
                                                    d * o.hidden, gy.write(), row,
                                                    from[static_cast<std::size_t>(d)]);
    }
    inputs.add(0, std::move(gy));
  };
  return record(pass, "last_states", std::move(last), {y}, std::move(backward));
}

}  // namespace sec::layers
