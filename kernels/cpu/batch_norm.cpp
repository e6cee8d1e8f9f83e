// Batch norm. Each cache-sized block of rows is read twice: for the mean, then for the squared deviations.
// A large mean therefore does not cancel the variance.
// The blocks' statistics are merged in a fixed order in double precision (Chan, Golub & LeVeque 1983).
#include <cmath>

#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

void check_shape(const BatchNormShape& s) {
  check(s.rows > 0 && s.c > 0, "batch_norm: expected at least one row and one channel");
}

void statistics(Stream&, const BatchNormShape& s, ConstSpan x_span, Span mean_span, Span variance_span) {
  const Range range("batch_norm.statistics");
  check_shape(s);
  const float* const x = floats(x_span, s.rows * s.c, "batch_norm.statistics: x");
  float* const mean = floats(mean_span, s.c, "batch_norm.statistics: mean");
  float* const variance = floats(variance_span, s.c, "batch_norm.statistics: variance");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.rows);
  const std::int64_t block_rows = layout.block_rows();
  // (blocks, 3, C): a rounded mean, the sum of deviations from it, and the sum of their squares.
  const Scratch partial(blocks * 3 * s.c);

  for_blocks(blocks, s.rows * s.c, [&](std::int64_t block) {
    const std::int64_t rows = std::min(block_rows, s.rows - block * block_rows);
    const float* const from = x + block * block_rows * s.c;
    float* const to = partial.data() + block * 3 * s.c;
    const Scratch folded(2 * layout.period);
    const Scratch centre(layout.period);
    layout.sum_rows<1>(
        rows,
        [&](std::int64_t e, std::int64_t, std::int64_t n, F32* value) { value[0] = load_lanes(from + e, n); },
        folded.data(), to);
    const float scale = 1.0F / static_cast<float>(rows);
    layout.repeat(centre.data(), [&](std::int64_t channel) { return to[channel] * scale; });
    std::copy(centre.data(), centre.data() + s.c, to);
    layout.sum_rows<2>(
        rows,
        [&](std::int64_t e, std::int64_t p, std::int64_t n, F32* value) {
          // Lanes past the end load as zero from both operands and add nothing.
          value[0] = load_lanes(from + e, n) - load_lanes(centre.data() + p, n);
          value[1] = value[0] * value[0];
        },
        folded.data(), to + s.c);
  });

  for (std::int64_t c = 0; c < s.c; ++c) {
    double total_mean = 0;
    double total_squares = 0;
    for (std::int64_t block = 0; block < blocks; ++block) {
      const float* const from = partial.data() + block * 3 * s.c;
      const auto before = static_cast<double>(block * block_rows);
      const auto here = static_cast<double>(std::min(block_rows, s.rows - block * block_rows));
      // The sum of deviations corrects the rounding of the block's mean, and with it the sum of squares.
      const double deviations = from[s.c + c];
      const double squares = from[2 * s.c + c] - deviations * deviations / here;
      const double delta = from[c] + deviations / here - total_mean;
      const double weight = here / (before + here);
      total_mean += delta * weight;
      total_squares += std::max(squares, 0.0) + delta * delta * before * weight;
    }
    mean[c] = static_cast<float>(total_mean);
    variance[c] = static_cast<float>(total_squares / static_cast<double>(s.rows));
  }
}

void update_running(const RunningUpdate& problem) {
  const BatchNormShape& s = problem.shape;
  const float momentum = problem.momentum;
  check_shape(s);
  const float* const mean = floats(problem.mean, s.c, "batch_norm.update_running: mean");
  const float* const variance = floats(problem.variance, s.c, "batch_norm.update_running: variance");
  float* const running_mean = floats(problem.running_mean, s.c, "batch_norm.update_running: running_mean");
  float* const running_variance =
      floats(problem.running_variance, s.c, "batch_norm.update_running: running_variance");
  // A single row has no unbiased variance. PyTorch refuses this case; we keep the biased variance (zero).
  const float unbiased =
      s.rows > 1 ? static_cast<float>(static_cast<double>(s.rows) / static_cast<double>(s.rows - 1)) : 1.0F;
  for (std::int64_t c = 0; c < s.c; ++c) {
    running_mean[c] = (1.0F - momentum) * running_mean[c] + momentum * mean[c];
    running_variance[c] = (1.0F - momentum) * running_variance[c] + momentum * (variance[c] * unbiased);
  }
}

void update_running_group(Stream&, std::span<const RunningUpdate> group) {
  const Range range("batch_norm.update_running");
  for (const RunningUpdate& problem : group) {
    update_running(problem);
  }
}

