// The gradient of convolution weights: for each tap a product of two tall matrices, gw[j] += x_j^T gy, where
// x_j are the input rows that tap j sees.
//
// A register tile keeps gw for up to 12 input channels x 32 output channels while rows run innermost. Rows
// that a tap sees in the padding are left out. The rows are cut into partitions that depend on the shape
// alone, each summed into a buffer of its own; the buffers are added in order. So the bits do not depend on
// threads.
#include <utility>

#include "engine/parallel.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/tiles.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// sum over a < outer, b < inner of x[a, b, c] * gy[a, b, :], added to gw[c, :], for c in a tile's rows.
struct Product {
  const float* x;
  std::int64_t x_outer, x_inner, x_channel;  // floats from one to the next
  const float* gy;
  std::int64_t gy_outer, gy_inner;
  float* gw;
  std::int64_t gw_channel;
  std::int64_t outer, inner;
  std::int64_t columns;  // of gw that are stored; gy has a tile's worth in any case
};

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
        store(to, load(to) + sum[r][v]);
      } else if (op.columns > v * width) {
        store_part(to, load_part(to, op.columns - v * width) + sum[r][v], op.columns - v * width);
      }
    }
  }
}

template <int Vectors, int... Rows>
void run_tile(std::int64_t rows, const Product& op, std::integer_sequence<int, Rows...>) {
  static constexpr void (*tiles[])(const Product&) = {tile<Rows + 1, Vectors>...};
  tiles[rows - 1](op);
}

// A tile for each group of input channels.
void run_product(Product op, std::int64_t channels) {
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

struct Wgrad {
  ConvShape shape;
  const float* x;
  const float* gy;

  std::int64_t panels() const { return ceil_div(shape.c_out, tile_columns); }
  // With one input channel the taps take the channels' place in the tile: it would hold one row otherwise.
  bool taps_as_channels() const { return shape.c_in == 1; }
  // Whether the rows of a sample are evenly spaced in x: a tile then takes them in one loop.
  bool flat() const { return shape.stride == 1 || shape.h == 1; }
  // The units in which gw is divided among tasks: (tap, panel of output channels).
  std::int64_t units() const { return (taps_as_channels() ? 1 : shape.k) * panels(); }
};

// Output steps `steps` of one sample, or all steps of several, added to `units` of gw, and to gbias.
void add_chunk(const Wgrad& op, std::int64_t sample, std::int64_t samples, Part steps, Part units, float* gw,
               float* gbias) {
  const ConvShape& s = op.shape;
  const std::int64_t x_row = s.h * s.c_in;
  const std::int64_t gy_row = s.h * s.c_out;
  const float* const x = op.x + sample * s.l * x_row;
  const float* const gy = op.gy + (sample * s.l_out() + steps.first) * gy_row;
  const std::int64_t rows = samples * steps.size * s.h;
  const std::int64_t odd = s.c_out % tile_columns;  // columns of an incomplete last panel: copied
  const std::int64_t last = op.panels() - 1;
  const Scratch tail(odd != 0 ? rows * tile_columns : 0);
  if (odd != 0) {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* const to = tail.data() + r * tile_columns;
      std::copy(gy + r * s.c_out + last * tile_columns, gy + (r + 1) * s.c_out, to);
      std::fill(to + odd, to + tile_columns, 0.0F);
    }
  }
  const std::int64_t reach = (steps.size - 1) * s.stride + s.k;  // input steps that the chunk sees
  const Scratch copy(op.taps_as_channels() ? reach * x_row : 0);

  for (std::int64_t unit = units.first; unit < units.first + units.size; ++unit) {
    const std::int64_t panel = unit % op.panels();
    const std::int64_t tap = unit / op.panels();
    const bool copied = panel == last && odd != 0;
    Product product;
    product.gy = copied ? tail.data() : gy + panel * tile_columns;
    product.gy_inner = copied ? tile_columns : s.c_out;
    product.gy_outer = s.h * product.gy_inner;
    product.gw = gw + tap * s.c_in * s.c_out + panel * tile_columns;
    product.gw_channel = s.c_out;
    product.columns = std::min<std::int64_t>(s.c_out - panel * tile_columns, tile_columns);
    product.x_outer = s.stride * x_row;
    product.x_inner = s.c_in;
    product.inner = s.h;
    std::int64_t channels = s.c_in;
    if (op.taps_as_channels()) {
      product.x = padded(x, s.l, x_row, steps.first * s.stride - s.pad, reach, copy.data());
      product.x_channel = x_row;
      product.outer = steps.size;
      channels = s.k;
    } else {
      // The steps t for which 0 <= t * stride + tap - pad < L.
      const std::int64_t from = s.pad > tap ? ceil_div(s.pad - tap, s.stride) : 0;
      const std::int64_t past = s.l - 1 + s.pad < tap ? 0 : (s.l - 1 + s.pad - tap) / s.stride + 1;
      const std::int64_t begin = std::max(steps.first, from);
      const std::int64_t end = std::min(steps.first + steps.size, past);
      if (end <= begin) {
        continue;
      }
      product.x = x + (begin * s.stride + tap - s.pad) * x_row;
      product.x_channel = 1;
      product.gy += (begin - steps.first) * product.gy_outer;
      product.outer = end - begin;
    }
    if (op.flat()) {
      product.x_inner = s.stride * s.c_in;
      product.inner = product.outer * s.h;
      product.outer = samples;
      product.x_outer = s.l * x_row;
      product.gy_outer = s.l_out() * s.h * product.gy_inner;
    } else if (s.h < 4) {  // the longer loop runs innermost
      std::swap(product.x_outer, product.x_inner);
      std::swap(product.gy_outer, product.gy_inner);
      std::swap(product.outer, product.inner);
    }
    run_product(product, channels);
  }

  if (gbias != nullptr) {
    const Scratch sums(s.c_out);
    std::fill(sums.data(), sums.data() + s.c_out, 0.0F);
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < s.c_out; ++c) {
        sums.data()[c] += gy[r * s.c_out + c];
      }
    }
    for (std::int64_t c = 0; c < s.c_out; ++c) {
      gbias[c] += sums.data()[c];
    }
  }
}

}  // namespace

