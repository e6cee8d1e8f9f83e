// Pooling along time. A time step is a row of H * C floats.
// Each vector covers adjacent (lead, channel) pairs.
// The backward passes gather: each input step sums over the windows that contain it.
#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

void check_shape(const PoolShape& s) {
  check(s.n >= 0 && s.h > 0 && s.c > 0 && s.k > 0 && s.stride > 0,
        "pool: expected extents, a window and a stride of 1 or more");
  check(s.pad >= 0 && 2 * s.pad <= s.k, "pool: expected padding of at most half the window");
  check(s.l + 2 * s.pad >= s.k, "pool: the padded input is shorter than the window");
}

// Calls body(n, t) for all samples and `steps` time steps, in blocks.
template <typename Body>
void for_each_step(const PoolShape& s, std::int64_t steps, const Body& body) {
  const std::int64_t block = std::max<std::int64_t>(block_floats / (s.h * s.c), 1);
  for_blocks((s.n * steps + block - 1) / block, s.n * steps * s.h * s.c, [&](std::int64_t i) {
    for (std::int64_t row = i * block; row < std::min(s.n * steps, (i + 1) * block); ++row) {
      body(row / steps, row % steps);
    }
  });
}

// Calls body(e, lanes) for each vector of a row.
template <typename Body>
void for_each_vector(std::int64_t row, const Body& body) {
  std::int64_t e = 0;
  for (; e + width <= row; e += width) {
    body(e, std::int64_t{width});
  }
  if (e < row) {
    body(e, row - e);
  }
}

// The input steps [begin, end) in the window of output t.
struct Reach {
  std::int64_t begin, end;
};
Reach window_of(const PoolShape& s, std::int64_t t) {
  return {std::max<std::int64_t>(t * s.stride - s.pad, 0), std::min(t * s.stride - s.pad + s.k, s.l)};
}
// The outputs [begin, end) whose windows contain input step t.
Reach windows_with(const PoolShape& s, std::int64_t t) {
  const std::int64_t last = (t + s.pad) / s.stride;
  const std::int64_t before = t + s.pad - s.k;  // window w ends before t if w * stride <= before
  const std::int64_t first = before < 0 ? 0 : before / s.stride + 1;
  return {first, std::min(last + 1, s.l_out())};
}

I32 load_integers(const std::int32_t* from, std::int64_t lanes) {
  I32 v = {};
  std::memcpy(&v, from, static_cast<std::size_t>(lanes) * 4);
  return v;
}

void max_forward(Stream&, const PoolShape& s, ConstSpan x_span, Span y_span, Span position_span) {
  const Range range("pool.max");
  check_shape(s);
  const std::int64_t row = s.h * s.c;
  const float* const x = floats(x_span, s.n * s.l * row, "pool.max: x");
  float* const y = floats(y_span, s.n * s.l_out() * row, "pool.max: y");
  std::int32_t* const position = integers(position_span, s.n * s.l_out() * row, "pool.max: position");
  for_each_step(s, s.l_out(), [&](std::int64_t n, std::int64_t t) {
    const Reach window = window_of(s, t);
    const std::int64_t to = (n * s.l_out() + t) * row;
    for_each_vector(row, [&](std::int64_t e, std::int64_t lanes) {
      const float* const from = x + n * s.l * row + e;
      F32 best = load_lanes(from + window.begin * row, lanes);
      I32 where = I32{} + static_cast<std::int32_t>(window.begin);
      for (std::int64_t step = window.begin + 1; step < window.end; ++step) {
        const F32 v = load_lanes(from + step * row, lanes);
        const I32 wins = (v > best) | ((v != v) & (best == best));  // the first NaN wins
        best = select(wins, v, best);
        where = wins ? I32{} + static_cast<std::int32_t>(step) : where;
      }
      store_lanes(y + to + e, best, lanes);
      std::memcpy(position + to + e, &where, static_cast<std::size_t>(lanes) * 4);
    });
  });
}

void max_backward(Stream&, const PoolShape& s, ConstSpan gy_span, ConstSpan position_span, Span gx_span) {
  const Range range("pool.max.backward");
  check_shape(s);
  const std::int64_t row = s.h * s.c;
  const float* const gy = floats(gy_span, s.n * s.l_out() * row, "pool.max.backward: gy");
  const std::int32_t* const position =
      integers(position_span, s.n * s.l_out() * row, "pool.max.backward: position");
  float* const gx = floats(gx_span, s.n * s.l * row, "pool.max.backward: gx");
  for_each_step(s, s.l, [&](std::int64_t n, std::int64_t t) {
    const Reach windows = windows_with(s, t);
    for_each_vector(row, [&](std::int64_t e, std::int64_t lanes) {
      F32 sum = {};
      for (std::int64_t step = windows.begin; step < windows.end; ++step) {
        const std::int64_t from = (n * s.l_out() + step) * row + e;
        const I32 mine = load_integers(position + from, lanes) == I32{} + static_cast<std::int32_t>(t);
        sum += select(mine, load_lanes(gy + from, lanes), F32{});
      }
      store_lanes(gx + (n * s.l + t) * row + e, sum, lanes);
    });
  });
}

