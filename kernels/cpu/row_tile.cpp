// A register tile keeps the sums of up to 12 rows x 32 columns (6 x 16 on AVX2).
// Each iteration over taps and channels loads two vectors of weights and one element of each row.
#include "kernels/cpu/row_tile.h"

#include <cstring>
#include <utility>

namespace sec::kernels::cpu::SEC_ISA {
namespace {

template <int Rows, int Vectors>
[[gnu::always_inline]] inline void store_tile(const TilePanel& panel, const F32 (&sum)[Rows][Vectors],
                                              float* const* out) {
  if (panel.columns == Vectors * width) {
#pragma GCC unroll 12
    for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 2
      for (int v = 0; v < Vectors; ++v) {
        store(out[r] + v * width, sum[r][v]);
      }
    }
    return;
  }
#pragma GCC unroll 12
  for (int r = 0; r < Rows; ++r) {
    float row[Vectors * width];
#pragma GCC unroll 2
    for (int v = 0; v < Vectors; ++v) {
      store(row + v * width, sum[r][v]);
    }
    std::memcpy(out[r], row, static_cast<std::size_t>(panel.columns) * sizeof(float));
  }
}

template <int Rows, int Vectors>
void tile(const TilePanel& panel, const float* left, std::int64_t row, float* const* out) {
  F32 sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sum[r][v] = load(panel.start + v * width);
    }
  }
  const float* weights = panel.weights;
  for (std::int64_t j = 0; j < panel.taps; ++j) {
    // One base pointer serves three rows: the other two are reached by scaled-index addressing.
    const float* base[(Rows + 2) / 3];
    for (int b = 0; b < (Rows + 2) / 3; ++b) {
      base[b] = left + j * panel.tap + 3 * b * row;
    }
    for (std::int64_t i = 0; i < panel.channels; ++i) {
      F32 w[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        w[v] = load(weights + v * width);
      }
      weights += tile_columns;
      for (int r = 0; r < Rows; ++r) {
        const F32 x = broadcast(base[r / 3][r % 3 * row + i]);
        for (int v = 0; v < Vectors; ++v) {
          sum[r][v] += x * w[v];
        }
      }
    }
  }
  store_tile<Rows, Vectors>(panel, sum, out);
}

template <int Rows, int Vectors>
void gathered(const TilePanel& panel, const float* const* left, float* const* out) {
  F32 sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sum[r][v] = load(panel.start + v * width);
    }
  }
  const float* weights = panel.weights;
  for (std::int64_t j = 0; j < panel.taps; ++j) {
    const float* row[Rows];
    for (int r = 0; r < Rows; ++r) {
      row[r] = left[r] + j * panel.tap;
    }
    for (std::int64_t i = 0; i < panel.channels; ++i) {
      F32 w[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        w[v] = load(weights + v * width);
      }
      weights += tile_columns;
      for (int r = 0; r < Rows; ++r) {
        const F32 x = broadcast(row[r][i]);
        for (int v = 0; v < Vectors; ++v) {
          sum[r][v] += x * w[v];
        }
      }
    }
  }
  store_tile<Rows, Vectors>(panel, sum, out);
}

template <int Vectors, int... Rows>
RowTile tile_of(std::int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr RowTile tiles[] = {tile<Rows + 1, Vectors>...};
  return tiles[rows - 1];
}

template <int Vectors, int... Rows>
GatheredTile gathered_of(std::int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr GatheredTile tiles[] = {gathered<Rows + 1, Vectors>...};
  return tiles[rows - 1];
}

}  // namespace

RowTile row_tile(std::int64_t rows, std::int64_t columns) {
  constexpr auto sizes = std::make_integer_sequence<int, tile_rows>();
  return columns <= width ? tile_of<1>(rows, sizes) : tile_of<tile_vectors>(rows, sizes);
}

GatheredTile gathered_tile(std::int64_t rows, std::int64_t columns) {
  constexpr auto sizes = std::make_integer_sequence<int, tile_rows / 2>();
  return columns <= width ? gathered_of<1>(rows, sizes) : gathered_of<tile_vectors>(rows, sizes);
}

}  // namespace sec::kernels::cpu::SEC_ISA
