// How a convolution reads its input: as it is, or through what comes before it in a pre-activation network,
// dropout(relu(batch norm(x))), computed on the way into a buffer and never stored.
#pragma once

#include "engine/philox.h"
#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// a = z / (1 - p) with z = (x - centre) * scale + shift, where z > 0 and dropout keeps the element; else 0.
// Channels come in multiples of `mark_elements`.
struct Activation {
  const float* centre;  // (C)
  const float* scale;   // (C)
  const float* shift;   // (C)
  float keep = 1;       // 1 / (1 - p)
  float p = 0;          // of dropout
  RandomKey key = {};   // with its step in `step`, not behind a pointer
  // A bit an element: did it pass? Written where `draws`, else read.
  std::uint16_t* marks = nullptr;
  bool draws = true;
};

constexpr std::int64_t mark_elements = 16;  // that share a word of marks

struct Source {
  const float* x;  // (N, L, row): a row is the channels of all leads at one step
  std::int64_t length, row, channels;
  const Activation* activation;  // or null
};

// Steps [first, first + size) of a sample, zeros for those outside of [0, L): the sample's own memory where
// it can serve, else a copy in `buffer` (size * row floats). Of the marks it writes those of the steps `own`,
// as neighbours share some of their steps.
const float* stretch(const Source& source, std::int64_t sample, std::int64_t first, std::int64_t size,
                     Part own, float* buffer);

}  // namespace sec::kernels::cpu::SEC_ISA
