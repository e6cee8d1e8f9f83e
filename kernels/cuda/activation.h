// dropout(relu(batch_norm(x))) of a few channels, as the fused convolutions compute it: of x on its way into
// a product, and, for the gradient, of the product on its way out.
//
// Which elements dropout keeps is drawn once, by a kernel of its own, a bit an element: a convolution reads
// an element of x for each of its tiles of output channels and in each halo, and Philox takes some 20
// instructions an element.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

struct ActivationOperands {
  const float* mean = nullptr;                  // (C)
  const float* variance = nullptr;              // (C)
  const float* gamma = nullptr;                 // (C)
  const float* beta = nullptr;                  // (C)
  const unsigned char* dropout_mask = nullptr;  // a bit for each element, or null: dropout keeps all
  float epsilon = 0.0F;
  float keep = 1.0F;  // the factor of what is kept: 1 / (1 - p)
};

// batch_norm(x) = (x - centre) * scale + shift, of `width` channels.
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

// The bits of the 4 or 8 elements from `first` on, a multiple of as many; the bits above them mean nothing.
SEC_DEVICE unsigned dropout_bits(const ActivationOperands& a, std::int64_t first) {
  return a.dropout_mask == nullptr ? 0xFFU : static_cast<unsigned>(a.dropout_mask[first / 8]) >> first % 8;
}

// Whether an element passes dropout and ReLU; NaN does, as in the separate operations.
SEC_DEVICE bool passes(unsigned kept, int i, float normalised) {
  return (kept >> i & 1U) != 0 && !(normalised <= 0.0F);
}

// batch_norm(x) of channel i: one expression for both ways, as backward sees ReLU's choice in it.
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

// The gradient of activate's result to that of batch norm's, of channel i.
template <int width>
SEC_DEVICE float masked(const BatchNormCoefficients<width>& n, unsigned kept, float keep, int i, float x,
                        float gradient) {
  return passes(kept, i, apply_batch_norm(n, i, x)) ? gradient * keep : 0.0F;
}

// Activates a window of x in shared memory in place. Its rows have `groups` times eight channels; this
// thread's are those of `batch_norm`. place(row, piece) is where 16 bytes of a row lie. first(row) is the element
// of x where this thread's channels of a row begin; less than 0 for padding, which stays zero. `tf32`: the
// results are rounded for mma. All threads of the block take part, in a multiple of `groups`, thread i with
// group i % groups.
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
