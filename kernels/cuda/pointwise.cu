// Elementwise operations.
// One kernel serves all of them: a thread handles 16 bytes of each operand with one vector access.
// It works element by element if an operand is unaligned or the end is near.
// All operations are bound by memory: ReLU on 40 M bf16 elements reads and writes 162 MB.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// The operations, on the elements of one or two operands.

struct Relu {
  static constexpr bool binary = false;
  // NaN is not less than zero, so it passes, which makes a broken network visible.
  SEC_DEVICE static float compute(float x, float) { return x < 0.0F ? 0.0F : x; }
};
struct ReluBackward {
  static constexpr bool binary = true;
  SEC_DEVICE static float compute(float x, float gy) { return x <= 0.0F ? 0.0F : gy; }
};
struct Sigmoid {
  static constexpr bool binary = false;
  // If e^-x overflows to infinity, the result is 0, as it should be.
  SEC_DEVICE static float compute(float x, float) { return 1.0F / (1.0F + expf(-x)); }
};
struct SigmoidBackward {
  static constexpr bool binary = true;
  SEC_DEVICE static float compute(float y, float gy) { return gy * (y * (1.0F - y)); }
};
struct Add {
  static constexpr bool binary = true;
  SEC_DEVICE static float compute(float a, float b) { return a + b; }
};

// y may be the same buffer as a or b, because a thread reads its elements before it writes.
template <typename Operation, typename T, int width>
__global__ void __launch_bounds__(threads) pointwise_map(const T* a,  // (count)
                                                         const T* b,  // (count), or null
                                                         T* y,        // (count)
                                                         std::int64_t count) {
  constexpr int each = 16 / sizeof(T);
  const std::int64_t first = first_element(each);
  if (width == each && first + each <= count) {
    float left[each];
    float right[each] = {};
    load(a + first, left);
    if constexpr (Operation::binary) {
      load(b + first, right);
    }
#pragma unroll
    for (int i = 0; i < each; ++i) {
      left[i] = Operation::compute(left[i], right[i]);
    }
    store(y + first, left);
  } else {
    for (std::int64_t i = first; i < min(first + each, count); ++i) {
      store(y + i, Operation::compute(load(a + i), Operation::binary ? load(b + i) : 0.0F));
    }
  }
}

template <typename From, typename To, int width>
__global__ void __launch_bounds__(threads) cast_elements(const From* __restrict__ x,  // (count)
                                                         To* __restrict__ y,          // (count)
                                                         std::int64_t count) {
  constexpr int each = 8;
  const std::int64_t first = first_element(each);
  if (width == each && first + each <= count) {
    float values[each];
    load(x + first, values);
    store(y + first, values);
  } else {
    for (std::int64_t i = first; i < min(first + each, count); ++i) {
      store(y + i, load(x + i));
    }
  }
}

// Copies columns of one matrix into columns of another, one element per thread.
// The matrices are small: the features of a batch.
template <typename T>
__global__ void __launch_bounds__(threads)
    copy_column_block(const T* __restrict__ x,  // (rows, x_columns)
                      T* __restrict__ y,        // (rows, y_columns)
                      std::int64_t count, std::int64_t width, std::int64_t x_columns, std::int64_t from,
                      std::int64_t y_columns, std::int64_t to) {
  const std::int64_t i = first_element(1);
  if (i < count) {
    const std::int64_t row = i / width;
    const std::int64_t column = i % width;
    y[row * y_columns + to + column] = x[row * x_columns + from + column];
  }
}

// ---- launchers ----

template <typename Operation>
void launch_map(Stream& stream, const char* name, ConstSpan a, ConstSpan b, Span y) {
  if (y.count == 0) {
    return;
  }
  by_type(y.type, name, [&](auto zero) {
    using T = decltype(zero);
    const T* const left = elements<T>(a, y.count, name);
    const T* const right = Operation::binary ? elements<T>(b, y.count, name) : nullptr;
    T* const to = elements<T>(y, y.count, name);
    by_width<T>(aligned(left, right, to), [&](auto width) {
      launch<pointwise_map<Operation, T, decltype(width)::value>>(
          stream, dim3(blocks_for(y.count, threads * 16 / sizeof(T))), dim3(threads), 0, left, right, to,
          y.count);
    });
  });
}

void relu(Stream& stream, ConstSpan x, Span y) {
  launch_map<Relu>(stream, "relu", x, {}, y);
}
void relu_backward(Stream& stream, ConstSpan x, ConstSpan gy, Span gx) {
  launch_map<ReluBackward>(stream, "relu.backward", x, gy, gx);
}
void sigmoid(Stream& stream, ConstSpan x, Span y) {
  launch_map<Sigmoid>(stream, "sigmoid", x, {}, y);
}
void sigmoid_backward(Stream& stream, ConstSpan y, ConstSpan gy, Span gx) {
  launch_map<SigmoidBackward>(stream, "sigmoid.backward", y, gy, gx);
}
void add(Stream& stream, ConstSpan a, ConstSpan b, Span y) {
  launch_map<Add>(stream, "add", a, b, y);
}
void accumulate(Stream& stream, ConstSpan x, Span y) {
  launch_map<Add>(stream, "accumulate", y, x, y);
}

void cast(Stream& stream, ConstSpan x, Span y) {
  require(x.count == y.count, "cast: expected equal numbers of elements, got {} and {}", x.count, y.count);
  if (x.type == y.type) {
    copy_bytes(stream, y.data, stream.device, x.data, stream.device,
               static_cast<std::size_t>(x.count) * size_of(x.type));
    return;
  }
  if (y.count == 0) {
    return;
  }
  by_type(x.type, "cast: x", [&](auto from) {
    by_type(y.type, "cast: y", [&](auto to) {
      using From = decltype(from);
      using To = decltype(to);
      if constexpr (!std::is_same_v<From, To>) {
        const From* const source = elements<From>(x, y.count, "cast: x");
        To* const target = elements<To>(y, y.count, "cast: y");
        const dim3 grid(blocks_for(y.count, threads * 8));
        if (aligned(source, target)) {
          launch<cast_elements<From, To, 8>>(stream, grid, dim3(threads), 0, source, target, y.count);
        } else {
          launch<cast_elements<From, To, 1>>(stream, grid, dim3(threads), 0, source, target, y.count);
        }
      }
    });
  });
}

void copy_columns(Stream& stream, std::int64_t rows, std::int64_t width, ConstSpan x, std::int64_t x_columns,
                  std::int64_t from, Span y, std::int64_t y_columns, std::int64_t to) {
  require(width >= 0 && from >= 0 && from + width <= x_columns && to >= 0 && to + width <= y_columns,
          "copy_columns: {} columns from {} of {} do not fit {} of {}", width, from, x_columns, to,
          y_columns);
  if (rows * width == 0) {
    return;
  }
  by_type(y.type, "copy_columns", [&](auto zero) {
    using T = decltype(zero);
    launch<copy_column_block<T>>(stream, dim3(blocks_for(rows * width, threads)), dim3(threads), 0,
                                 elements<T>(x, rows * x_columns, "copy_columns: x"),
                                 elements<T>(y, rows * y_columns, "copy_columns: y"), rows * width, width,
                                 x_columns, from, y_columns, to);
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

}  // namespace sec::kernels::SEC_BACKEND
