// The inner loop of all convolutions: rows of one matrix times panels of another, a register tile at a time.
#pragma once

#include "kernels/cpu/tiles.h"

namespace sec::kernels::cpu::SEC_ISA {

// What the rows of a tile are multiplied with.
struct TilePanel {
  std::int64_t taps, tap;  // taps, and floats from one tap's channels to the next's in the left operand
  std::int64_t channels;   // of a tap
  const float* weights;    // (taps, channels, tile_columns)
  const float* start;      // (tile_columns), which the sums start from
  std::int64_t columns;    // that are stored, from 1 to tile_columns
};

// out[r][c] = start[c] + sum over taps j, channels i of left[r * row + j * tap + i] * weights[j, i, c] for r
// in [0, rows), rows at most tile_rows. Each element is summed in the same order whatever the tile.
using RowTile = void (*)(const TilePanel& panel, const float* left, std::int64_t row, float* const* out);
RowTile row_tile(std::int64_t rows, std::int64_t columns);

// The same for rows that lie anywhere, `rows` at most tile_rows / 2: more pointers than that leave no
// registers.
using GatheredTile = void (*)(const TilePanel& panel, const float* const* left, float* const* out);
GatheredTile gathered_tile(std::int64_t rows, std::int64_t columns);

}  // namespace sec::kernels::cpu::SEC_ISA
