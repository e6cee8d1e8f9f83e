// The recurrence of one direction of an LSTM layer (Hochreiter & Schmidhuber 1997).
// Gates and their order are PyTorch's.
// The inputs' contribution to the gates does not depend on the recurrence:
// a linear layer over all time steps computes it beforehand (`projected`).
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct LstmShape {
  std::int64_t n, steps;  // sequences, time steps per sequence
  std::int64_t hidden;    // Hid, hidden units
  bool reverse = false;   // true: the recurrence runs from the last time step to the first
};

struct LstmKernels {
  // Runs the time steps in order, from h = c = 0:
  //   i, f, g, o = the four parts, Hid each, of projected[n,t] + h w + bias
  //   c = sigmoid(f) c + sigmoid(i) tanh(g)
  //   h = sigmoid(o) tanh(c), stored as y[n,t]
  void (*forward)(Stream& stream, const LstmShape& shape,
                  ConstSpan projected,  // (N, T, 4 Hid)
                  ConstSpan w,          // (Hid, 4 Hid) f32
                  ConstSpan bias,       // (4 Hid) f32
                  Span gates,  // (N, T, 4 Hid) f32: gates after sigmoid and tanh, for backward; or empty
                  Span cells,  // (N, T, Hid) f32: c of every time step, for backward; or empty
                  Span y);     // (N, T, Hid)

  // Overwrites gprojected with the gradient of the four parts before sigmoid and tanh.
  // gprojected is also the gradient of each h w; its sum over n and t is the gradient of the bias.
  void (*backward)(Stream& stream, const LstmShape& shape,
                   ConstSpan gy,      // (N, T, Hid)
                   ConstSpan w,       // (Hid, 4 Hid) f32
                   ConstSpan gates,   // (N, T, 4 Hid) f32
                   ConstSpan cells,   // (N, T, Hid) f32
                   Span gprojected);  // (N, T, 4 Hid)
};

}  // namespace sec::kernels
