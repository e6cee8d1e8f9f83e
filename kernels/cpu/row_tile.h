// The inner loop of all convolutions: rows of one matrix times panels of another, in register tiles.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// The right operand of a tile: a panel of weights.
struct TilePanel {
  std::int64_t taps, tap;  // number of taps; floats between taps in the left operand
  std::int64_t channels;   // channels per tap
  const float* weights;    // (taps, channels, tile_columns)
  const float* start;      // (tile_columns), initial values of the sums
  std::int64_t columns;    // columns to store, 1 to tile_columns
};

// For r in [0, rows), rows <= tile_rows:
//   out[r][c] = start[c] + sum over taps j, channels i of left[r * row + j * tap + i] * weights[j, i, c]
// Each element is summed in the same order for any number of rows.
using RowTile = void (*)(const TilePanel& panel, const float* left, std::int64_t row, float* const* out);
RowTile row_tile(std::int64_t rows, std::int64_t columns);

// Computes a tile whose rows are at arbitrary addresses left[r], rows <= tile_rows / 2.
// More row pointers would not fit in the registers.
using GatheredTile = void (*)(const TilePanel& panel, const float* const* left, float* const* out);
GatheredTile gathered_tile(std::int64_t rows, std::int64_t columns);

}  // namespace sec::kernels::cpu::SEC_ISA
