// How a convolution reads its input:
// unchanged, or through a pre-activation network's dropout(relu(batch_norm(x))).
// The activated values are computed into a small buffer and never stored.
#pragma once

#include "engine/philox.h"
#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// a = z / (1 - p) where z = (x - centre) * scale + shift is positive and dropout keeps the element;
// Otherwise a = 0. The number of channels must be a multiple of `mark_elements`.
struct Activation {
  const float* centre;  // (C)
  const float* scale;   // (C)
  const float* shift;   // (C)
  float keep = 1;       // 1 / (1 - p)
  float p = 0;          // dropout probability
  RandomKey key = {};   // the step is in `step`; `step_at` is not used
  // One bit per element: 1 if the element passed dropout and ReLU. Written if `draws`, otherwise read.
  std::uint16_t* marks = nullptr;
  bool draws = true;
};

constexpr std::int64_t mark_elements = 16;  // elements per word of marks

struct Source {
  const float* x;  // (N, L, row): a row holds the channels of all leads at one time step
  std::int64_t length, row, channels;
  const Activation* activation;  // null: x is read as it is
};

// Returns time steps [first, first + size) of a sample, with zeros for steps outside [0, L).
// The result points into the sample if possible, otherwise to a copy in `buffer` (size * row floats).
// Marks are written only for the steps `own`, because windows of neighbouring tasks overlap.
const float* padded_window(const Source& source, std::int64_t sample, std::int64_t first, std::int64_t size,
                           Part own, float* buffer);

}  // namespace sec::kernels::cpu::SEC_ISA
