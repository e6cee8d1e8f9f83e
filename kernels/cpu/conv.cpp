// Convolution forward and the gradient of its input, both as correlations along time.
//
// Activations are rows of channels: row (t, h) of a sample starts at (t * H + h) * C, so that a tap moves H
// rows on and leads are just more rows. A register tile keeps the sums of up to 12 rows x 32 channels (6 x 16
// on AVX2) while taps and input channels run innermost; each step loads two vectors of weights and one
// element of each row. Weights are packed into panels of a tile's columns, in the order in which the tile
// reads them. Every output element is summed over (tap, channel) in the same order wherever its row lies in
// a tile, so results do not depend on how samples are batched or on threads.
#include <utility>

#include "engine/parallel.h"
#include "engine/ranges.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/tiles.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// out[n, u * out_step + out_first, h, :] =
//     start + sum over m < taps of in[n, u * in_step + m - pad, h, :] * weights[m]    for u in [0, count)
struct Correlation {
  std::int64_t n, h;
  const float* in;
  std::int64_t in_length, in_channels;
  float* out;
  std::int64_t out_length, out_channels;
  std::int64_t count, taps, pad;
  std::int64_t in_step, out_step, out_first;
  const float* weights;  // panels of (taps, in_channels, tile_columns)
  const float* start;    // panels of (tile_columns)

  std::int64_t panels() const { return ceil_div(out_channels, tile_columns); }
  std::int64_t panel_size() const { return taps * in_channels * tile_columns; }
};

// Consecutive outputs of one sample, and the input that they need.
struct Window {
  const float* in;
  std::int64_t sample, first, size;
};

// One register tile: Rows rows, `row` floats apart in the input, each to its own place in the output.
template <int Rows, int Vectors>
void tile(const Correlation& op, const float* in, std::int64_t row, const float* weights, const float* start,
          float* const* out, std::int64_t columns) {
  F32 sum[Rows][Vectors];
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      sum[r][v] = load(start + v * width);
    }
  }
  const std::int64_t tap = op.h * op.in_channels;
  for (std::int64_t j = 0; j < op.taps; ++j) {
    // One pointer for three rows: the others are within reach of an address's scaled index.
    const float* base[(Rows + 2) / 3];
    for (int b = 0; b < (Rows + 2) / 3; ++b) {
      base[b] = in + j * tap + 3 * b * row;
    }
    for (std::int64_t i = 0; i < op.in_channels; ++i) {
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
  for (int r = 0; r < Rows; ++r) {
    for (int v = 0; v < Vectors; ++v) {
      if (columns >= (v + 1) * width) {
        store(out[r] + v * width, sum[r][v]);
      } else {
        store_part(out[r] + v * width, sum[r][v], std::max<std::int64_t>(columns - v * width, 0));
      }
    }
  }
}

using Tile = void (*)(const Correlation&, const float*, std::int64_t, const float*, const float*,
                      float* const*, std::int64_t);

template <int Vectors, int... Rows>
Tile tile_of(std::int64_t rows, std::integer_sequence<int, Rows...>) {
  static constexpr Tile tiles[] = {tile<Rows + 1, Vectors>...};
  return tiles[rows - 1];
}

// All rows of a window, one panel of output channels.
void run_window(const Correlation& op, const Window& window, std::int64_t panel) {
  const std::int64_t columns = std::min<std::int64_t>(op.out_channels - panel * tile_columns, tile_columns);
  const float* const weights = op.weights + panel * op.panel_size();
  const float* const start = op.start + panel * tile_columns;
  float* const out = op.out + window.sample * op.out_length * op.h * op.out_channels + panel * tile_columns;
  // The rows of a tile must be evenly spaced in the input. With steps of 1, or one lead, all rows of the
  // window are so. Else a tile takes the leads of one step, which lie side by side; or, where they are too
  // few for a tile, consecutive steps of one lead.
  const bool flat = op.in_step == 1 || op.h == 1;
  const bool by_step = !flat && op.h >= tile_rows / 2;
  const std::int64_t step = op.in_step * op.h * op.in_channels;
  const std::int64_t lanes = flat ? 1 : by_step ? window.size : op.h;
  const std::int64_t lane_offset = by_step ? step : op.in_channels;
  const std::int64_t row = flat ? op.in_step * op.in_channels : by_step ? op.in_channels : step;
  const std::int64_t rows = flat ? window.size * op.h : by_step ? op.h : window.size;
  const std::int64_t tiles = ceil_div(rows, tile_rows);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    for (std::int64_t i = 0; i < tiles; ++i) {
      const Part part = part_of(rows, tiles, i);
      float* places[tile_rows];
      for (std::int64_t r = 0; r < part.size; ++r) {
        const std::int64_t index = part.first + r;
        const std::int64_t u = flat ? index / op.h : by_step ? lane : index;
        const std::int64_t h = flat ? index % op.h : by_step ? index : lane;
        places[r] = out + (((window.first + u) * op.out_step + op.out_first) * op.h + h) * op.out_channels;
      }
      constexpr auto sizes = std::make_integer_sequence<int, tile_rows>();
      const Tile run =
          columns <= width ? tile_of<1>(part.size, sizes) : tile_of<tile_vectors>(part.size, sizes);
      run(op, window.in + lane * lane_offset + part.first * row, row, weights, start, places, columns);
    }
  }
}

void correlate(const Correlation& op) {
  if (op.n == 0 || op.count <= 0) {
    return;
  }
  // A task is some 200 rows, enough to use each panel of weights well once it is in the cache: a chunk of
  // one sample, or several short samples.
  constexpr std::int64_t task_rows = 192;
  const std::int64_t chunks = ceil_div(op.count * op.h, task_rows);
  const std::int64_t group = chunks > 1 ? 1 : std::max<std::int64_t>(task_rows / (op.count * op.h), 1);
  const std::int64_t row_tasks = ceil_div(op.n * chunks, group);
  // Few rows: cut the output channels as well, to keep all threads busy.
  const std::int64_t panel_tasks = std::clamp<std::int64_t>(8 / row_tasks, 1, op.panels());
  const std::int64_t input_row = op.h * op.in_channels;
  const auto input_length = [&](std::int64_t size) { return (size - 1) * op.in_step + op.taps; };
  const std::int64_t buffer_size = input_length(ceil_div(op.count, chunks)) * input_row;

  auto task = [&](std::int64_t index) {
    const std::int64_t begin = index / panel_tasks * group;
    const std::int64_t end = std::min(begin + group, op.n * chunks);
    const Scratch buffers((end - begin) * buffer_size);
    Window windows[task_rows];
    for (std::int64_t i = begin; i < end; ++i) {
      const Part part = part_of(op.count, chunks, i % chunks);
      Window& window = windows[i - begin];
      window = {nullptr, i / chunks, part.first, part.size};
      if (part.size > 0) {
        window.in = padded(op.in + window.sample * op.in_length * input_row, op.in_length, input_row,
                           part.first * op.in_step - op.pad, input_length(part.size),
                           buffers.data() + (i - begin) * buffer_size);
      }
    }
    const Part panels = part_of(op.panels(), panel_tasks, index % panel_tasks);
    for (std::int64_t panel = panels.first; panel < panels.first + panels.size; ++panel) {
      for (std::int64_t i = begin; i < end; ++i) {
        run_window(op, windows[i - begin], panel);
      }
    }
  };
  parallel_for(row_tasks * panel_tasks, task);
}

// Columns [column, column + tile_columns) of `rows` rows of `columns`; zeros for those that are missing.
void pack(float* panel, const float* from, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  const std::int64_t present = std::min<std::int64_t>(columns - column, tile_columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    float* const to = panel + r * tile_columns;
    std::copy(from + r * columns + column, from + r * columns + column + present, to);
    std::fill(to + present, to + tile_columns, 0.0F);
  }
}

// The same of the transposed matrix: from is (columns, rows). In blocks, so that both sides stay in the
// cache.
void pack_transposed(float* panel, const float* from, std::int64_t rows, std::int64_t column,
                     std::int64_t columns) {
  constexpr std::int64_t block = 16;
  const std::int64_t present = std::min<std::int64_t>(columns - column, tile_columns);
  for (std::int64_t first = 0; first < rows; first += block) {
    const std::int64_t end = std::min(rows, first + block);
    for (std::int64_t c = 0; c < present; ++c) {
      for (std::int64_t r = first; r < end; ++r) {
        panel[r * tile_columns + c] = from[(column + c) * rows + r];
      }
    }
    for (std::int64_t r = first; r < end; ++r) {
      std::fill(panel + r * tile_columns + present, panel + (r + 1) * tile_columns, 0.0F);
    }
  }
}

void check_shape(const ConvShape& s) {
  check(s.n >= 0 && s.l >= 0 && s.h > 0 && s.c_in > 0 && s.c_out > 0, "conv: expected extents of 1 or more");
  check(s.k > 0 && s.stride > 0 && s.pad >= 0,
        "conv: expected a kernel, a stride of 1 or more, padding of 0 or more");
  check(s.l + 2 * s.pad >= s.k, "conv: the padded input is shorter than the kernel");
}

