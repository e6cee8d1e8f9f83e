// What a pre-activation network puts together from batch norm, ReLU, dropout, convolution and
// squeeze-and-excite, as two operations that read and write each tensor once. A device may have them or not:
// the separate operations compute the same, and stay what the fused ones are tested against.
#pragma once

#include <span>

#include "kernels/conv.h"
#include "kernels/pointwise.h"

namespace sec::kernels {

// a = dropout(relu(batch_norm(x))), never stored.
struct PreActivation {
  ConstSpan mean;      // (Ci) f32: of the batch in training, else the running one
  ConstSpan variance;  // (Ci) f32
  ConstSpan gamma;     // (Ci) f32
  ConstSpan beta;      // (Ci) f32
  float epsilon = 0;
  float p = 0;  // of dropout: an element is dropped where uniform(key, element) < p
  RandomKey key;
};

struct PreActivationForward {
  ConvShape shape;
  ConstSpan x;  // (N, L, H, Ci)
  PreActivation before;
  ConstSpan w;     // (K, Ci, Co) f32
  ConstSpan bias;  // (Co) f32, or empty
  Span y;          // (N, Lo, H, Co)
  // One bit per element of x, packed into i32, for backward on the same device; or empty. If p > 0 and batch
  // norm's result is positive, the bit says whether dropout kept the element. Other bits are up to the
  // device: the CPU stores ReLU's decision too, the GPU recomputes it from x.
  Span activation_mask;
  Span mean;      // (Co) f32, of y, and its biased variance: what the next batch norm needs; or empty
  Span variance;  // (Co) f32
  Span squeeze;   // (N, Co): y's mean over a sample's positions; or empty
  ConstSpan prepared = {};  // f32: w as `prepare` left it, so that it need not be done again; or empty
};

struct PreActivationBackward {
  ConvShape shape;
  ConstSpan x;  // (N, L, H, Ci)
  PreActivation before;
  ConstSpan w;                // (K, Ci, Co) f32
  ConstSpan activation_mask;  // as forward left it
  ConstSpan gy;               // (N, Lo, H, Co)
  ConstSpan extra_gradient;   // (N, L, H, Ci): another gradient of x, which is added to gx; or empty
  Span gx;                    // (N, L, H, Ci): overwritten; through the batch's own statistics
  Span gw;                    // (K, Ci, Co) f32: added to, as all that follow
  Span gbias;                 // (Co) f32, or empty
  Span ggamma;                // (Ci) f32
  Span gbeta;                 // (Ci) f32
};

struct PreActivationKernels {
  // y = conv(a). Groups as in ConvKernels: in one launch where the device gains by it.
  void (*forward_group)(Stream& stream, std::span<const PreActivationForward> group) = nullptr;
  void (*backward_group)(Stream& stream, std::span<const PreActivationBackward> group) = nullptr;

  // The weights in the order in which forward reads them for inputs of the shape's length, of any batch and
  // leads: worth keeping where they serve many times. The floats that takes; 0 where nothing is gained.
  std::int64_t (*prepared_size)(const ConvShape& shape) = nullptr;
  void (*prepare)(Stream& stream, const ConvShape& shape,
                  ConstSpan w,               // (K, Ci, Co) f32
                  Span prepared) = nullptr;  // (prepared_size) f32

  // Whether the device has these kernels, and they take so many channels on either side.
  bool take(std::int64_t c_in, std::int64_t c_out) const {
    return forward_group != nullptr && c_in % 16 == 0 && c_out % 16 == 0;
  }
};

// The end of a residual block: y = x * gate + shortcut, and ReLU where the block has one. Channels as above.
struct ResidualForward {
  GateShape shape;
  bool relu;
  ConstSpan x;         // (N, positions, C)
  ConstSpan gate;      // (N, C)
  ConstSpan shortcut;  // (N, positions, C)
  Span y;              // (N, positions, C)
  Span mean;           // (C) f32, of y, and its biased variance; or empty
  Span variance;       // (C) f32
};

// gshortcut = gy, where y > 0 if `relu`; ggate = the sum over positions of gshortcut * x. Overwrites both.
struct ResidualBackward {
  GateShape shape;
  bool relu;
  ConstSpan x;     // (N, positions, C)
  ConstSpan y;     // (N, positions, C)
  ConstSpan gy;    // (N, positions, C)
  Span gshortcut;  // (N, positions, C)
  Span ggate;      // (N, C)
};

// The gradient of x, which also made the gate through its means: gx = gshortcut * gate + gmeans / positions.
struct ResidualBackwardInput {
  GateShape shape;
  ConstSpan gshortcut;  // (N, positions, C)
  ConstSpan gate;       // (N, C)
  ConstSpan gmeans;     // (N, C)
  Span gx;              // (N, positions, C)
};

// Groups as in ConvKernels: in one launch where the device gains by it.
struct ResidualKernels {
  void (*forward_group)(Stream& stream, std::span<const ResidualForward> group) = nullptr;
  void (*backward_group)(Stream& stream, std::span<const ResidualBackward> group) = nullptr;
  void (*backward_input_group)(Stream& stream, std::span<const ResidualBackwardInput> group) = nullptr;

  // Groups of one.
  void forward(Stream& stream, const ResidualForward& one) const { forward_group(stream, {&one, 1}); }
  void backward(Stream& stream, const ResidualBackward& one) const { backward_group(stream, {&one, 1}); }
  void backward_input(Stream& stream, const ResidualBackwardInput& one) const {
    backward_input_group(stream, {&one, 1});
  }
};

}  // namespace sec::kernels
