// Small kernels that convert between our conventions and those of cuDNN.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels::cuda {

// Converts filters (K, Ci, Co) to cuDNN's NHWC filters (Co, K, 1, Ci), rounded to the type of `to`.
void to_cudnn_filter(Stream& stream, std::int64_t k, std::int64_t c_in, std::int64_t c_out,
                     ConstSpan w,  // (K, Ci, Co) f32
                     Span to);     // (Co, K, 1, Ci)
// Converts a filter gradient back and adds it to gw.
void add_cudnn_filter(Stream& stream, std::int64_t k, std::int64_t c_in, std::int64_t c_out,
                      ConstSpan from,  // (Co, K, 1, Ci)
                      Span gw);        // (K, Ci, Co) f32

// y[row, c] += bias[c]
void add_bias(Stream& stream, std::int64_t rows, std::int64_t c,
              ConstSpan bias,  // (C) f32
              Span y);         // (rows, C)
// gbias[c] += sum over rows of gy[row, c]
void add_bias_gradient_of(Stream& stream, std::int64_t rows, std::int64_t c,
                          ConstSpan gy,  // (rows, C)
                          Span gbias);   // (C) f32

// cuDNN returns the unbiased variance. This makes it biased: variance *= (rows - 1) / rows.
void to_biased(Stream& stream, std::int64_t rows, Span variance);  // (C) f32
// to = 1 / sqrt(variance + epsilon)
void inverse_deviation(Stream& stream, float epsilon,
                       ConstSpan variance,  // (C) f32
                       Span to);            // (C) f32

}  // namespace sec::kernels::cuda
