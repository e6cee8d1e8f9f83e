// The gradient of convolution weights. For each tap j it is a product of two tall matrices, x_j^T gy.
// The matrix x_j holds the input rows that tap j reads. Rows in the padding are skipped.
//
// The rows are split into partitions that depend on the shape alone. Each partition sums into a buffer.
// Buffers are added in order, so results do not depend on the number of threads.
#include "engine/parallel.h"
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/product.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

struct Wgrad {
  ConvShape shape;
  Source x;
  const float* gy;

  std::int64_t panels() const { return ceil_div(shape.c_out, tile_columns); }
  // With one input channel, a register tile holds the taps of that channel instead of several channels.
  bool taps_as_channels() const { return shape.c_in == 1; }
  // True if the rows of a sample are evenly spaced in x, so that one loop covers them.
  bool flat() const { return shape.stride == 1 || shape.h == 1; }
  // gw is divided among tasks in units: (tap, panel of output channels).
  std::int64_t units() const { return (taps_as_channels() ? 1 : shape.k) * panels(); }
};

// Adds the contribution of a chunk to `units` of gw, and to gbias unless it is null.
// A chunk is the output steps `steps` of one sample, or all steps of `samples` samples.
void add_chunk(const Wgrad& op, std::int64_t sample, std::int64_t samples, Part steps, Part units, float* gw,
               float* gbias) {
  const ConvShape& s = op.shape;
  const std::int64_t x_row = s.h * s.c_in;
  const std::int64_t gy_row = s.h * s.c_out;
  const float* const x = op.x.x + sample * s.l * x_row;
  const float* const gy = op.gy + (sample * s.l_out() + steps.first) * gy_row;
  const std::int64_t rows = samples * steps.size * s.h;
  const std::int64_t odd = s.c_out % tile_columns;  // columns of an incomplete last panel, which is copied
  const std::int64_t last = op.panels() - 1;
  const Scratch tail(odd != 0 ? rows * tile_columns : 0);
  if (odd != 0) {
    for (std::int64_t r = 0; r < rows; ++r) {
      float* const to = tail.data() + r * tile_columns;
      std::copy(gy + r * s.c_out + last * tile_columns, gy + (r + 1) * s.c_out, to);
      std::fill(to + odd, to + tile_columns, 0.0F);
    }
  }
  const std::int64_t reach = (steps.size - 1) * s.stride + s.k;  // input steps that the chunk reads
  // Copies each sample's input window if x must be activated or if a register tile holds taps.
  const bool windowed = op.taps_as_channels() || op.x.activation != nullptr;
  const Scratch copy(windowed ? samples * reach * x_row : 0);
  const float* windows = copy.data();
  if (windowed) {
    for (std::int64_t i = 0; i < samples; ++i) {
      const float* const one = padded_window(op.x, sample + i, steps.first * s.stride - s.pad, reach,
                                             {0, s.l}, copy.data() + i * reach * x_row);
      if (samples == 1) {
        windows = one;
      }
    }
  }

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
      product.x = windows;
      product.x_channel = x_row;
      product.outer = steps.size;
      channels = s.k;
    } else if (windowed) {
      product.x = windows + tap * x_row;
      product.x_channel = 1;
      product.outer = steps.size;
    } else {
      // Output steps t with 0 <= t * stride + tap - pad < L, whose input is not padding.
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
      product.x_outer = (windowed ? reach : s.l) * x_row;
      product.gy_outer = s.l_out() * s.h * product.gy_inner;
    } else if (s.h < 4) {  // the longer loop becomes the inner one
      std::swap(product.x_outer, product.x_inner);
      std::swap(product.gy_outer, product.gy_inner);
      std::swap(product.outer, product.inner);
    }
    add_product(product, channels);
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

void wgrad_directly(const ConvShape& s, const Source& x, const float* gy, float* gw, float* gbias) {
  const Wgrad op{s, x, gy};
  const std::int64_t weights = s.k * s.c_in * s.c_out;
  if (s.n == 0) {
    return;
  }

  // Chunks of about 256 rows stay in the cache while all taps pass over them.
  // Partitions have at least 2048 rows, because adding up their buffers must cost less than filling them.
  // With few rows, units (tap, panel of output channels) are distributed instead.
  constexpr std::int64_t chunk_rows = 256;
  const std::int64_t sample_rows = s.l_out() * s.h;
  const std::int64_t chunks = ceil_div(sample_rows, chunk_rows);  // chunks of a sample
  const bool grouped = op.flat() && !op.taps_as_channels() && chunks == 1;
  const std::int64_t samples =
      grouped ? std::clamp<std::int64_t>(chunk_rows / sample_rows, 1, s.n) : 1;  // samples of a chunk
  const std::int64_t all_chunks = ceil_div(s.n, samples) * chunks;
  const std::int64_t partitions =
      std::clamp<std::int64_t>(s.n * sample_rows / 2048, 1, std::min<std::int64_t>(all_chunks, 16));
  const std::int64_t unit_groups = std::min(op.units(), ceil_div(16, partitions));
  if (x.activation != nullptr && unit_groups > 1) {
    // Activates x once beforehand; otherwise each group of units would activate all of x again.
    const Scratch active(s.n * s.l * x.row);
    parallel_for(s.n, [&](std::int64_t sample) {
      padded_window(x, sample, 0, s.l, {0, s.l}, active.data() + sample * s.l * x.row);
    });
    wgrad_directly(s, {active.data(), x.length, x.row, x.channels, nullptr}, gy, gw, gbias);
    return;
  }
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

}  // namespace

void wgrad(const ConvShape& whole, const Source& x, const float* gy, float* gw, float* gbias) {
  const Cropped used = cropped(whole);
  const ConvShape& s = used.shape;
  gw += used.first_tap * s.c_in * s.c_out;
  if (wgrad_is_minimal(s)) {
    wgrad_minimally(s, x, gy, gw, gbias);
  } else {
    wgrad_directly(s, x, gy, gw, gbias);
  }
}

}  // namespace sec::kernels::cpu::SEC_ISA