void average(Stream&, const PoolShape& s, ConstSpan x_span, Span y_span) {
  const Range range("pool.average");
  check_shape(s);
  const std::int64_t row = s.h * s.c;
  const float* const x = floats(x_span, s.n * s.l * row, "pool.average: x");
  float* const y = floats(y_span, s.n * s.l_out() * row, "pool.average: y");
  const auto k = static_cast<float>(s.k);
  for_each_step(s, s.l_out(), [&](std::int64_t n, std::int64_t t) {
    const Reach window = window_of(s, t);
    for_each_vector(row, [&](std::int64_t e, std::int64_t lanes) {
      F32 sum = {};
      for (std::int64_t step = window.begin; step < window.end; ++step) {
        sum += load_lanes(x + (n * s.l + step) * row + e, lanes);
      }
      store_lanes(y + (n * s.l_out() + t) * row + e, sum / k, lanes);
    });
  });
}

void average_backward(Stream&, const PoolShape& s, ConstSpan gy_span, Span gx_span) {
  const Range range("pool.average.backward");
  check_shape(s);
  const std::int64_t row = s.h * s.c;
  const float* const gy = floats(gy_span, s.n * s.l_out() * row, "pool.average.backward: gy");
  float* const gx = floats(gx_span, s.n * s.l * row, "pool.average.backward: gx");
  const auto k = static_cast<float>(s.k);
  for_each_step(s, s.l, [&](std::int64_t n, std::int64_t t) {
    const Reach windows = windows_with(s, t);
    for_each_vector(row, [&](std::int64_t e, std::int64_t lanes) {
      F32 sum = {};
      for (std::int64_t step = windows.begin; step < windows.end; ++step) {
        sum += load_lanes(gy + (n * s.l_out() + step) * row + e, lanes);
      }
      store_lanes(gx + (n * s.l + t) * row + e, sum / k, lanes);
    });
  });
}

void global_average(Stream&, const GlobalPoolShape& s, ConstSpan x_span, Span y_span) {
  const Range range("pool.global_average");
  check(s.n >= 0 && s.positions > 0 && s.c > 0, "pool.global_average: expected extents of 1 or more");
  const float* const x = floats(x_span, s.n * s.positions * s.c, "pool.global_average: x");
  float* const y = floats(y_span, s.n * s.c, "pool.global_average: y");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.positions);  // blocks per sample
  const Scratch partial(s.n * blocks * s.c);
  for_blocks(s.n * blocks, s.n * s.positions * s.c, [&](std::int64_t index) {
    const std::int64_t first = index % blocks * layout.block_rows();
    const float* const from = x + (index / blocks * s.positions + first) * s.c;
    const Scratch folded(layout.period);
    layout.sum_rows<1>(
        std::min(layout.block_rows(), s.positions - first),
        [&](std::int64_t e, std::int64_t, std::int64_t lanes, F32* value) {
          value[0] = load_lanes(from + e, lanes);
        },
        folded.data(), partial.data() + index * s.c);
  });
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      double sum = 0;
      for (std::int64_t block = 0; block < blocks; ++block) {
        sum += partial.data()[(n * blocks + block) * s.c + c];
      }
      y[n * s.c + c] = static_cast<float>(sum / static_cast<double>(s.positions));
    }
  }
}

void global_average_backward(Stream&, const GlobalPoolShape& s, ConstSpan gy_span, Span gx_span) {
  const Range range("pool.global_average.backward");
  check(s.n >= 0 && s.positions > 0 && s.c > 0,
        "pool.global_average.backward: expected extents of 1 or more");
  const float* const gy = floats(gy_span, s.n * s.c, "pool.global_average.backward: gy");
  float* const gx = floats(gx_span, s.n * s.positions * s.c, "pool.global_average.backward: gx");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.positions);
  const auto positions = static_cast<float>(s.positions);
  for_blocks(s.n * blocks, s.n * s.positions * s.c, [&](std::int64_t index) {
    const std::int64_t n = index / blocks;
    const std::int64_t first = index % blocks * layout.block_rows();
    float* const to = gx + (n * s.positions + first) * s.c;
    const Scratch share(layout.period);
    const float* const shares = share.data();
    layout.repeat(share.data(), [&](std::int64_t c) { return gy[n * s.c + c] / positions; });
    layout.for_each_vector(std::min(layout.block_rows(), s.positions - first),
                           [&](std::int64_t e, std::int64_t p, std::int64_t lanes) {
                             store_lanes(to + e, load(shares + p), lanes);
                           });
  });
}

}  // namespace

PoolKernels pool_kernels() {
  return {max_forward, max_backward, average, average_backward, global_average, global_average_backward};
}

}  // namespace sec::kernels::cpu::SEC_ISA
