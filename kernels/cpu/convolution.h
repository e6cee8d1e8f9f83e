// Convolutions for one instruction set. They can activate the input and finish the output in the same pass.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/correlation.h"

namespace sec::kernels::cpu::SEC_ISA {

void check_shape(const ConvShape& shape);

// With a short input, some taps read padding at every output step.
// `cropped` removes these taps, whose weights have zero gradient.
// Returns the convolution without them, and the index of its first tap in the original kernel.
struct Cropped {
  ConvShape shape;
  std::int64_t first_tap;
};
Cropped cropped(const ConvShape& shape);

// y = conv(x): x is read through its activation, and y.finish is applied to the output.
// `bias` is (Co) or null. `prepared` is the result of prepare_forward for the weights, or null.
void forward(const ConvShape& shape, const Source& x,  // (N, L, H, Ci)
             const float* weights,                     // (K, Ci, Co)
             const float* prepared, const float* bias,
             const Output& y);                  // (N, Lo, H, Co)
Shares forward_shares(const ConvShape& shape);  // the division of y into shares
std::int64_t prepared_size(const ConvShape& shape);
void prepare_forward(const ConvShape& shape, const float* weights, float* prepared);

// Computes the gradient of the activated input and applies gx.finish to it.
void dgrad(const ConvShape& shape, const float* gy,  // (N, Lo, H, Co)
           const float* weights,                     // (K, Ci, Co)
           const Output& gx);                        // (N, L, H, Ci)
std::int64_t dgrad_slots(const ConvShape& shape);

// Adds the gradients of the weights and the bias to gw and gbias; gbias may be null.
void wgrad(const ConvShape& shape, const Source& x,  // (N, L, H, Ci)
           const float* gy,                          // (N, Lo, H, Co)
           float* gw,                                // (K, Ci, Co)
           float* gbias);                            // (Co)

// Whether wgrad uses minimal filtering for a shape, and weight gradients by minimal filtering.
bool wgrad_is_minimal(const ConvShape& shape);
void wgrad_minimally(const ConvShape& shape, const Source& x, const float* gy, float* gw, float* gbias);

}  // namespace sec::kernels::cpu::SEC_ISA
