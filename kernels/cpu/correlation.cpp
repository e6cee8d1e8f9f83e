// Direct correlation, and code shared with the correlation by minimal filtering.
//
// Row (t, h) of a sample starts at (t * H + h) * C. A tap therefore moves H rows on, and leads are more rows.
// Every output element is summed over (tap, channel) in the same order, whatever its row in a tile.
// Results are therefore independent of the batch and of the number of threads.
#include "kernels/cpu/correlation.h"

#include "engine/parallel.h"
#include "kernels/cpu/row_tile.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Consecutive output steps of one sample, and the input window that they read.
struct Window {
  const float* in;
  std::int64_t sample, first, size;
};

TilePanel panel_of(const Correlation& op, std::int64_t panel) {
  return {op.taps,
          op.out.h * op.in.channels,
          op.in.channels,
          op.weights + panel * op.panel_size(),
          op.start + panel * tile_columns,
          std::min<std::int64_t>(op.out.channels - panel * tile_columns, tile_columns)};
}

// Computes one panel of output channels for all rows of a window.
void run_window(const Correlation& op, const Window& window, std::int64_t panel) {
  const std::int64_t h = op.out.h;
  const std::int64_t c_in = op.in.channels;
  const TilePanel right = panel_of(op, panel);
  float* const out = op.out.at(window.sample, 0) + panel * tile_columns;
  // The rows of a tile must be evenly spaced in the input. If in_step = 1 or H = 1, all rows of a window are.
  // Otherwise a tile covers the adjacent leads of one step.
  // If there are too few leads, the tile covers consecutive steps of one lead.
  const bool flat = op.in_step == 1 || h == 1;
  const bool by_step = !flat && h >= tile_rows / 2;
  const std::int64_t step = op.in_step * h * c_in;
  const std::int64_t lanes = flat ? 1 : by_step ? window.size : h;
  const std::int64_t lane_offset = by_step ? step : c_in;
  const std::int64_t row = flat ? op.in_step * c_in : by_step ? c_in : step;
  const std::int64_t rows = flat ? window.size * h : by_step ? h : window.size;
  const std::int64_t tiles = ceil_div(rows, tile_rows);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    for (std::int64_t i = 0; i < tiles; ++i) {
      const Part part = part_of(rows, tiles, i);
      float* places[tile_rows];
      for (std::int64_t r = 0; r < part.size; ++r) {
        const std::int64_t index = part.first + r;
        const std::int64_t u = flat ? index / h : by_step ? lane : index;
        const std::int64_t lead = flat ? index % h : by_step ? index : lane;
        places[r] = out + (((window.first + u) * op.out_step + op.out_first) * h + lead) * op.out.channels;
      }
      row_tile(part.size, right.columns)(right, window.in + lane * lane_offset + part.first * row, row,
                                         places);
    }
  }
}

// Computes one panel of output channels for several windows, each too short to fill a tile.
// A tile takes rows from consecutive windows.
void run_short_windows(const Correlation& op, const Window* windows, std::int64_t count, std::int64_t panel) {
  const std::int64_t h = op.out.h;
  const std::int64_t c_in = op.in.channels;
  const TilePanel right = panel_of(op, panel);
  constexpr std::int64_t most = tile_rows / 2;
  const std::int64_t rows = windows[0].size * h;  // rows of each window; every window is a whole sample
  const std::int64_t tiles = ceil_div(count * rows, most);
  for (std::int64_t i = 0; i < tiles; ++i) {
    const Part part = part_of(count * rows, tiles, i);
    const float* from[most];
    float* to[most];
    for (std::int64_t r = 0; r < part.size; ++r) {
      const Window& window = windows[(part.first + r) / rows];
      const std::int64_t u = (part.first + r) % rows / h;
      const std::int64_t lead = (part.first + r) % rows % h;
      from[r] = window.in + (u * op.in_step * h + lead) * c_in;
      to[r] = op.out.at(window.sample, (window.first + u) * op.out_step + op.out_first) +
              lead * op.out.channels + panel * tile_columns;
    }
    gathered_tile(part.size, right.columns)(right, from, to);
  }
}

