// The fully connected layer: y = x w + bias.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct LinearShape {
  std::int64_t n, in, out;  // samples, input features, output features
};

struct LinearKernels {
  void (*forward)(Stream& stream, const LinearShape& shape,
                  ConstSpan x,     // (N, In)
                  ConstSpan w,     // (In, Out) f32
                  ConstSpan bias,  // (Out) f32, or empty
                  Span y);         // (N, Out)
  // Computes the gradient of the input. Overwrites gx.
  void (*dgrad)(Stream& stream, const LinearShape& shape,
                ConstSpan gy,  // (N, Out)
                ConstSpan w,   // (In, Out) f32
                Span gx);      // (N, In)
  // Computes the gradients of the weights and the bias. Adds to gw and gbias.
  void (*wgrad)(Stream& stream, const LinearShape& shape,
                ConstSpan x,   // (N, In)
                ConstSpan gy,  // (N, Out)
                Span gw,       // (In, Out) f32
                Span gbias);   // (Out) f32, or empty
};

}  // namespace sec::kernels
