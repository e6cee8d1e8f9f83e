// Correlations along time, the common form of a convolution and of the gradient of its input.
// They are computed directly or by minimal filtering.
#pragma once

#include "kernels/cpu/activation.h"
#include "kernels/cpu/minimal_filter.h"

namespace sec::kernels::cpu::SEC_ISA {

// What is done with each block of outputs while it is in the cache:
// nothing, statistics, or the gradient of an activation. Sums are kept per slot, (slots, 3 or 2, channels).
// The caller adds the slots in order.
struct Finish {
  // Statistics for batch norm and the squeeze. For each channel a slot holds three numbers of a block:
  // the first row of outputs, the sum of the distances d from that row, and the sum of d^2.
  float* statistics = nullptr;
  // The activation that a gradient g passes backwards: g becomes g * keep if the mark is set, else 0.
  // A slot holds the sums of g and of g * (x - centre) for each channel.
  const Activation* activation = nullptr;
  const float* x = nullptr;  // has the same shape as the output
  float* sums = nullptr;
};

struct Output {
  float* y;  // (N, L, H, C)
  std::int64_t length, h, channels;
  Finish finish;

  float* at(std::int64_t sample, std::int64_t step) const {
    return y + (sample * length + step) * h * channels;
  }
};

// Applies output.finish to columns [columns.first, columns.first + columns.size) of one sample's steps.
// The steps are `first`, `first + spacing`, ...; there are `size` of them.
void finish_block(const Output& output, std::int64_t slot, std::int64_t sample, std::int64_t first,
                  std::int64_t size, std::int64_t spacing, Part columns);

// A task's share of the outputs: steps [first, first + size) of samples [sample, sample + samples).
// Shares depend on a sample's shape alone, so sums depend neither on the batch nor on the number of threads.
struct Share {
  std::int64_t sample, samples, first, size, chunk;
};
struct Shares {
  std::int64_t n, count, unit;  // chunks begin at multiples of `unit` steps
  std::int64_t chunks;          // chunks per sample
  std::int64_t group;           // samples per share; 1 if a sample has several chunks

  std::int64_t size() const { return ceil_div(n * chunks, group); }
  std::int64_t slots() const { return n * chunks; }  // one slot per sample and chunk
  Share operator[](std::int64_t i) const;
  std::int64_t steps_of(std::int64_t chunk) const;
};
// Divides n samples of `count` steps into shares of about `rows` rows; each step has `step_rows` rows.
Shares shares_of(std::int64_t n, std::int64_t count, std::int64_t unit, std::int64_t step_rows,
                 std::int64_t rows);

// A direct correlation. For u in [0, count):
//   out[n, u * out_step + out_first, h, :] =
//       start + sum over m < taps of in[n, u * in_step + m - pad, h, :] * weights[m]
struct Correlation {
  std::int64_t n;
  Source in;
  Output out;
  std::int64_t count, taps, pad;
  std::int64_t in_step, out_step, out_first;
  const float* weights;         // panels of (taps, in channels, tile_columns)
  const float* start;           // panels of (tile_columns)
  std::int64_t first_slot = 0;  // first slot of the sums of out.finish

  std::int64_t panels() const { return ceil_div(out.channels, tile_columns); }
  std::int64_t panel_size() const { return taps * in.channels * tile_columns; }
  Shares shares() const;
};
void correlate(const Correlation& op);

// A correlation by minimal filtering.
// A stride of s is handled as s phases, of the input in the forward pass, of the output in the gradient.
// For u in [0, count) and phase q, where the output step exists:
//   out[n, u * out_phases + q, h, :] = start + sum over m < taps, f < in_phases of
//       in[n, (u + m) * in_phases + f - pad, h, :] * w[m, (f, :), (q, :)]
struct MinimalCorrelation {
  std::int64_t n;
  Source in;
  Output out;
  std::int64_t count, taps, pad;
  std::int64_t in_phases, out_phases;
  const float* weights;  // panels of (point, group, in channels, tile_columns), transformed
  const float* start;    // (out_phases * out channels)

  std::int64_t in_channels() const { return in_phases * in.channels; }
  std::int64_t out_channels() const { return out_phases * out.channels; }
  MinimalForm form() const { return minimal_form(taps, count); }
  Shares shares() const;
};
void correlate(const MinimalCorrelation& op);

}  // namespace sec::kernels::cpu::SEC_ISA
