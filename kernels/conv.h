// Convolution along time, the same for every lead: a (1, k) convolution in 2-D, a 1-D one where H = 1.
#pragma once

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

struct ConvKernels {
  // y[n,t,h,o] = bias[o] + sum over j, i of x[n, t * stride + j - pad, h, i] * w[j,i,o]; time steps outside
  // [0, L) count as zero.
  void (*forward)(Stream& stream, const ConvShape& shape,
                  ConstSpan x,     // (N, L, H, Ci)
                  ConstSpan w,     // (K, Ci, Co) f32
                  ConstSpan bias,  // (Co) f32, or empty
                  Span y);         // (N, Lo, H, Co)

  // The gradient of the input: overwrites gx.
  void (*dgrad)(Stream& stream, const ConvShape& shape,
                ConstSpan gy,  // (N, Lo, H, Co)
                ConstSpan w,   // (K, Ci, Co) f32
                Span gx);      // (N, L, H, Ci)

  // The gradient of weights and bias: adds to gw and gbias.
  void (*wgrad)(Stream& stream, const ConvShape& shape,
                ConstSpan x,   // (N, L, H, Ci)
                ConstSpan gy,  // (N, Lo, H, Co)
                Span gw,       // (K, Ci, Co) f32
                Span gbias);   // (Co) f32, or empty
};

}  // namespace sec::kernels