void conv_wgrad(const ConvWgrad& job) {
  const ConvShape& s = job.shape;
  check(s.k > 0 && s.stride > 0 && s.pad >= 0 && s.h > 0 && s.l + 2 * s.pad >= s.k,
        "conv.wgrad: the padded input is shorter than the kernel");
  const Wgrad op{s, floats(job.x, s.n * s.l * s.h * s.c_in, "conv.wgrad: x"),
                 floats(job.gy, s.n * s.l_out() * s.h * s.c_out, "conv.wgrad: gy")};
  const std::int64_t weights = s.k * s.c_in * s.c_out;
  float* const gw = floats(job.gw, weights, "conv.wgrad: gw");
  float* const gbias = floats_or_null(job.gbias, s.c_out, "conv.wgrad: gbias");
  if (s.n == 0) {
    return;
  }

  // Chunks of some 256 rows fit the cache while all taps pass over them. A partition of less than 2048 rows
  // would cost more in adding up its buffer than in filling it; units divide the work where rows are few.
  constexpr std::int64_t chunk_rows = 256;
  const std::int64_t sample_rows = s.l_out() * s.h;
  const std::int64_t chunks = ceil_div(sample_rows, chunk_rows);  // of a sample
  const bool grouped = op.flat() && !op.taps_as_channels() && chunks == 1;
  const std::int64_t samples =
      grouped ? std::clamp<std::int64_t>(chunk_rows / sample_rows, 1, s.n) : 1;  // of a chunk
  const std::int64_t all_chunks = ceil_div(s.n, samples) * chunks;
  const std::int64_t partitions =
      std::clamp<std::int64_t>(s.n * sample_rows / 2048, 1, std::min<std::int64_t>(all_chunks, 16));
  const std::int64_t unit_groups = std::min(op.units(), ceil_div(16, partitions));
  const std::int64_t buffer_size = weights + s.c_out;
  const Scratch buffers(partitions > 1 ? partitions * buffer_size : 0);

  parallel_for(partitions * unit_groups, [&](std::int64_t index) {
    const std::int64_t partition = index / unit_groups;
    const std::int64_t group = index % unit_groups;
    const Part units = part_of(op.units(), unit_groups, group);
    float* to = gw;
    float* to_bias = gbias;
    if (partitions > 1) {
      to = buffers.data() + partition * buffer_size;
      to_bias = to + weights;
      for (std::int64_t unit = units.first; unit < units.first + units.size; ++unit) {
        const std::int64_t column = unit % op.panels() * tile_columns;
        const std::int64_t columns = std::min<std::int64_t>(s.c_out - column, tile_columns);
        const std::int64_t rows = weights / s.c_out / (op.taps_as_channels() ? 1 : s.k);
        for (std::int64_t r = 0; r < rows; ++r) {
          float* const row = to + (unit / op.panels() * rows + r) * s.c_out + column;
          std::fill(row, row + columns, 0.0F);
        }
      }
    }
    if (group != 0 || gbias == nullptr) {
      to_bias = nullptr;
    } else if (partitions > 1) {
      std::fill(to_bias, to_bias + s.c_out, 0.0F);
    }
    const Part range_of_chunks = part_of(all_chunks, partitions, partition);
    for (std::int64_t i = range_of_chunks.first; i < range_of_chunks.first + range_of_chunks.size; ++i) {
      const Part steps = part_of(s.l_out(), chunks, i % chunks);
      if (steps.size > 0) {
        const std::int64_t sample = i / chunks * samples;
        add_chunk(op, sample, std::min(samples, s.n - sample), steps, units, to, to_bias);
      }
    }
  });

  if (partitions > 1) {
    constexpr std::int64_t block = 4096;
    const auto add_partitions = [&](float* to, std::int64_t offset, std::int64_t count) {
      for (std::int64_t p = 0; p < partitions; ++p) {
        const float* const from = buffers.data() + p * buffer_size + offset;
        for (std::int64_t i = 0; i < count; ++i) {
          to[i] += from[i];
        }
      }
    };
    parallel_for(ceil_div(weights, block), [&](std::int64_t i) {
      add_partitions(gw + i * block, i * block, std::min(block, weights - i * block));
    });
    if (gbias != nullptr) {
      add_partitions(gbias, weights, s.c_out);
    }
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA
