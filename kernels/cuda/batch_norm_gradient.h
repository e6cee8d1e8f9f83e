// The gradient of batch norm through the batch's own statistics. Used by batch_norm.cu and pre_activation.cu.
//
// For one channel, let g be the gradient of batch norm's output, r = 1 / sqrt(variance + epsilon)
// and z = (x - mean) * r. With mean(.) taken over all rows,
//   gx = gamma * r * (g - mean(g) - z * mean(g * z))
//      = scale * (g - offset) - slope * (x - mean),
// where scale = gamma * r, offset = mean(g), slope = scale * r * r * mean(g * (x - mean)).
#pragma once

#include "kernels/cuda/columns.h"

namespace sec::kernels::SEC_BACKEND {

// Turns one channel's sums over all rows into the coefficients of gx, and adds to ggamma and gbeta.
SEC_DEVICE void finish_batch_norm_sums(int channel, int channels, float rows,
                                       float sum_g,    // sum of g
                                       float sum_g_x,  // sum of g * (x - mean)
                                       float epsilon,
                                       const float* variance,  // (C)
                                       const float* gamma,     // (C)
                                       float* ggamma,          // (C): added to
                                       float* gbeta,           // (C): added to
                                       float* coefficients) {  // (3, C): scale, offset, slope
  const float r = 1.0F / sqrtf(variance[channel] + epsilon);
  const float scale = gamma[channel] * r;
  gbeta[channel] += sum_g;
  ggamma[channel] += sum_g_x * r;
  coefficients[channel] = scale;
  coefficients[channels + channel] = sum_g / rows;
  coefficients[2 * channels + channel] = scale * (r * r) * (sum_g_x / rows);
}

// The coefficients of `width` channels, in registers.
template <int width>
struct BatchNormGradient {
  float centre[width], scale[width], offset[width], slope[width];

  // Replaces g in `gradient` by gx.
  SEC_DEVICE void apply(const float (&x)[width], float (&gradient)[width]) const {
#pragma unroll
    for (int i = 0; i < width; ++i) {
      gradient[i] = scale[i] * (gradient[i] - offset[i]) - slope[i] * (x[i] - centre[i]);
    }
  }
};

template <int width>
SEC_DEVICE BatchNormGradient<width> load_batch_norm_gradient(int channel, int channels,
                                                             const float* mean,            // (C)
                                                             const float* coefficients) {  // (3, C)
  BatchNormGradient<width> result;
#pragma unroll
  for (int i = 0; i < width; ++i) {
    result.centre[i] = mean[channel + i];
    result.scale[i] = coefficients[channel + i];
    result.offset[i] = coefficients[channels + channel + i];
    result.slope[i] = coefficients[2 * channels + channel + i];
  }
  return result;
}

}  // namespace sec::kernels::SEC_BACKEND
