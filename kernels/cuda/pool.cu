// Pooling along time. A time step is a row of H * C elements.
// A thread computes 16 bytes of an output row, or one element if rows are not whole 16-byte vectors.
// It iterates over the window. Backward passes gather:
// a thread visits all windows that contain its input step, so that no two threads add to the same element.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

struct Windows {
  std::int64_t n;
  int l, l_out, row;  // input and output time steps; H * C
  int k, stride, pad;
};

// The piece of a row that a thread computes. A sample has `steps` rows.
struct Piece {
  std::int64_t sample;
  int step, element;
  bool inside;
};

template <int width>
SEC_DEVICE Piece piece_of(const Windows& s, int steps) {
  const std::int64_t i = first_element(width);
  const std::int64_t row = i / s.row;
  return {row / steps, static_cast<int>(row % steps), static_cast<int>(i % s.row), row < s.n * steps};
}

// The first and last output step whose window contains input step t.
SEC_DEVICE int first_window(const Windows& s, int t) {
  const int before = t + s.pad - s.k;  // a window that starts here ends just before t
  return before < 0 ? 0 : before / s.stride + 1;
}
SEC_DEVICE int last_window(const Windows& s, int t) {
  return min((t + s.pad) / s.stride, s.l_out - 1);
}

template <typename T, int width>
__global__ void __launch_bounds__(threads) max_pool(Windows s,
                                                    const T* __restrict__ x,       // (N, L, row)
                                                    T* __restrict__ y,             // (N, Lo, row)
                                                    int* __restrict__ position) {  // (N, Lo, row)
  const Piece piece = piece_of<width>(s, s.l_out);
  if (!piece.inside) {
    return;
  }
  const int begin = max(piece.step * s.stride - s.pad, 0);
  const int end = min(piece.step * s.stride - s.pad + s.k, s.l);
  float best[width];
  int at[width];
  load(x + (piece.sample * s.l + begin) * s.row + piece.element, best);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    at[i] = begin;
  }
  for (int t = begin + 1; t < end; ++t) {
    float value[width];
    load(x + (piece.sample * s.l + t) * s.row + piece.element, value);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      if (value[i] > best[i] ||
          (value[i] != value[i] && best[i] == best[i])) {  // the first NaN is the maximum
        best[i] = value[i];
        at[i] = t;
      }
    }
  }
  const std::int64_t out = (piece.sample * s.l_out + piece.step) * s.row + piece.element;
  store(y + out, best);
#pragma unroll
  for (int i = 0; i < width; ++i) {
    position[out + i] = at[i];
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(threads)
    max_pool_backward(Windows s,
                      const T* __restrict__ gy,          // (N, Lo, row)
                      const int* __restrict__ position,  // (N, Lo, row)
                      T* __restrict__ gx) {              // (N, L, row)
  const Piece piece = piece_of<width>(s, s.l);
  if (!piece.inside) {
    return;
  }
  float sum[width] = {};
  for (int t = first_window(s, piece.step); t <= last_window(s, piece.step); ++t) {
    const std::int64_t from = (piece.sample * s.l_out + t) * s.row + piece.element;
    float gradient[width];
    load(gy + from, gradient);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      sum[i] += position[from + i] == piece.step ? gradient[i] : 0.0F;
    }
  }
  store(gx + (piece.sample * s.l + piece.step) * s.row + piece.element, sum);
}

template <typename T, int width>
__global__ void __launch_bounds__(threads) average_pool(Windows s,
                                                        const T* __restrict__ x,  // (N, L, row)
                                                        T* __restrict__ y) {      // (N, Lo, row)
  const Piece piece = piece_of<width>(s, s.l_out);
  if (!piece.inside) {
    return;
  }
  const int begin = max(piece.step * s.stride - s.pad, 0);
  const int end = min(piece.step * s.stride - s.pad + s.k, s.l);
  float sum[width] = {};
  for (int t = begin; t < end; ++t) {
    float value[width];
    load(x + (piece.sample * s.l + t) * s.row + piece.element, value);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      sum[i] += value[i];
    }
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    sum[i] /= static_cast<float>(s.k);
  }
  store(y + (piece.sample * s.l_out + piece.step) * s.row + piece.element, sum);
}

template <typename T, int width>
__global__ void __launch_bounds__(threads) average_pool_backward(Windows s,
                                                                 const T* __restrict__ gy,  // (N, Lo, row)
                                                                 T* __restrict__ gx) {      // (N, L, row)
  const Piece piece = piece_of<width>(s, s.l);
  if (!piece.inside) {
    return;
  }
  float sum[width] = {};
  for (int t = first_window(s, piece.step); t <= last_window(s, piece.step); ++t) {
    float gradient[width];
    load(gy + (piece.sample * s.l_out + t) * s.row + piece.element, gradient);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      sum[i] += gradient[i];
    }
  }
