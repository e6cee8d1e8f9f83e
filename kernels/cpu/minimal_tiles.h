// A share of a convolution's input, split into the overlapping tiles of minimal filtering and transformed.
#pragma once

#include "kernels/cpu/correlation.h"
#include "kernels/cpu/minimal_filter.h"

namespace sec::kernels::cpu::SEC_ISA {

// The transformed rows of a share: (point, sample, tile, lead, phase, channel).
// Each sample has groups - 1 more tiles than its outputs need, because group g reads g tiles further on.
struct MinimalTiles {
  MinimalForm form;
  std::int64_t of_outputs;  // tiles per sample that hold outputs
  std::int64_t rows;        // rows of the share
  std::int64_t h;

  std::int64_t stored() const { return of_outputs + form.groups - 1; }
  // Floats between consecutive points, for rows of `columns` floats. It is never a multiple of a page:
  // otherwise the points of a row would fall into the same few cache sets.
  std::int64_t point(std::int64_t columns) const { return rows * columns + 16; }
};
MinimalTiles minimal_tiles(const MinimalForm& form, std::int64_t h, const Share& share);

// Shares whose transformed tiles should fit in L2.
Shares minimal_shares(const MinimalForm& form, std::int64_t n, std::int64_t count, std::int64_t h,
                      std::int64_t in_channels);

// Transforms the rows of a share into `to`; consecutive points are `point` floats apart.
// A stride is handled as `phases` phases of channels. `last` is true for the last share of a sample.
void transform_input(const MinimalTiles& t, const Source& in, std::int64_t phases, std::int64_t pad,
                     const Share& share, bool last, float* to, std::int64_t point);

}  // namespace sec::kernels::cpu::SEC_ISA