void apply(Stream&, const BatchNormShape& s, float epsilon, ConstSpan x_span, ConstSpan mean_span,
           ConstSpan variance_span, ConstSpan gamma_span, ConstSpan beta_span, Span y_span) {
  const Range range("batch_norm.apply");
  check_shape(s);
  const float* const x = floats(x_span, s.rows * s.c, "batch_norm.apply: x");
  const float* const mean = floats(mean_span, s.c, "batch_norm.apply: mean");
  const float* const variance = floats(variance_span, s.c, "batch_norm.apply: variance");
  const float* const gamma = floats(gamma_span, s.c, "batch_norm.apply: gamma");
  const float* const beta = floats(beta_span, s.c, "batch_norm.apply: beta");
  float* const y = floats(y_span, s.rows * s.c, "batch_norm.apply: y");
  const RowBlocks layout(s.c);
  const Scratch repeated(3 * layout.period);
  float* const centre = repeated.data();
  float* const scale = centre + layout.period;
  float* const shift = scale + layout.period;
  layout.repeat(centre, [&](std::int64_t c) { return mean[c]; });
  layout.repeat(scale, [&](std::int64_t c) { return gamma[c] / std::sqrt(variance[c] + epsilon); });
  layout.repeat(shift, [&](std::int64_t c) { return beta[c]; });
  for_blocks(layout.blocks(s.rows), s.rows * s.c, [&](std::int64_t block) {
    const std::int64_t first = block * layout.block_rows();
    const float* const from = x + first * s.c;
    float* const to = y + first * s.c;
    layout.for_each_vector(std::min(layout.block_rows(), s.rows - first),
                           [&](std::int64_t e, std::int64_t p, std::int64_t n) {
                             const F32 deviation = load_lanes(from + e, n) - load(centre + p);
                             store_lanes(to + e, deviation * load(scale + p) + load(shift + p), n);
                           });
  });
}

// With z = (x - mean) * r and r = 1 / sqrt(variance + epsilon):
//   gx = gamma * r * (gy - mean(gy) - z * mean(gy * z))
void backward(Stream&, const BatchNormShape& s, float epsilon, ConstSpan x_span, ConstSpan gy_span,
              ConstSpan mean_span, ConstSpan variance_span, ConstSpan gamma_span, Span gx_span,
              Span ggamma_span, Span gbeta_span) {
  const Range range("batch_norm.backward");
  check_shape(s);
  const float* const x = floats(x_span, s.rows * s.c, "batch_norm.backward: x");
  const float* const gy = floats(gy_span, s.rows * s.c, "batch_norm.backward: gy");
  const float* const mean = floats(mean_span, s.c, "batch_norm.backward: mean");
  const float* const variance = floats(variance_span, s.c, "batch_norm.backward: variance");
  const float* const gamma = floats(gamma_span, s.c, "batch_norm.backward: gamma");
  float* const gx = floats(gx_span, s.rows * s.c, "batch_norm.backward: gx");
  float* const ggamma = floats(ggamma_span, s.c, "batch_norm.backward: ggamma");
  float* const gbeta = floats(gbeta_span, s.c, "batch_norm.backward: gbeta");
  const RowBlocks layout(s.c);
  const std::int64_t blocks = layout.blocks(s.rows);
  const std::int64_t block_rows = layout.block_rows();
  const Scratch partial(blocks * 2 * s.c);  // (blocks, 2, C): sum of gy, sum of gy * (x - mean)
  const Scratch repeated(4 * layout.period);
  float* const centre = repeated.data();
  layout.repeat(centre, [&](std::int64_t c) { return mean[c]; });

  for_blocks(blocks, s.rows * s.c, [&](std::int64_t block) {
    const std::int64_t first = block * block_rows;
    const Scratch folded(2 * layout.period);
    layout.sum_rows<2>(
        std::min(block_rows, s.rows - first),
        [&](std::int64_t e, std::int64_t p, std::int64_t n, F32* value) {
          value[0] = load_lanes(gy + first * s.c + e, n);
          value[1] = value[0] * (load_lanes(x + first * s.c + e, n) - load(centre + p));
        },
        folded.data(), partial.data() + block * 2 * s.c);
  });

  float* const scale = centre + layout.period;  // gx = scale * (gy - offset) - slope * (x - mean)
  float* const offset = scale + layout.period;
  float* const slope = offset + layout.period;
  for (std::int64_t c = 0; c < s.c; ++c) {
    double sum = 0;
    double product = 0;
    for (std::int64_t block = 0; block < blocks; ++block) {
      sum += partial.data()[block * 2 * s.c + c];
      product += partial.data()[block * 2 * s.c + s.c + c];
    }
    const double r = 1.0 / std::sqrt(static_cast<double>(variance[c]) + epsilon);
    const auto rows = static_cast<double>(s.rows);
    gbeta[c] += static_cast<float>(sum);
    ggamma[c] += static_cast<float>(product * r);
    scale[c] = static_cast<float>(gamma[c] * r);
    offset[c] = static_cast<float>(sum / rows);
    slope[c] = static_cast<float>(gamma[c] * r * r * r * product / rows);
  }
  for (std::int64_t p = s.c; p < layout.period; ++p) {
    scale[p] = scale[p - s.c];
    offset[p] = offset[p - s.c];
    slope[p] = slope[p - s.c];
  }
  for_blocks(blocks, s.rows * s.c, [&](std::int64_t block) {
    const std::int64_t first = block * block_rows * s.c;
    layout.for_each_vector(std::min(block_rows, s.rows - block * block_rows),
                           [&](std::int64_t e, std::int64_t p, std::int64_t n) {
                             const F32 deviation = load_lanes(x + first + e, n) - load(centre + p);
                             const F32 gradient = load_lanes(gy + first + e, n) - load(offset + p);
                             store_lanes(gx + first + e,
                                         load(scale + p) * gradient - load(slope + p) * deviation, n);
                           });
  });
}

}  // namespace

BatchNormKernels batch_norm_kernels() {
  return {statistics, update_running_group, apply, backward};
}

}  // namespace sec::kernels::cpu::SEC_ISA
