// A register tile keeps gw for up to 12 channels of x and 32 of gy; the loop over rows is innermost.
#include "kernels/cpu/product.h"

#include <utility>

namespace sec::kernels::cpu::SEC_ISA {
namespace {

template <int Rows, int Vectors>
void tile(const Product& op) {
  F32 sum[Rows][Vectors] = {};
  for (std::int64_t a = 0; a < op.outer; ++a) {
    const float* x = op.x + a * op.x_outer;
    const float* gy = op.gy + a * op.gy_outer;
    for (std::int64_t b = 0; b < op.inner; ++b) {
      F32 g[Vectors];
      for (int v = 0; v < Vectors; ++v) {
        g[v] = load(gy + v * width);
      }
      for (int r = 0; r < Rows; ++r) {
        const F32 value = broadcast(x[r * op.x_channel]);
        for (int v = 0; v < Vectors; ++v) {
          sum[r][v] += value * g[v];
        }
      }
      x += op.x_inner;
      gy += op.gy_inner;
    }
  }
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      float* const to = op.gw + r * op.gw_channel + v * width;
      if (op.columns >= (v + 1) * width) {
        store(to, op.adds ? load(to) + sum[r][v] : sum[r][v]);
      } else if (op.columns > v * width) {
        const F32 before = op.adds ? load_part(to, op.columns - v * width) : F32{};
        store_part(to, before + sum[r][v], op.columns - v * width);
      }
    }
  }
}

template <int Vectors, int... Rows>
void run_tile(std::int64_t rows, const Product& op, std::integer_sequence<int, Rows...>) {
  static constexpr void (*tiles[])(const Product&) = {tile<Rows + 1, Vectors>...};
  tiles[rows - 1](op);
}

}  // namespace

// Computes one tile for each group of input channels.
void add_product(Product op, std::int64_t channels) {
  constexpr auto sizes = std::make_integer_sequence<int, tile_rows>();
  const float* const x = op.x;
  float* const gw = op.gw;
  const std::int64_t tiles = ceil_div(channels, tile_rows);
  for (std::int64_t i = 0; i < tiles; ++i) {
    const Part part = part_of(channels, tiles, i);
    op.x = x + part.first * op.x_channel;
    op.gw = gw + part.first * op.gw_channel;
    if (op.columns <= width) {
      run_tile<1>(part.size, op, sizes);
    } else {
      run_tile<tile_vectors>(part.size, op, sizes);
    }
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA
