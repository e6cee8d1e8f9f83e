// The convolutions of one instruction set, with what a pre-activation network puts before and behind them.
#pragma once

#include "kernels/conv.h"
#include "kernels/cpu/correlation.h"

namespace sec::kernels::cpu::SEC_ISA {

void check_shape(const ConvShape& shape);

// A short input does not reach all taps: some would see the padding alone, at every step. The same
// convolution without them: what is left of the kernel, and its first tap. Their weights' gradient is zero.
struct Cropped {
  ConvShape shape;
  std::int64_t first_tap;
};
Cropped cropped(const ConvShape& shape);

// y = conv(x), x read through its activation and y finished as it asks; bias (Co) or null. `prepared` is what
// prepare_forward made of the weights, or null.
void forward(const ConvShape& shape, const Source& x,  // (N, L, H, Ci)
             const float* weights,                     // (K, Ci, Co)
             const float* prepared, const float* bias,
             const Output& y);                  // (N, Lo, H, Co)
Shares forward_shares(const ConvShape& shape);  // of y: for the slots of its sums
std::int64_t prepared_size(const ConvShape& shape);
void prepare_forward(const ConvShape& shape, const float* weights, float* prepared);

// The gradient of the input as read, finished as gx asks.
void dgrad(const ConvShape& shape, const float* gy,  // (N, Lo, H, Co)
           const float* weights,                     // (K, Ci, Co)
           const Output& gx);                        // (N, L, H, Ci)
std::int64_t dgrad_slots(const ConvShape& shape);

// The gradient of the weights and of the bias, where gbias is not null: added.
void wgrad(const ConvShape& shape, const Source& x,  // (N, L, H, Ci)
           const float* gy,                          // (N, Lo, H, Co)
           float* gw,                                // (K, Ci, Co)
           float* gbias);                            // (Co)

// The part of it that is done by minimal filtering.
bool wgrad_is_minimal(const ConvShape& shape);
void wgrad_minimally(const ConvShape& shape, const Source& x, const float* gy, float* gw, float* gbias);

}  // namespace sec::kernels::cpu::SEC_ISA
