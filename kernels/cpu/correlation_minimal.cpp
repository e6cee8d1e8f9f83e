// Correlation by minimal filtering, in three stages per share: transform the input;
// multiply each point by the transformed weights;
// transform the products back, panel by panel while they are in the cache.
#include "engine/parallel.h"
#include "kernels/cpu/correlation.h"
#include "kernels/cpu/minimal_tiles.h"
#include "kernels/cpu/row_tile.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Computes the products of one panel of columns and transforms them back into the output.
void compute_panel(const MinimalCorrelation& op, const Share& share, const float* in, std::int64_t panel,
                   float* products) {
  const MinimalTiles t = minimal_tiles(op.form(), op.out.h, share);
  const std::int64_t c = op.in_channels();
  const std::int64_t first_column = panel * tile_columns;
  const std::int64_t columns = std::min<std::int64_t>(op.out_channels() - first_column, tile_columns);
  const std::int64_t weights = t.form.groups * c * tile_columns;  // floats per point
  static constexpr float zeros[tile_columns] = {};
  float start[tile_columns] = {};
  std::copy(op.start + first_column, op.start + first_column + columns, start);
  const std::int64_t row = columns;  // floats per row of the products
  // The last tiles of the last sample are not followed by the input that later groups would read.
  const std::int64_t rows = t.rows - (t.form.groups - 1) * t.h;
  const std::int64_t row_tiles = ceil_div(rows, tile_rows);
  for (int p = 0; p < t.form.points; ++p) {
    const TilePanel right{t.form.groups,
                          t.h * c,
                          c,
                          op.weights + (panel * t.form.points + p) * weights,
                          p == point_one ? start : zeros,
                          columns};
    for (std::int64_t i = 0; i < row_tiles; ++i) {
      const Part part = part_of(rows, row_tiles, i);
      float* places[tile_rows];
      for (std::int64_t r = 0; r < part.size; ++r) {
        places[r] = products + p * t.point(row) + (part.first + r) * row;
      }
      row_tile(part.size, columns)(right, in + p * t.point(c) + part.first * c, c, places);
    }
  }
  const TransformFunction transform = transform_function(t.form, Transform::output);
  const std::int64_t output_row = op.out_phases * t.h * op.out.channels;
  for (std::int64_t s = 0; s < share.samples; ++s) {
    for (std::int64_t tile = 0; tile < t.of_outputs; ++tile) {
      const std::int64_t u = share.first + tile * t.form.outputs;
      std::int64_t run = 0;
      for (std::int64_t v = 0; v < columns; v += run) {  // a run of columns is the channels of one phase
        const std::int64_t phase = (first_column + v) / op.out.channels;
        const std::int64_t channel = (first_column + v) % op.out.channels;
        run = std::min(columns - v, op.out.channels - channel);
        const std::int64_t step = u * op.out_phases + phase;
        const std::int64_t outputs =
            std::min(share.first + share.size - u, ceil_div(op.out.length - step, op.out_phases));
        // If the panel holds all channels of a row, one call processes all leads, which are then adjacent.
        const bool whole = run == op.out.channels && run == row;
        for (std::int64_t lead = 0; lead < (whole ? 1 : t.h); ++lead) {
          const float* const from = products + ((s * t.stored() + tile) * t.h + lead) * row + v;
          float* const to = op.out.at(share.sample + s, step) + lead * op.out.channels + channel;
          transform({from, t.point(row), t.form.points, to, output_row,
                     std::min<std::int64_t>(outputs, t.form.outputs)},
                    whole ? run * t.h : run);
        }
      }
    }
  }
}

}  // namespace

Shares MinimalCorrelation::shares() const {
  return minimal_shares(form(), n, count, out.h, in_channels());
}

void correlate(const MinimalCorrelation& op) {
  if (op.n == 0 || op.count <= 0) {
    return;
  }
  const Shares shares = op.shares();
  const std::int64_t panels = ceil_div(op.out_channels(), tile_columns);
  const std::int64_t panel_tasks = std::clamp<std::int64_t>(8 / shares.size(), 1, panels);
  const auto size_of = [&](const Share& share) {
    const MinimalTiles t = minimal_tiles(op.form(), op.out.h, share);
    return t.form.points * t.point(op.in_channels());
  };
  const auto transform_one = [&](const Share& share, float* to) {
    const MinimalTiles t = minimal_tiles(op.form(), op.out.h, share);
    transform_input(t, op.in, op.in_phases, op.pad, share, share.chunk == shares.chunks - 1, to,
                    t.point(op.in_channels()));
  };
  const auto compute = [&](const Share& share, const float* in, Part part) {
    const MinimalTiles t = minimal_tiles(op.form(), op.out.h, share);
    const Scratch products(t.form.points * t.point(tile_columns));
    for (std::int64_t panel = part.first; panel < part.first + part.size; ++panel) {
      compute_panel(op, share, in, panel, products.data());
    }
  };
  const auto finish = [&](const Share& share, Part columns) {
    const std::int64_t first = share.first * op.out_phases;
    const std::int64_t size = std::min(share.size * op.out_phases, op.out.length - first);
    for (std::int64_t s = 0; s < share.samples; ++s) {
      finish_block(op.out, (share.sample + s) * shares.chunks + share.chunk, share.sample + s, first, size, 1,
                   columns);
    }
  };
  if (panel_tasks == 1) {
    parallel_for(shares.size(), [&](std::int64_t i) {
      const Share share = shares[i];
      const Scratch in(size_of(share));
      transform_one(share, in.data());
      compute(share, in.data(), {0, panels});
      finish(share, {0, op.out.channels});
    });
    return;
  }
  // For few rows: also divide the output channels among tasks, to keep all threads busy.
  std::int64_t largest = 0;  // size of the largest share; sizes differ by a tile
  for (std::int64_t i = 0; i < std::min(shares.size(), shares.chunks); ++i) {
    largest = std::max(largest, size_of(shares[i]));
  }
  const Scratch in(shares.size() * largest);
  parallel_for(shares.size(), [&](std::int64_t i) { transform_one(shares[i], in.data() + i * largest); });
  parallel_for(shares.size() * panel_tasks, [&](std::int64_t i) {
    compute(shares[i / panel_tasks], in.data() + i / panel_tasks * largest,
            part_of(panels, panel_tasks, i % panel_tasks));
  });
  const std::int64_t column_tasks = ceil_div(op.out.channels, tile_columns);
  parallel_for(shares.size() * column_tasks, [&](std::int64_t i) {
    const std::int64_t column = i % column_tasks * tile_columns;
    finish(shares[i / column_tasks],
           {column, std::min<std::int64_t>(op.out.channels - column, tile_columns)});
  });
}

}  // namespace sec::kernels::cpu::SEC_ISA
