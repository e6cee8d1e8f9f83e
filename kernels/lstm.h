// The recurrence of a long short-term memory (Hochreiter & Schmidhuber 1997; gates and their order are
// PyTorch's), one direction of one layer. The inputs' share of the gates does not depend on the recurrence: a
// linear layer over all time steps at once computes it beforehand.
#pragma once

#include "engine/tensor.h"

namespace sec::kernels {

struct LstmShape {
  std::int64_t n, steps;  // sequences, time steps of each
  std::int64_t hidden;    // Hid
  bool reverse = false;   // from the last time step to the first
};

struct LstmKernels {
  // One time step after the other, from h = c = 0:
  //   i, f, g, o  are the four parts, Hid each, of projected[n,t] + h w + bias
  //   c = sigmoid(f) c + sigmoid(i) tanh(g)
  //   h = sigmoid(o) tanh(c), which is y[n,t]
  void (*forward)(Stream& stream, const LstmShape& shape,
                  ConstSpan projected,  // (N, T, 4 Hid)
                  ConstSpan w,          // (Hid, 4 Hid) f32
                  ConstSpan bias,       // (4 Hid) f32
                  Span gates,           // (N, T, 4 Hid) f32, after sigmoid and tanh: what backward wants;
                                        // or empty
                  Span cells,           // (N, T, Hid) f32, every c, likewise
                  Span y);              // (N, T, Hid)

  // The gradient of the four parts before sigmoid and tanh: that of `projected`, of every h w, and summed
  // over n and t of the bias. Overwrites gprojected.
  void (*backward)(Stream& stream, const LstmShape& shape,
                   ConstSpan gy,      // (N, T, Hid)
                   ConstSpan w,       // (Hid, 4 Hid) f32
                   ConstSpan gates,   // (N, T, 4 Hid) f32
                   ConstSpan cells,   // (N, T, Hid) f32
                   Span gprojected);  // (N, T, 4 Hid)
};

}  // namespace sec::kernels
