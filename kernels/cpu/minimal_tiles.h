// A share of a convolution's input, cut into the overlapping tiles of minimal filtering and transformed.
#pragma once

#include "kernels/cpu/correlation.h"
#include "kernels/cpu/minimal_filter.h"

namespace sec::kernels::cpu::SEC_ISA {

// Rows of a share, transformed: (point, sample, tile, lead, phase, channel). A sample has groups - 1 tiles
// more than it has outputs for: the later groups' taps see them.
struct MinimalTiles {
  MinimalForm form;
  std::int64_t of_outputs;  // tiles of a sample
  std::int64_t rows;        // of the share
  std::int64_t h;

  std::int64_t stored() const { return of_outputs + form.groups - 1; }
  // Floats from a point to the next, of `columns` columns: never a multiple of a page, or the points of a row
  // would share a few sets of the cache.
  std::int64_t point(std::int64_t columns) const { return rows * columns + 16; }
};
MinimalTiles minimal_tiles(const MinimalForm& form, std::int64_t h, const Share& share);

// Shares whose tiles, transformed, should stay in L2.
Shares minimal_shares(const MinimalForm& form, std::int64_t n, std::int64_t count, std::int64_t h,
                      std::int64_t in_channels);

// The share's rows, `point` floats from a point to the next. A step of stride `phases` is so many phases of
// channels; `last` is whether the share is its sample's last.
void transform_input(const MinimalTiles& t, const Source& in, std::int64_t phases, std::int64_t pad,
                     const Share& share, bool last, float* to, std::int64_t point);

}  // namespace sec::kernels::cpu::SEC_ISA