void forward(const ConvForward& job) {
  const ConvShape& s = job.shape;
  check_shape(s);
  const float* const weights = floats(job.w, s.k * s.c_in * s.c_out, "conv.forward: w");
  const float* const offsets = floats_or_null(job.bias, s.c_out, "conv.forward: bias");
  Correlation op{.n = s.n,
                 .h = s.h,
                 .in = floats(job.x, s.n * s.l * s.h * s.c_in, "conv.forward: x"),
                 .in_length = s.l,
                 .in_channels = s.c_in,
                 .out = floats(job.y, s.n * s.l_out() * s.h * s.c_out, "conv.forward: y"),
                 .out_length = s.l_out(),
                 .out_channels = s.c_out,
                 .count = s.l_out(),
                 .taps = s.k,
                 .pad = s.pad,
                 .in_step = s.stride,
                 .out_step = 1,
                 .out_first = 0,
                 .weights = weights,
                 .start = nullptr};
  const bool packed = s.c_out == tile_columns;  // the weights' own layout is that of the one panel
  const Scratch panels(packed ? 0 : op.panels() * op.panel_size());
  const Scratch start(op.panels() * tile_columns);
  op.start = start.data();
  for (std::int64_t c = 0; c < op.panels() * tile_columns; ++c) {
    start.data()[c] = offsets != nullptr && c < s.c_out ? offsets[c] : 0.0F;
  }
  if (!packed) {
    op.weights = panels.data();
    parallel_for(op.panels(), [&](std::int64_t panel) {
      pack(panels.data() + panel * op.panel_size(), weights, s.k * s.c_in, panel * tile_columns, s.c_out);
    });
  }
  correlate(op);
}

// gx at time t sums gy at (t + pad - j) / stride over the taps j for which that is whole. For each residue q
// of t = stride * u + q these are the taps j = first + stride * m, first = (q + pad) mod stride, which see gy
// at u + (q + pad - first) / stride - m: a correlation of step 1 with the taps in reverse and the channels'
// roles exchanged.
void dgrad(const ConvDgrad& job) {
  const ConvShape& s = job.shape;
  check_shape(s);
  const float* const weights = floats(job.w, s.k * s.c_in * s.c_out, "conv.dgrad: w");
  Correlation op{.n = s.n,
                 .h = s.h,
                 .in = floats(job.gy, s.n * s.l_out() * s.h * s.c_out, "conv.dgrad: gy"),
                 .in_length = s.l_out(),
                 .in_channels = s.c_out,
                 .out = floats(job.gx, s.n * s.l * s.h * s.c_in, "conv.dgrad: gx"),
                 .out_length = s.l,
                 .out_channels = s.c_in,
                 .count = 0,
                 .taps = 0,
                 .pad = 0,
                 .in_step = 1,
                 .out_step = s.stride,
                 .out_first = 0,
                 .weights = nullptr,
                 .start = nullptr};
  const Scratch start(op.panels() * tile_columns);
  std::fill(start.data(), start.data() + op.panels() * tile_columns, 0.0F);
  op.start = start.data();
  const Scratch panels(op.panels() * ceil_div(s.k, s.stride) * s.c_out * tile_columns);
  op.weights = panels.data();
  for (std::int64_t q = 0; q < std::min(s.stride, s.l); ++q) {
    const std::int64_t first = (q + s.pad) % s.stride;
    op.taps = first < s.k ? ceil_div(s.k - first, s.stride) : 0;
    op.count = ceil_div(s.l - q, s.stride);
    op.pad = op.taps - 1 - (q + s.pad - first) / s.stride;
    op.out_first = q;
    if (op.taps == 0) {
      op.pad = 0;
    }
    parallel_for(op.panels(), [&](std::int64_t panel) {
      for (std::int64_t m = 0; m < op.taps; ++m) {
        const std::int64_t tap = first + (op.taps - 1 - m) * s.stride;
        pack_transposed(panels.data() + panel * op.panel_size() + m * s.c_out * tile_columns,
                        weights + tap * s.c_in * s.c_out, s.c_out, panel * tile_columns, s.c_in);
      }
    });
    correlate(op);
  }
}

// One after another: each keeps all threads busy.
void forward_group(Stream&, std::span<const ConvForward> group) {
  const Range range("conv.forward");
  for (const ConvForward& job : group) {
    forward(job);
  }
}

void dgrad_group(Stream&, std::span<const ConvDgrad> group) {
  const Range range("conv.dgrad");
  for (const ConvDgrad& job : group) {
    dgrad(job);
  }
}

void wgrad_group(Stream&, std::span<const ConvWgrad> group) {
  const Range range("conv.wgrad");
  for (const ConvWgrad& job : group) {
    conv_wgrad(job);
  }
}

}  // namespace

ConvKernels conv_kernels() {
  return {forward_group, dgrad_group, wgrad_group};
}

}  // namespace sec::kernels::cpu::SEC_ISA
