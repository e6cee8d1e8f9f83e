// Correlations along time: the form that a convolution and the gradient of its input share. Two ways compute
// them, directly and by minimal filtering.
#pragma once

#include "kernels/cpu/activation.h"
#include "kernels/cpu/minimal_filter.h"

namespace sec::kernels::cpu::SEC_ISA {

// What is done with each stretch of outputs while it is in the cache: nothing, or one of two things. The sums
// are kept per slot, (slot, 3 or 2, channels), and added up in order by whoever asked for them.
struct Finish {
  // For batch norm, and for the squeeze: of the outputs' distances d from the stretch's first row. A slot
  // holds that row, sum of d, sum of d^2.
  float* statistics = nullptr;
  // A gradient on its way through dropout and ReLU: g becomes g * keep where the element had passed, else 0.
  // A slot holds the sums of g and of g * (x - centre).
  const Activation* passed = nullptr;
  const float* x = nullptr;  // of the outputs' shape
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

// Applies output.finish to columns [columns.first, + size) of one sample's steps `first`, `first + spacing`,
// ..., `size` of them.
void finish_stretch(const Output& output, std::int64_t slot, std::int64_t sample, std::int64_t first,
                    std::int64_t size, std::int64_t spacing, Part columns);

// Steps [first, first + size) of samples [sample, sample + samples), a task's share of the outputs. Shares,
// and with them all sums, depend on a sample's shape alone, not on the batch or on threads.
struct Share {
  std::int64_t sample, samples, first, size, chunk;
};
struct Shares {
  std::int64_t n, count, unit;  // chunks begin at multiples of `unit` steps
  std::int64_t chunks;          // of a sample
  std::int64_t group;           // samples of a share, 1 unless a sample is one chunk

  std::int64_t size() const { return ceil_div(n * chunks, group); }
  std::int64_t slots() const { return n * chunks; }  // one for each sample and chunk
  Share operator[](std::int64_t i) const;
  std::int64_t steps_of(std::int64_t chunk) const;
};
// Shares of about `rows` rows, of which a step has `step_rows`.
Shares shares_of(std::int64_t n, std::int64_t count, std::int64_t unit, std::int64_t step_rows,
                 std::int64_t rows);

// Directly:
// out[n, u * out_step + out_first, h, :] =
//     start + sum over m < taps of in[n, u * in_step + m - pad, h, :] * weights[m]    for u in [0, count)
struct Correlation {
  std::int64_t n;
  Source in;
  Output out;
  std::int64_t count, taps, pad;
  std::int64_t in_step, out_step, out_first;
  const float* weights;         // panels of (taps, in channels, tile_columns)
  const float* start;           // panels of (tile_columns)
  std::int64_t first_slot = 0;  // for out.finish

  std::int64_t panels() const { return ceil_div(out.channels, tile_columns); }
  std::int64_t panel_size() const { return taps * in.channels * tile_columns; }
  Shares shares() const;
};
void correlate(const Correlation& op);

// By minimal filtering, of phases of the input into phases of the output: a stride of s is s phases.
// out[n, u * out_phases + q, h, :] = start + sum over m < taps, f < in_phases of
//     in[n, (u + m) * in_phases + f - pad, h, :] * w[m, (f, :), (q, :)]    for u in [0, count), inside of the
//     output
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
