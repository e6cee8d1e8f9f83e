#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

void relu(Stream&, ConstSpan x, Span y) {
  const Range range("relu");
  // NaN is not below zero, so ReLU lets NaN pass. A broken network is then noticed.
  map(
      y.count, floats(y, y.count, "relu: y"), [](F32 v) { return select(v < F32{}, F32{}, v); },
      floats(x, y.count, "relu: x"));
}

void relu_backward(Stream&, ConstSpan x, ConstSpan gy, Span gx) {
  const Range range("relu.backward");
  map(
      gx.count, floats(gx, gx.count, "relu.backward: gx"),
      [](F32 v, F32 g) { return select(v <= F32{}, F32{}, g); }, floats(x, gx.count, "relu.backward: x"),
      floats(gy, gx.count, "relu.backward: gy"));
}

void sigmoid(Stream&, ConstSpan x, Span y) {
  const Range range("sigmoid");
  map(
      y.count, floats(y, y.count, "sigmoid: y"),
      // exp's clamp drops NaN; the second term restores it.
      [](F32 v) { return 1.0F / (1.0F + exp(-v)) + select(v == v, F32{}, v); },
      floats(x, y.count, "sigmoid: x"));
}

void sigmoid_backward(Stream&, ConstSpan y, ConstSpan gy, Span gx) {
  const Range range("sigmoid.backward");
  map(
      gx.count, floats(gx, gx.count, "sigmoid.backward: gx"),
      [](F32 v, F32 g) { return g * (v * (1.0F - v)); }, floats(y, gx.count, "sigmoid.backward: y"),
      floats(gy, gx.count, "sigmoid.backward: gy"));
}

void add(Stream&, ConstSpan a, ConstSpan b, Span y) {
  const Range range("add");
  map(
      y.count, floats(y, y.count, "add: y"), [](F32 u, F32 v) { return u + v; }, floats(a, y.count, "add: a"),
      floats(b, y.count, "add: b"));
}

void accumulate(Stream&, ConstSpan x, Span y) {
  const Range range("accumulate");
  float* const to = floats(y, y.count, "accumulate: y");
  map(
      y.count, to, [](F32 u, F32 v) { return u + v; }, static_cast<const float*>(to),
      floats(x, y.count, "accumulate: x"));
}

// Converts to the bits of bf16. Rounds like the bf16 type, without branches so that the loop vectorises.
std::uint16_t to_bf16(float value) {
  const auto u = __builtin_bit_cast(std::uint32_t, value);
  const std::uint32_t rounded = (u + 0x7fffU + ((u >> 16U) & 1U)) >> 16U;
  const std::uint32_t quiet = (u >> 16U) | 0x40U;
  return static_cast<std::uint16_t>((u & 0x7fffffffU) > 0x7f800000U ? quiet : rounded);
}

float from_bf16(std::uint16_t bits) {
  return __builtin_bit_cast(float, static_cast<std::uint32_t>(bits) << 16U);
}

template <typename From, typename To, typename Convert>
void convert(std::int64_t count, const void* from_data, void* to_data, Convert one) {
  const From* const from = static_cast<const From*>(from_data);
  To* const to = static_cast<To*>(to_data);
  for_blocks((count + block_floats - 1) / block_floats, count, [&](std::int64_t block) {
    const std::int64_t end = std::min(count, (block + 1) * block_floats);
    for (std::int64_t i = block * block_floats; i < end; ++i) {
      to[i] = one(from[i]);
    }
  });
}

void cast(Stream&, ConstSpan x, Span y) {
  const Range range("cast");
  check(x.count == y.count, "cast: x and y differ in their number of elements");
  if (x.type == y.type) {
    if (x.type == DType::bf16) {
      convert<std::uint16_t, std::uint16_t>(y.count, x.data, y.data, [](std::uint16_t v) { return v; });
    } else {
      convert<std::uint32_t, std::uint32_t>(y.count, x.data, y.data, [](std::uint32_t v) { return v; });
    }
    return;
  }
  check(x.type != DType::i32 && y.type != DType::i32, "cast: expected f32 and bf16, got i32");
  if (x.type == DType::f32) {
    convert<float, std::uint16_t>(y.count, x.data, y.data, to_bf16);
  } else {
    convert<std::uint16_t, float>(y.count, x.data, y.data, from_bf16);
  }
}

