// dropout(relu(batch_norm(x))) inside the fused convolutions.
// Forward and wgrad apply it to x before they multiply. dgrad differentiates it before storing the gradient.
//
// A separate kernel draws the dropout mask beforehand, one bit per element.
// Drawing inside the convolution would cost more: each element of x is read several times,
// and Philox takes about 20 instructions per element.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// Operands of dropout(relu(batch_norm(x))) for one layer.
struct ActivationOperands {
  const float* mean = nullptr;      // (C)
  const float* variance = nullptr;  // (C)
  const float* gamma = nullptr;     // (C)
  const float* beta = nullptr;      // (C)
  const unsigned char* dropout_mask =
      nullptr;  // one bit per element of x, set if it is kept; null: all are kept
  float epsilon = 0.0F;
  float keep = 1.0F;  // 1 / (1 - p), the factor of elements that dropout keeps
};

// batch_norm(x) = (x - centre) * scale + shift, for `width` channels.
template <int width>
struct BatchNormCoefficients {
  float centre[width], scale[width], shift[width];
};

template <int width>
SEC_DEVICE BatchNormCoefficients<width> load_batch_norm(const ActivationOperands& a, int channel) {
  BatchNormCoefficients<width> result;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    result.centre[i] = a.mean[channel + i];
    result.scale[i] = a.gamma[channel + i] / sqrtf(a.variance[channel + i] + a.epsilon);
    result.shift[i] = a.beta[channel + i];
  }
  return result;
}

// The mask bits of the 4 or 8 elements from `first` on, a multiple of 4 or 8. Higher bits are undefined.
SEC_DEVICE unsigned dropout_bits(const ActivationOperands& a, std::int64_t first) {
  return a.dropout_mask == nullptr ? 0xFFU : static_cast<unsigned>(a.dropout_mask[first / 8]) >> first % 8;
}

// Whether an element passes both dropout and ReLU. NaN passes ReLU, as in the unfused operations.
SEC_DEVICE bool passes(unsigned kept, int i, float normalised) {
  return (kept >> i & 1U) != 0 && !(normalised <= 0.0F);
}

// batch_norm(x) of channel i. Backward must evaluate the same expression to repeat ReLU's decision.
template <int width>
SEC_DEVICE float apply_batch_norm(const BatchNormCoefficients<width>& n, int i, float x) {
  return (x - n.centre[i]) * n.scale[i] + n.shift[i];
}

template <int width>
SEC_DEVICE void activate(const BatchNormCoefficients<width>& n, unsigned kept, float keep,
                         float (&x)[width]) {
#pragma unroll
  for (int i = 0; i < width; ++i) {
    const float normalised = apply_batch_norm(n, i, x[i]);
    x[i] = passes(kept, i, normalised) ? normalised * keep : 0.0F;
  }
}

// The gradient of batch norm's output from the gradient of activate's output, for channel i.
template <int width>
SEC_DEVICE float masked(const BatchNormCoefficients<width>& n, unsigned kept, float keep, int i, float x,
                        float gradient) {
  return passes(kept, i, apply_batch_norm(n, i, x)) ? gradient * keep : 0.0F;
}

// Activates a window of x in shared memory, in place. Each row has 8 * groups channels.
// Thread i handles the eight channels of group i % groups, whose coefficients are `batch_norm`.
// All threads of the block take part, and their number is a multiple of `groups`.
//   place(row, piece)  address of a 16-byte piece of a row
//   first(row)         index in x of the thread's first channel in a row; negative for padding, kept at zero
//   tf32               rounds results to TF32 for mma
template <typename T, bool tf32, typename Place, typename First>
SEC_DEVICE void activate_window(const Place& place, int rows, int groups, const ActivationOperands& a,
                                const BatchNormCoefficients<8>& batch_norm, const First& first) {
  constexpr int width = 16 / static_cast<int>(sizeof(T));
  const int group = static_cast<int>(threadIdx.x) % groups;
  const int step = static_cast<int>(blockDim.x) / groups;
  for (int row = static_cast<int>(threadIdx.x) / groups; row < rows; row += step) {
    const std::int64_t at = first(row);
    if (at >= 0) {
      float value[8];
#pragma unroll
      for (int piece = 0; piece < 8 / width; ++piece) {
        float part[width];
        load(reinterpret_cast<const T*>(place(row, group * (8 / width) + piece)), part);
#pragma unroll
        for (int i = 0; i < width; ++i) {
          value[piece * width + i] = part[i];
        }
      }
      activate(batch_norm, dropout_bits(a, at), a.keep, value);
#pragma unroll
      for (int piece = 0; piece < 8 / width; ++piece) {
        float part[width];
#pragma unroll
        for (int i = 0; i < width; ++i) {
          part[i] = value[piece * width + i];
          if constexpr (tf32) {
            part[i] = __uint_as_float(to_tf32(part[i]));
          }
        }
        store(reinterpret_cast<T*>(place(row, group * (8 / width) + piece)), part);
      }
    }
  }
}

}  // namespace sec::kernels::SEC_BACKEND
