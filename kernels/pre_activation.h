// Fused operations of a pre-activation network. One is batch norm, ReLU, dropout and convolution;
// another is the end of a residual block. They read and write each tensor once. A device may lack them:
// the unfused operations compute the same results, and tests compare the fused ones with them.
#pragma once

#include <span>

#include "kernels/conv.h"
#include "kernels/pointwise.h"

namespace sec::kernels {

// a = dropout(relu(batch_norm(x))), the input of the convolution, which is never stored.
struct PreActivation {
  ConstSpan mean;      // (Ci) f32: of the batch in training, the running mean in inference
  ConstSpan variance;  // (Ci) f32: biased variance, of the batch or the running one
  ConstSpan gamma;     // (Ci) f32
  ConstSpan beta;      // (Ci) f32
  float epsilon = 0;
  float p = 0;  // dropout probability: element e is dropped if uniform(key, e) < p
  RandomKey key;
};

struct PreActivationForward {
  ConvShape shape;
  ConstSpan x;  // (N, L, H, Ci)
  PreActivation before;
  ConstSpan w;     // (K, Ci, Co) f32
  ConstSpan bias;  // (Co) f32, or empty
  Span y;          // (N, Lo, H, Co)
  // One bit per element of x, packed into i32, for backward on the same device; or empty.
  // If p > 0 and batch norm's result is positive, the bit says whether dropout kept the element.
  // Other bits are up to the device: the CPU stores ReLU's decision too, the GPU recomputes it from x.
  Span activation_mask;
  Span mean;                // (Co) f32: mean of y, for the next batch norm; or empty
  Span variance;            // (Co) f32: biased variance of y; empty if `mean` is
  Span squeeze;             // (N, Co): mean of y over the positions of each sample; or empty
  ConstSpan prepared = {};  // f32: the result of `prepare` for w, to save repeating it; or empty
};

struct PreActivationBackward {
  ConvShape shape;
  ConstSpan x;  // (N, L, H, Ci)
  PreActivation before;
  ConstSpan w;                // (K, Ci, Co) f32
  ConstSpan activation_mask;  // dropout's mask as written by forward
  ConstSpan gy;               // (N, Lo, H, Co)
  ConstSpan extra_gradient;   // (N, L, H, Ci): another gradient of x, added to gx; or empty
  Span gx;                    // (N, L, H, Ci): overwritten; includes the path through the batch statistics
  Span gw;                    // (K, Ci, Co) f32: added to, like the gradients below
  Span gbias;                 // (Co) f32, or empty
  Span ggamma;                // (Ci) f32
  Span gbeta;                 // (Ci) f32
};

struct PreActivationKernels {
  // y = conv(a). Each kernel processes a group, in one launch on devices where that is faster.
  void (*forward_group)(Stream& stream, std::span<const PreActivationForward> group) = nullptr;
  void (*backward_group)(Stream& stream, std::span<const PreActivationBackward> group) = nullptr;

  // Reorders the weights for forward, for inputs of the shape's length and any number of samples and leads.
  // This pays off if the same weights serve many calls.
  // `prepared_size` is the result's size in floats, or 0 if forward reads the weights as they are.
  std::int64_t (*prepared_size)(const ConvShape& shape) = nullptr;
  void (*prepare)(Stream& stream, const ConvShape& shape,
                  ConstSpan w,               // (K, Ci, Co) f32
                  Span prepared) = nullptr;  // (prepared_size) f32

  // True if the device has these kernels and they support these numbers of channels.
  bool supports(std::int64_t c_in, std::int64_t c_out) const {
    return forward_group != nullptr && c_in % 16 == 0 && c_out % 16 == 0;
  }
};

// The end of a residual block: y = x * gate + shortcut, followed by ReLU if `relu`.
// Every device supports numbers of channels that are multiples of 16.
struct ResidualForward {
  GateShape shape;
  bool relu;
  ConstSpan x;         // (N, positions, C)
  ConstSpan gate;      // (N, C)
  ConstSpan shortcut;  // (N, positions, C)
  Span y;              // (N, positions, C)
  Span mean;           // (C) f32: mean of y; or empty
  Span variance;       // (C) f32: biased variance of y; empty if `mean` is
};

// gshortcut = gy (0 where y <= 0, if `relu`). ggate = the sum over positions of gshortcut * x.
// Overwrites both.
struct ResidualBackward {
  GateShape shape;
  bool relu;
  ConstSpan x;     // (N, positions, C)
  ConstSpan y;     // (N, positions, C)
  ConstSpan gy;    // (N, positions, C)
  Span gshortcut;  // (N, positions, C)
  Span ggate;      // (N, C)
};

// The gradient of x, which reaches y directly and through the gate, a function of the means of x:
// gx = gshortcut * gate + gmeans / positions. Overwrites gx.
struct ResidualBackwardInput {
  GateShape shape;
  ConstSpan gshortcut;  // (N, positions, C)
  ConstSpan gate;       // (N, C)
  ConstSpan gmeans;     // (N, C)
  Span gx;              // (N, positions, C)
};

// Each kernel processes a group, in one launch on devices where that is faster.
struct ResidualKernels {
  void (*forward_group)(Stream& stream, std::span<const ResidualForward> group) = nullptr;
  void (*backward_group)(Stream& stream, std::span<const ResidualBackward> group) = nullptr;
  void (*backward_input_group)(Stream& stream, std::span<const ResidualBackwardInput> group) = nullptr;

  // Single blocks: groups of one.
  void forward(Stream& stream, const ResidualForward& one) const { forward_group(stream, {&one, 1}); }
  void backward(Stream& stream, const ResidualBackward& one) const { backward_group(stream, {&one, 1}); }
  void backward_input(Stream& stream, const ResidualBackwardInput& one) const {
    backward_input_group(stream, {&one, 1});
  }
};

}  // namespace sec::kernels