void gate(Stream&, const GateShape& s, ConstSpan x_span, ConstSpan gate_span, Span y_span) {
  const Range range("gate");
  const std::int64_t sample = s.positions * s.c;
  const float* const x = floats(x_span, s.n * sample, "gate: x");
  const float* const factor = floats(gate_span, s.n * s.c, "gate: gate");
  float* const y = floats(y_span, s.n * sample, "gate: y");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.positions);  // blocks per sample
  for_blocks(s.n * blocks, s.n * sample, [&](std::int64_t index) {
    const std::int64_t n = index / blocks;
    const std::int64_t first = index % blocks * layout.block_rows();
    const std::int64_t offset = n * sample + first * s.c;
    const Scratch repeated(layout.period);
    const float* const factors = repeated.data();
    layout.repeat(repeated.data(), [&](std::int64_t c) { return factor[n * s.c + c]; });
    layout.for_each_vector(std::min(layout.block_rows(), s.positions - first),
                           [&](std::int64_t e, std::int64_t p, std::int64_t lanes) {
                             store_lanes(y + offset + e,
                                         load_lanes(x + offset + e, lanes) * load(factors + p), lanes);
                           });
  });
}

void gate_backward(Stream&, const GateShape& s, ConstSpan x_span, ConstSpan gate_span, ConstSpan gy_span,
                   Span gx_span, Span ggate_span) {
  const Range range("gate.backward");
  const std::int64_t sample = s.positions * s.c;
  const float* const x = floats(x_span, s.n * sample, "gate.backward: x");
  const float* const factor = floats(gate_span, s.n * s.c, "gate.backward: gate");
  const float* const gy = floats(gy_span, s.n * sample, "gate.backward: gy");
  float* const gx = floats(gx_span, s.n * sample, "gate.backward: gx");
  float* const ggate = floats(ggate_span, s.n * s.c, "gate.backward: ggate");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.positions);  // blocks per sample
  const Scratch partial(s.n * blocks * s.c);
  for_blocks(s.n * blocks, s.n * sample, [&](std::int64_t index) {
    const std::int64_t n = index / blocks;
    const std::int64_t first = index % blocks * layout.block_rows();
    const std::int64_t offset = n * sample + first * s.c;
    const Scratch repeated(2 * layout.period);
    const float* const factors = repeated.data();
    layout.repeat(repeated.data(), [&](std::int64_t c) { return factor[n * s.c + c]; });
    layout.sum_rows<1>(
        std::min(layout.block_rows(), s.positions - first),
        [&](std::int64_t e, std::int64_t p, std::int64_t lanes, F32* value) {
          const F32 g = load_lanes(gy + offset + e, lanes);
          store_lanes(gx + offset + e, g * load(factors + p), lanes);
          value[0] = g * load_lanes(x + offset + e, lanes);
        },
        repeated.data() + layout.period, partial.data() + index * s.c);
  });
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      double sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block) {
        sum += partial.data()[(n * blocks + block) * s.c + c];
      }
      ggate[n * s.c + c] = static_cast<float>(sum);
    }
  }
}

void copy_columns(Stream&, std::int64_t rows, std::int64_t count, ConstSpan x_span, std::int64_t x_columns,
                  std::int64_t from, Span y_span, std::int64_t y_columns, std::int64_t to) {
  const Range range("copy_columns");
  check(
      rows >= 0 && count >= 0 && from >= 0 && to >= 0 && from + count <= x_columns && to + count <= y_columns,
      "copy_columns: the columns lie outside of x or y");
  const float* const x = floats(x_span, rows * x_columns, "copy_columns: x");
  float* const y = floats(y_span, rows * y_columns, "copy_columns: y");
  if (count == 0) {
    return;
  }
  const std::int64_t block = std::max<std::int64_t>(block_floats / count, 1);
  for_blocks((rows + block - 1) / block, rows * count, [&](std::int64_t i) {
    for (std::int64_t r = i * block; r < std::min(rows, (i + 1) * block); ++r) {
      std::memcpy(y + r * y_columns + to, x + r * x_columns + from, static_cast<std::size_t>(count) * 4);
    }
  });
}

}  // namespace

PointwiseKernels pointwise_kernels() {
  return {.relu = relu,
          .relu_backward = relu_backward,
          .sigmoid = sigmoid,
          .sigmoid_backward = sigmoid_backward,
          .add = add,
          .accumulate = accumulate,
          .cast = cast,
          .gate = gate,
          .gate_backward = gate_backward,
          .copy_columns = copy_columns,
          .fill_uniform = fill_uniform,
          .dropout = dropout};
}

}  // namespace sec::kernels::cpu::SEC_ISA
