// Convolution along time with the same weights for every lead.
// This is a (1, k) convolution in 2-D terms, and an ordinary 1-D convolution if H = 1.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace sec::kernels {

struct ConvShape {
  std::int64_t n, l, h;      // samples, time steps, leads of the input
  std::int64_t c_in, c_out;  // channels
  std::int64_t k;            // taps
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // zeros added before the first and after the last time step

  std::int64_t l_out() const { return (l + 2 * pad - k) / stride + 1; }
  std::int64_t macs() const { return n * l_out() * h * c_out * c_in * k; }
};

// The operands of one convolution in a group. All convolutions of a group have the same element type.
// Their shapes may differ, and their outputs must not overlap. The network's three scales form a group:
// a launch for a single scale of a deep layer would leave most of a GPU idle.
struct ConvForward {
  ConvShape shape;
  ConstSpan x;     // (N, L, H, Ci)
  ConstSpan w;     // (K, Ci, Co) f32
  ConstSpan bias;  // (Co) f32, or empty
  Span y;          // (N, Lo, H, Co)
};
struct ConvDgrad {
  ConvShape shape;
  ConstSpan gy;  // (N, Lo, H, Co)
  ConstSpan w;   // (K, Ci, Co) f32
  Span gx;       // (N, L, H, Ci)
};
struct ConvWgrad {
  ConvShape shape;
  ConstSpan x;   // (N, L, H, Ci)
  ConstSpan gy;  // (N, Lo, H, Co)
  Span gw;       // (K, Ci, Co) f32
  Span gbias;    // (Co) f32, or empty
};

// Each kernel processes a group of convolutions, in one launch on devices where that is faster.
// Results are bitwise equal to those of ungrouped calls.
struct ConvKernels {
  // y[n,t,h,o] = bias[o] + sum over j, i of x[n, t * stride + j - pad, h, i] * w[j,i,o].
  // Time steps outside [0, L) count as zero.
  void (*forward_group)(Stream& stream, std::span<const ConvForward> group);

  // Computes the gradient of the input. Overwrites gx.
  void (*dgrad_group)(Stream& stream, std::span<const ConvDgrad> group);

  // Computes the gradients of the weights and the bias. Adds to gw and gbias.
  void (*wgrad_group)(Stream& stream, std::span<const ConvWgrad> group);

  // Single convolutions: groups of one.
  void forward(Stream& stream, const ConvShape& shape, ConstSpan x, ConstSpan w, ConstSpan bias,
               Span y) const {
    const ConvForward one{shape, x, w, bias, y};
    forward_group(stream, {&one, 1});
  }
  void dgrad(Stream& stream, const ConvShape& shape, ConstSpan gy, ConstSpan w, Span gx) const {
    const ConvDgrad one{shape, gy, w, gx};
    dgrad_group(stream, {&one, 1});
  }
  void wgrad(Stream& stream, const ConvShape& shape, ConstSpan x, ConstSpan gy, Span gw, Span gbias) const {
    const ConvWgrad one{shape, x, gy, gw, gbias};
    wgrad_group(stream, {&one, 1});
  }
};

}  // namespace sec::kernels
