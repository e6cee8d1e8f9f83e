// Convolution along time, the same for every lead: a (1, k) convolution in 2-D, a 1-D one where H = 1.
#pragma once

#include <span>

#include "engine/tensor.h"

namespace sec::kernels {

struct ConvShape {
  std::int64_t n, l, h;      // samples, time steps, leads of the input
  std::int64_t c_in, c_out;  // channels
  std::int64_t k;            // taps
  std::int64_t stride = 1;
  std::int64_t pad = 0;  // zeros on either side in time

  std::int64_t l_out() const { return (l + 2 * pad - k) / stride + 1; }
  std::int64_t macs() const { return n * l_out() * h * c_out * c_in * k; }
};

// The operands of one convolution in a group. A group's convolutions have equal types and outputs that do not
// overlap; they may differ in shape. A network's three scales (k = 3, 5, 7) are a group: its deep layers are
// so small that one after another they would leave most of a GPU idle.
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

// All take a group, in one launch where the device gains by it; each convolution has the bits that it has
// alone.
struct ConvKernels {
  // y[n,t,h,o] = bias[o] + sum over j, i of x[n, t * stride + j - pad, h, i] * w[j,i,o]; time steps outside
  // [0, L) count as zero.
  void (*forward_group)(Stream& stream, std::span<const ConvForward> group);

  // The gradient of the input: overwrites gx.
  void (*dgrad_group)(Stream& stream, std::span<const ConvDgrad> group);

  // The gradient of weights and bias: adds to gw and gbias.
  void (*wgrad_group)(Stream& stream, std::span<const ConvWgrad> group);

  // Groups of one.
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