// Rows of a block of outputs: `runs` runs of `rows` evenly spaced rows.
struct RowRuns {
  std::int64_t first;  // index of the first float
  std::int64_t runs, run_floats, rows;
};

// Finishes `Vectors` adjacent vectors of columns, which are read from each row together.
template <int Vectors>
void finish_columns(const Output& output, std::int64_t slot, std::int64_t column, const RowRuns& s) {
  const Finish& f = output.finish;
  const std::int64_t c = output.channels;
  F32 centre[Vectors];
  F32 sum[Vectors] = {};
  F32 product[Vectors] = {};
  if (f.statistics != nullptr) {
    for (int v = 0; v < Vectors; ++v) {
      centre[v] = load(output.y + s.first + v * width);
    }
    for (std::int64_t run = 0; run < s.runs; ++run) {
      const float* const y = output.y + s.first + run * s.run_floats;
      for (std::int64_t r = 0; r < s.rows; ++r) {
        for (int v = 0; v < Vectors; ++v) {
          const F32 d = load(y + r * c + v * width) - centre[v];
          sum[v] += d;
          product[v] += d * d;
        }
      }
    }
    float* const to = f.statistics + slot * 3 * c + column;
    for (int v = 0; v < Vectors; ++v) {
      store(to + v * width, centre[v]);
      store(to + c + v * width, sum[v]);
      store(to + 2 * c + v * width, product[v]);
    }
    return;
  }
  for (int v = 0; v < Vectors; ++v) {
    centre[v] = load(f.activation->centre + column + v * width);
  }
  for (std::int64_t run = 0; run < s.runs; ++run) {
    const std::int64_t from = s.first + run * s.run_floats;
    for (std::int64_t e = from; e < from + s.rows * c; e += c) {
      for (int v = 0; v < Vectors; ++v) {
        const std::int64_t at = e + v * width;
        const unsigned bits =
            unsigned{f.activation->marks[at / mark_elements]} >> static_cast<unsigned>(at % mark_elements);
        const F32 g = keep_bits(bits, load(output.y + at) * f.activation->keep);
        store(output.y + at, g);
        sum[v] += g;
        product[v] += g * (load(f.x + at) - centre[v]);
      }
    }
  }
  float* const to = f.sums + slot * 2 * c + column;
  for (int v = 0; v < Vectors; ++v) {
    store(to + v * width, sum[v]);
    store(to + c + v * width, product[v]);
  }
}

}  // namespace

Share Shares::operator[](std::int64_t i) const {
  const std::int64_t begin = i * group;
  const std::int64_t chunk = begin % chunks;
  return {begin / chunks, std::min(group, n * chunks - begin),
          part_of(ceil_div(count, unit), chunks, chunk).first * unit, steps_of(chunk), chunk};
}

std::int64_t Shares::steps_of(std::int64_t chunk) const {
  const Part units = part_of(ceil_div(count, unit), chunks, chunk);
  return std::min(units.size * unit, count - units.first * unit);
}

Shares shares_of(std::int64_t n, std::int64_t count, std::int64_t unit, std::int64_t step_rows,
                 std::int64_t rows) {
  const std::int64_t units = ceil_div(count, unit);
  const std::int64_t chunks = std::clamp<std::int64_t>(ceil_div(count * step_rows, rows), 1, units);
  const std::int64_t group = chunks > 1 ? 1 : std::max<std::int64_t>(rows / (count * step_rows), 1);
  return {n, count, unit, chunks, group};
}