#pragma unroll
  for (int i = 0; i < width; ++i) {
    sum[i] /= static_cast<float>(s.k);
  }
  store(gx + (piece.sample * s.l + piece.step) * s.row + piece.element, sum);
}

// ---- launchers ----

Windows windows_of(const PoolShape& s) {
  require(s.n >= 0 && s.h > 0 && s.c > 0 && s.k > 0 && s.stride > 0,
          "pool: expected extents, a window and a stride of 1 or more");
  require(s.pad >= 0 && 2 * s.pad <= s.k, "pool: expected padding of at most half the window");
  require(s.l + 2 * s.pad >= s.k, "pool: the padded input is shorter than the window");
  return {s.n,
          to_int(s.l, "pool"),
          to_int(s.l_out(), "pool"),
          to_int(s.h * s.c, "pool"),
          to_int(s.k, "pool"),
          to_int(s.stride, "pool"),
          to_int(s.pad, "pool")};
}

// Calls launch_it(grid, width) with a grid for `rows` rows.
template <typename T, typename Launch>
void by_pieces(const Windows& s, std::int64_t rows, bool is_aligned, const Launch& launch_it) {
  if (rows == 0) {
    return;
  }
  by_width<T>(is_aligned && s.row % static_cast<int>(16 / sizeof(T)) == 0, [&](auto width) {
    launch_it(dim3(blocks_for(rows * s.row, threads * decltype(width)::value)), width);
  });
}

void max_forward(Stream& stream, const PoolShape& shape, ConstSpan x, Span y, Span position) {
  const Windows s = windows_of(shape);
  by_type(y.type, "pool.max", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.l * s.row, "pool.max: x");
    T* const to = elements<T>(y, s.n * s.l_out * s.row, "pool.max: y");
    int* const at = elements<std::int32_t>(position, s.n * s.l_out * s.row, "pool.max: position");
    by_pieces<T>(s, s.n * s.l_out, aligned(from, to), [&](dim3 grid, auto width) {
      launch<max_pool<T, decltype(width)::value>>(stream, grid, dim3(threads), 0, s, from, to, at);
    });
  });
}

void max_backward(Stream& stream, const PoolShape& shape, ConstSpan gy, ConstSpan position, Span gx) {
  const Windows s = windows_of(shape);
  by_type(gx.type, "pool.max.backward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(gy, s.n * s.l_out * s.row, "pool.max.backward: gy");
    const int* const at =
        elements<std::int32_t>(position, s.n * s.l_out * s.row, "pool.max.backward: position");
    T* const to = elements<T>(gx, s.n * s.l * s.row, "pool.max.backward: gx");
    by_pieces<T>(s, s.n * s.l, aligned(from, to), [&](dim3 grid, auto width) {
      launch<max_pool_backward<T, decltype(width)::value>>(stream, grid, dim3(threads), 0, s, from, at, to);
    });
  });
}

void average(Stream& stream, const PoolShape& shape, ConstSpan x, Span y) {
  const Windows s = windows_of(shape);
  by_type(y.type, "pool.average", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(x, s.n * s.l * s.row, "pool.average: x");
    T* const to = elements<T>(y, s.n * s.l_out * s.row, "pool.average: y");
    by_pieces<T>(s, s.n * s.l_out, aligned(from, to), [&](dim3 grid, auto width) {
      launch<average_pool<T, decltype(width)::value>>(stream, grid, dim3(threads), 0, s, from, to);
    });
  });
}

void average_backward(Stream& stream, const PoolShape& shape, ConstSpan gy, Span gx) {
  const Windows s = windows_of(shape);
  by_type(gx.type, "pool.average.backward", [&](auto zero) {
    using T = decltype(zero);
    const T* const from = elements<T>(gy, s.n * s.l_out * s.row, "pool.average.backward: gy");
    T* const to = elements<T>(gx, s.n * s.l * s.row, "pool.average.backward: gx");
    by_pieces<T>(s, s.n * s.l, aligned(from, to), [&](dim3 grid, auto width) {
      launch<average_pool_backward<T, decltype(width)::value>>(stream, grid, dim3(threads), 0, s, from, to);
    });
  });
}

}  // namespace

PoolKernels pool_kernels() {
  return {.max = max_forward,
          .max_backward = max_backward,
          .average = average,
          .average_backward = average_backward,
          .global_average = global_average,
          .global_average_backward = global_average_backward};
}

}  // namespace sec::kernels::SEC_BACKEND
