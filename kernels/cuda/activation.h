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
  const auto at = static_cast<std::uint64_t>(first);
  return a.dropout_mask == nullptr ? 0xFFU : static_cast<unsigned>(a.dropout_mask[at / 8]) >> at % 8;
}

// Whether an element passes both dropout and ReLU. NaN passes ReLU, as in the unfused operations.
SEC_DEVICE bool passes(unsigned kept, int i, float normalised) {
  return (kept >> i & 1U) != 0 && !(normalised <= 0.0F);
}

// batch_norm(x) of channel i. Backward must evaluate the same expression to repeat ReLU's decision. Kernels on tensor
// cores evaluate fold()'s expression in bf16, forward and backward: it differs in the last bits of f32.
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

// The coefficients of `width` channels from `channel` on, out of a table in shared memory:
// the centres of `channels` channels, then their scales, then their shifts.
template <int width>
SEC_DEVICE BatchNormCoefficients<width> read_batch_norm(const float* table, int channels, int channel) {
  BatchNormCoefficients<width> result;
  load(table + channel, result.centre);
  load(table + channels + channel, result.scale);
  load(table + 2 * channels + channel, result.shift);
  return result;
}

// For bf16: keep * batch_norm(x) = x * scale + shift, with fewer instructions than the difference from the centre.
// Its error is about 2^-24 of the larger product. bf16 has rounded x by up to 2^-9 of its value before.
SEC_DEVICE void fold(BatchNormCoefficients<1>& n, float keep) {
  n.shift[0] = (n.shift[0] - n.centre[0] * n.scale[0]) * keep;
  n.scale[0] *= keep;
}

// Writes that table, one channel per thread at a time, folded if T is bf16. Every thread of the block takes part.
// Channels from `last` on do not exist. Readers wait for a barrier.
template <typename T>
SEC_DEVICE void write_batch_norm(float* table, int channels, const ActivationOperands& a, int first,
                                 int last) {
  for (int c = static_cast<int>(threadIdx.x); c < channels; c += static_cast<int>(blockDim.x)) {
    const bool exists = first + c < last;
    auto n = exists ? load_batch_norm<1>(a, first + c) : BatchNormCoefficients<1>{};
    if constexpr (std::is_same_v<T, bf16>) {
      fold(n, a.keep);
    }
    table[c] = n.centre[0];
    table[channels + c] = n.scale[0];
    table[2 * channels + c] = n.shift[0];
  }
}

// Rounds 16 bytes in shared memory to TF32, in place, for mma.
SEC_DEVICE void round_piece(float* piece) {
  float value[4];
  load(piece, value);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    value[i] = __uint_as_float(to_tf32(value[i]));
  }
  store(piece, value);
}

// Activates 16 bytes of x in shared memory, in place. `kept` has one bit per element, set if dropout keeps it.
// `dropout`: whether there is any; without, keep is 1. f32 is rounded to TF32, for mma.
template <bool dropout = true>
SEC_DEVICE void activate_piece(float* piece, const BatchNormCoefficients<4>& n, unsigned kept, float keep) {
  float value[4];
  load(piece, value);
  activate(n, dropout ? kept : 0xFFU, dropout ? keep : 1.0F, value);
#pragma unroll
  for (int i = 0; i < 4; ++i) {
    value[i] = __uint_as_float(to_tf32(value[i]));
  }
  store(piece, value);
}

// relu(x * scale + shift) of four packed pairs, with folded coefficients.
SEC_DEVICE void activate_pairs(const BatchNormCoefficients<8>& n, const unsigned (&x)[4], unsigned (&y)[4]) {
#pragma unroll
  for (int p = 0; p < 4; ++p) {
    const float2 both = unpack_bf16(x[p]);
    y[p] = relu_bf16(pack_bf16(both.x * n.scale[2 * p] + n.shift[2 * p],
                               both.y * n.scale[2 * p + 1] + n.shift[2 * p + 1]));
  }
}

// `kept`'s eight bits as masks of 16 bits, in four packed pairs.
SEC_DEVICE void masks_of_bits(unsigned kept, unsigned (&masks)[4]) {
  constexpr unsigned spread = 0x10204080U;  // moves bit i of four to bit 8 i + 7, the highest of byte i
  const unsigned low = (kept & 15U) * spread;
  const unsigned high = (kept >> 4 & 15U) * spread;
  masks[0] = masks_of_bytes<false>(low);
  masks[1] = masks_of_bytes<true>(low);
  masks[2] = masks_of_bytes<false>(high);
  masks[3] = masks_of_bytes<true>(high);
}

// The same for bf16, with folded coefficients. ReLU and dropout act on packed pairs, after rounding: neither changes
// what the other, or rounding, does to an element.
template <bool dropout = true>
SEC_DEVICE void activate_piece(bf16* piece, const BatchNormCoefficients<8>& n, unsigned kept,
                               float /*keep*/) {
  const uint4 packed = *reinterpret_cast<const uint4*>(piece);
  const unsigned x[4] = {packed.x, packed.y, packed.z, packed.w};
  unsigned y[4];
  unsigned masks[4] = {~0U, ~0U, ~0U, ~0U};
  activate_pairs(n, x, y);
  if constexpr (dropout) {
    masks_of_bits(kept, masks);
  }
  *reinterpret_cast<uint4*>(piece) =
      make_uint4(y[0] & masks[0], y[1] & masks[1], y[2] & masks[2], y[3] & masks[3]);
}

}  // namespace sec::kernels::SEC_BACKEND