void finish_block(const Output& output, std::int64_t slot, std::int64_t sample, std::int64_t first,
                  std::int64_t size, std::int64_t spacing, Part columns) {
  const std::int64_t c = output.channels;
  if (size <= 0 || (output.finish.statistics == nullptr && output.finish.activation == nullptr)) {
    return;
  }
  // Evenly spaced rows form a run: all rows if the steps are adjacent, otherwise the leads of one step.
  const std::int64_t runs = spacing == 1 ? 1 : size;
  const std::int64_t rows = spacing == 1 ? size * output.h : output.h;
  const std::int64_t begin = (sample * output.length + first) * output.h * c;
  const std::int64_t run_floats = spacing * output.h * c;
  std::int64_t size_now = 0;
  for (std::int64_t column = columns.first; column < columns.first + columns.size; column += size_now) {
    const std::int64_t left = columns.first + columns.size - column;
    size_now = left >= 4 * width ? 4 * width : left >= 2 * width ? 2 * width : width;
    const RowRuns rows_of_block{begin + column, runs, run_floats, rows};
    const auto run = size_now == 4 * width   ? finish_columns<4>
                     : size_now == 2 * width ? finish_columns<2>
                                             : finish_columns<1>;
    run(output, slot, column, rows_of_block);
  }
}

Shares Correlation::shares() const {
  // About 192 rows per share make good use of each panel of weights while it is in the cache.
  return shares_of(n, count, 1, out.h, 192);
}

void correlate(const Correlation& op) {
  if (op.n == 0 || op.count <= 0) {
    return;
  }
  const Shares shares = op.shares();
  // With few rows, output channels are also divided among tasks to keep all threads busy.
  const std::int64_t panel_tasks = std::clamp<std::int64_t>(8 / shares.size(), 1, op.panels());
  const auto input_length = [&](std::int64_t size) { return (size - 1) * op.in_step + op.taps; };

  // Fills `windows` with the input windows of a share's samples.
  const auto prepare = [&](const Share& share, float* buffer, Window* windows) {
    for (std::int64_t s = 0; s < share.samples; ++s) {
      const Part own{share.first * op.in_step,
                     share.chunk == shares.chunks - 1 ? op.in.length : share.size * op.in_step};
      windows[s] = {
          padded_window(op.in, share.sample + s, share.first * op.in_step - op.pad, input_length(share.size),
                        own, buffer + s * input_length(share.size) * op.in.row),
          share.sample + s, share.first, share.size};
    }
  };
  const auto compute = [&](const Share& share, const Window* windows, Part panels) {
    for (std::int64_t panel = panels.first; panel < panels.first + panels.size; ++panel) {
      if (share.samples > 1 && share.size * op.out.h < tile_rows / 2) {
        run_short_windows(op, windows, share.samples, panel);
        continue;
      }
      for (std::int64_t s = 0; s < share.samples; ++s) {
        run_window(op, windows[s], panel);
      }
    }
    const std::int64_t column = panels.first * tile_columns;
    const Part columns{column, std::min(op.out.channels - column, panels.size * tile_columns)};
    for (std::int64_t s = 0; s < share.samples; ++s) {
      finish_block(op.out, op.first_slot + (share.sample + s) * shares.chunks + share.chunk, share.sample + s,
                   share.first * op.out_step + op.out_first, share.size, op.out_step, columns);
    }
  };
  constexpr std::int64_t most_samples = 192;
  const std::int64_t buffer_size =
      input_length(ceil_div(op.count, shares.chunks)) * op.in.row;  // input window of a sample
  if (panel_tasks == 1) {
    parallel_for(shares.size(), [&](std::int64_t i) {
      const Share share = shares[i];
      const Scratch buffer(share.samples * buffer_size);
      Window windows[most_samples];
      prepare(share, buffer.data(), windows);
      compute(share, windows, {0, op.panels()});
    });
    return;
  }
  const Scratch buffer(shares.slots() * buffer_size);
  const Scratch window_memory(shares.slots() * static_cast<std::int64_t>(sizeof(Window) / sizeof(float)));
  auto* const windows = reinterpret_cast<Window*>(window_memory.data());
  const auto slot_of = [&](const Share& share) { return share.sample * shares.chunks + share.chunk; };
  parallel_for(shares.size(), [&](std::int64_t i) {
    const Share share = shares[i];
    prepare(share, buffer.data() + slot_of(share) * buffer_size, windows + slot_of(share));
  });
  parallel_for(shares.size() * panel_tasks, [&](std::int64_t i) {
    const Share share = shares[i / panel_tasks];
    compute(share, windows + slot_of(share), part_of(op.panels(), panel_tasks, i % panel_tasks));
  });
}

}  // namespace sec::kernels::cpu::SEC_ISA
