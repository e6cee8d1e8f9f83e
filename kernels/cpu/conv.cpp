// Convolution forward and the gradient of its input, both expressed as correlations (correlation.h).
// This file reorders the weights for the correlations' inner loops.
#include "engine/parallel.h"
#include "engine/ranges.h"
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/isa.h"
#include "kernels/cpu/minimal_filter.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/transpose.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Copies columns [column, column + tile_columns) of a (rows, columns) matrix to `panel` (rows, tile_columns).
// Columns past the end become zeros.
void pack(float* panel, const float* from, std::int64_t rows, std::int64_t column, std::int64_t columns) {
  const std::int64_t present = std::min<std::int64_t>(columns - column, tile_columns);
  for (std::int64_t r = 0; r < rows; ++r) {
    float* const to = panel + r * tile_columns;
    std::copy(from + r * columns + column, from + r * columns + column + present, to);
    std::fill(to + present, to + tile_columns, 0.0F);
  }
}

// to[r * tile_columns + c] = from[c * rows + r] for r < rows and c < columns.
void transpose(float* to, const float* from, std::int64_t rows, std::int64_t columns) {
  const std::int64_t whole_rows = rows / width * width;
  const std::int64_t whole_columns = columns / width * width;
  for (std::int64_t r = 0; r < whole_rows; r += width) {
    for (std::int64_t c = 0; c < whole_columns; c += width) {
      transpose_square(from + c * rows + r, rows, to + r * tile_columns + c, tile_columns);
    }
  }
  for (std::int64_t c = 0; c < columns; ++c) {
    for (std::int64_t r = c < whole_columns ? whole_rows : 0; r < rows; ++r) {
      to[r * tile_columns + c] = from[c * rows + r];
    }
  }
}

// Returns the floats of all panels of transformed weights, (point, group, channel, tile_columns) each.
std::int64_t minimal_size(const MinimalForm& form, std::int64_t in_channels, std::int64_t out_channels) {
  return ceil_div(out_channels, tile_columns) * form.points * form.groups * in_channels * tile_columns;
}

// Transforms `taps` taps of one input channel for one panel. Tap m is at from + m * stride.
void pack_channel(const MinimalForm& form, const float* from, std::int64_t stride, std::int64_t taps,
                  std::int64_t in_channels, std::int64_t columns, float* panel, std::int64_t channel) {
  const TransformFunction transform = transform_function(form, Transform::weights);
  for (std::int64_t group = 0; group < form.groups; ++group) {
    const std::int64_t present = std::clamp<std::int64_t>(taps - group * form.taps, 0, form.taps);
    transform({from + group * form.taps * stride, stride, present,
               panel + (group * in_channels + channel) * tile_columns,
               form.groups * in_channels * tile_columns, form.points},
              columns);
  }
}

// Decides whether to use minimal filtering.
// Channels must be multiples of 16, and the transforms must pay off.
// They do not if the last tile of a short sample is half empty.
// Results must be batch-invariant, so the batch size is ignored.
bool minimal(const ConvShape& s, std::int64_t taps, std::int64_t count) {
  if (!minimal_filtering() || taps < 3 || s.c_in % mark_elements != 0 || s.c_out % mark_elements != 0) {
    return false;
  }
  const MinimalForm form = minimal_form(taps, count);
  const std::int64_t products = ceil_div(count, form.outputs) * form.points * form.groups;
  return products * 5 <= count * taps * 4;
}

std::int64_t forward_taps(const ConvShape& s) {
  return ceil_div(s.k, s.stride);
}

// gx[t] sums gy[(t + pad - j) / stride] over the taps j for which the quotient is an integer.
// Write t = stride * u + q with residue q. The taps of residue q are j = first + stride * m.
// Here first = (q + pad) mod stride, and tap m reads gy[u + (q + pad - first) / stride - m].
// So each residue is a correlation with in_step 1, reversed taps, and input and output channels exchanged.
struct Residue {
  std::int64_t first, taps, count, pad;
};
Residue residue_of(const ConvShape& s, std::int64_t q) {
  const std::int64_t first = (q + s.pad) % s.stride;
  const std::int64_t taps = first < s.k ? ceil_div(s.k - first, s.stride) : 0;
  return {first, taps, ceil_div(s.l - q, s.stride),
          taps == 0 ? 0 : taps - 1 - (q + s.pad - first) / s.stride};
}

// The smallest window that covers the windows of all residues. Taps that a residue lacks are zero.
struct SharedWindow {
  std::int64_t pad, taps;
};
SharedWindow shared_window(const ConvShape& s) {
  SharedWindow w{residue_of(s, 0).pad, 0};
  for (std::int64_t q = 0; q < s.stride; ++q) {
    w.pad = std::max(w.pad, residue_of(s, q).pad);
  }
  for (std::int64_t q = 0; q < s.stride; ++q) {
    const Residue r = residue_of(s, q);
    w.taps = std::max(w.taps, w.pad - r.pad + r.taps);
  }
  return w;
}

MinimalCorrelation minimal_forward(const ConvShape& s, const Source& x, const Output& y) {
  return {s.n, x, y, s.l_out(), forward_taps(s), s.pad, s.stride, 1, nullptr, nullptr};
}

MinimalCorrelation minimal_dgrad(const ConvShape& s, const Source& gy, const Output& gx) {
  const SharedWindow w = shared_window(s);
  return {s.n, gy, gx, ceil_div(s.l, s.stride), w.taps, w.pad, 1, s.stride, nullptr, nullptr};
}

Correlation direct_forward(const ConvShape& s, const Source& x, const Output& y) {
  return {s.n, x, y, s.l_out(), s.k, s.pad, s.stride, 1, 0, nullptr, nullptr};
}

Correlation direct_dgrad(const ConvShape& s, const Source& gy, const Output& gx, std::int64_t q) {
  const Residue r = residue_of(s, q);
  return {s.n, gy, gx, r.count, r.taps, r.pad, 1, s.stride, q, nullptr, nullptr};
}

bool dgrad_is_minimal(const ConvShape& s) {
  return s.stride <= s.l && minimal(s, shared_window(s).taps, ceil_div(s.l, s.stride));
}

}  // namespace

void check_shape(const ConvShape& s) {
  check(s.n >= 0 && s.l >= 0 && s.h > 0 && s.c_in > 0 && s.c_out > 0, "conv: expected extents of 1 or more");
  check(s.k > 0 && s.stride > 0 && s.pad >= 0,
        "conv: expected a kernel, a stride of 1 or more, padding of 0 or more");
  check(s.l + 2 * s.pad >= s.k, "conv: the padded input is shorter than the kernel");
}

Cropped cropped(const ConvShape& s) {
  const std::int64_t first = std::max<std::int64_t>(0, s.pad - (s.l_out() - 1) * s.stride);
  const std::int64_t last = std::min(s.k - 1, s.l - 1 + s.pad);
  ConvShape shape = s;
  shape.k = last - first + 1;
  shape.pad = s.pad - first;
  // The padding left after the input must still yield the same number of outputs.
  const bool same = shape.k > 0 && s.l + 2 * shape.pad >= shape.k && shape.l_out() == s.l_out();
  return same ? Cropped{shape, first} : Cropped{s, 0};
}

Shares forward_shares(const ConvShape& whole) {
  const ConvShape s = cropped(whole).shape;
  const bool by_minimal = minimal(s, forward_taps(s), s.l_out());
  const Source x{nullptr, s.l, s.h * s.c_in, s.c_in, nullptr};
  const Output y{nullptr, s.l_out(), s.h, s.c_out, {}};
  return by_minimal ? minimal_forward(s, x, y).shares() : direct_forward(s, x, y).shares();
}

std::int64_t dgrad_slots(const ConvShape& whole) {
  const ConvShape s = cropped(whole).shape;
  const Source gy{nullptr, s.l_out(), s.h * s.c_out, s.c_out, nullptr};
  const Output gx{nullptr, s.l, s.h, s.c_in, {}};
  if (dgrad_is_minimal(s)) {
    return minimal_dgrad(s, gy, gx).shares().slots();
  }
  std::int64_t slots = 0;
  for (std::int64_t q = 0; q < std::min(s.stride, s.l); ++q) {
    slots += direct_dgrad(s, gy, gx, q).shares().slots();
  }
  return slots;
}

std::int64_t prepared_size(const ConvShape& whole) {
  const ConvShape s = cropped(whole).shape;
  if (minimal(s, forward_taps(s), s.l_out())) {
    return minimal_size(minimal_form(forward_taps(s), s.l_out()), s.stride * s.c_in, s.c_out);
  }
  // With a single panel, forward reads the weights in their original layout.
  return s.c_out == tile_columns ? 0 : ceil_div(s.c_out, tile_columns) * s.k * s.c_in * tile_columns;
}

void prepare_forward(const ConvShape& whole, const float* weights, float* prepared) {
  const Cropped used = cropped(whole);
  const ConvShape& s = used.shape;
  weights += used.first_tap * s.c_in * s.c_out;
  const std::int64_t panels = ceil_div(s.c_out, tile_columns);
  const std::int64_t panel_size = prepared_size(whole) / panels;
  const bool by_minimal = minimal(s, forward_taps(s), s.l_out());
  const std::int64_t channels = s.stride * s.c_in;
  parallel_for(panels, [&](std::int64_t panel) {
    float* const to = prepared + panel * panel_size;
    const std::int64_t column = panel * tile_columns;
    if (!by_minimal) {
      pack(to, weights, s.k * s.c_in, column, s.c_out);
      return;
    }
    const MinimalForm form = minimal_form(forward_taps(s), s.l_out());
    const std::int64_t columns = std::min<std::int64_t>(s.c_out - column, tile_columns);
    for (std::int64_t channel = 0; channel < channels; ++channel) {
      const std::int64_t taps = ceil_div(s.k - channel / s.c_in, s.stride);
      pack_channel(form, weights + channel * s.c_out + column, channels * s.c_out, taps, channels, columns,
                   to, channel);
    }
  });
}

void forward(const ConvShape& whole, const Source& x, const float* weights, const float* prepared,
             const float* bias, const Output& y) {
  const Cropped used = cropped(whole);
  const ConvShape& s = used.shape;
  const std::int64_t size = prepared_size(whole);
  const Scratch memory(prepared == nullptr ? size : 0);
  if (size == 0) {
    prepared = weights + used.first_tap * s.c_in * s.c_out;
  } else if (prepared == nullptr) {
    prepare_forward(whole, weights, memory.data());
    prepared = memory.data();
  }
  const std::int64_t panels = ceil_div(s.c_out, tile_columns);
  const Scratch start(panels * tile_columns);
  for (std::int64_t c = 0; c < panels * tile_columns; ++c) {
    start.data()[c] = bias != nullptr && c < s.c_out ? bias[c] : 0.0F;
  }
  if (minimal(s, forward_taps(s), s.l_out())) {
    MinimalCorrelation op = minimal_forward(s, x, y);
    op.weights = prepared;
    op.start = start.data();
    correlate(op);
  } else {
    Correlation op = direct_forward(s, x, y);
    op.weights = prepared;
    op.start = start.data();
    correlate(op);
  }
}

void dgrad(const ConvShape& whole, const float* gy, const float* weights, const Output& gx) {
  const Cropped used = cropped(whole);
  const ConvShape& s = used.shape;
  weights += used.first_tap * s.c_in * s.c_out;
  const Source source{gy, s.l_out(), s.h * s.c_out, s.c_out, nullptr};
  if (dgrad_is_minimal(s)) {
    MinimalCorrelation op = minimal_dgrad(s, source, gx);
    const MinimalForm form = op.form();
    const std::int64_t panels = ceil_div(op.out_channels(), tile_columns);
    const std::int64_t size = minimal_size(form, s.c_out, op.out_channels());
    const Scratch packed(size);
    const Scratch start(op.out_channels());
    std::fill(start.data(), start.data() + op.out_channels(), 0.0F);
    parallel_for(panels, [&](std::int64_t panel) {
      // The panel's taps, reversed and transposed: (taps, output channels, tile_columns).
      // A column is a (residue, input channel) pair.
      const std::int64_t tap = s.c_out * tile_columns;
      const Scratch turned(op.taps * tap);
      if (s.stride > 1) {  // some residues have fewer taps: the missing ones are zero
        std::fill(turned.data(), turned.data() + op.taps * tap, 0.0F);
      }
      const std::int64_t columns =
          std::min<std::int64_t>(op.out_channels() - panel * tile_columns, tile_columns);
      std::int64_t run = 0;
      for (std::int64_t v = 0; v < columns; v += run) {
        const std::int64_t q = (panel * tile_columns + v) / s.c_in;
        const std::int64_t channel = (panel * tile_columns + v) % s.c_in;
        run = std::min(columns - v, s.c_in - channel);
        const Residue r = residue_of(s, q);
        for (std::int64_t m = 0; m < r.taps; ++m) {
          transpose(turned.data() + (m + op.pad - r.pad) * tap + v,
                    weights + ((r.first + (r.taps - 1 - m) * s.stride) * s.c_in + channel) * s.c_out, s.c_out,
                    run);
        }
      }
      for (std::int64_t channel = 0; channel < s.c_out; ++channel) {
        pack_channel(form, turned.data() + channel * tile_columns, tap, op.taps, s.c_out, columns,
                     packed.data() + panel * (size / panels), channel);
      }
    });
    op.weights = packed.data();
    op.start = start.data();
    correlate(op);
    return;
  }
  const std::int64_t panels = ceil_div(s.c_in, tile_columns);
  const Scratch start(panels * tile_columns);
  std::fill(start.data(), start.data() + panels * tile_columns, 0.0F);
  const Scratch memory(panels * ceil_div(s.k, s.stride) * s.c_out * tile_columns);
  std::int64_t slot = 0;
  for (std::int64_t q = 0; q < std::min(s.stride, s.l); ++q) {
    Correlation op = direct_dgrad(s, source, gx, q);
    const Residue r = residue_of(s, q);
    op.start = start.data();
    op.weights = memory.data();
    op.first_slot = slot;
    parallel_for(panels, [&](std::int64_t panel) {
      const std::int64_t columns = std::min<std::int64_t>(s.c_in - panel * tile_columns, tile_columns);
      for (std::int64_t m = 0; m < r.taps; ++m) {
        float* const to = memory.data() + panel * op.panel_size() + m * s.c_out * tile_columns;
        if (columns < tile_columns) {
          std::fill(to, to + s.c_out * tile_columns, 0.0F);
        }
        transpose(
            to, weights + ((r.first + (r.taps - 1 - m) * s.stride) * s.c_in + panel * tile_columns) * s.c_out,
            s.c_out, columns);
      }
    });
    correlate(op);
    slot += op.shares().slots();
  }
}

namespace {

// Convolutions of a group run in sequence: each of them keeps all threads busy.
void forward_group(Stream&, std::span<const ConvForward> group) {
  const Range range("conv.forward");
  for (const ConvForward& problem : group) {
    const ConvShape& s = problem.shape;
    check_shape(s);
    forward(
        s,
        {floats(problem.x, s.n * s.l * s.h * s.c_in, "conv.forward: x"), s.l, s.h * s.c_in, s.c_in, nullptr},
        floats(problem.w, s.k * s.c_in * s.c_out, "conv.forward: w"), nullptr,
        floats_or_null(problem.bias, s.c_out, "conv.forward: bias"),
        {floats(problem.y, s.n * s.l_out() * s.h * s.c_out, "conv.forward: y"), s.l_out(), s.h, s.c_out, {}});
  }
}

void dgrad_group(Stream&, std::span<const ConvDgrad> group) {
  const Range range("conv.dgrad");
  for (const ConvDgrad& problem : group) {
    const ConvShape& s = problem.shape;
    check_shape(s);
    dgrad(s, floats(problem.gy, s.n * s.l_out() * s.h * s.c_out, "conv.dgrad: gy"),
          floats(problem.w, s.k * s.c_in * s.c_out, "conv.dgrad: w"),
          {floats(problem.gx, s.n * s.l * s.h * s.c_in, "conv.dgrad: gx"), s.l, s.h, s.c_in, {}});
  }
}

void wgrad_group(Stream&, std::span<const ConvWgrad> group) {
  const Range range("conv.wgrad");
  for (const ConvWgrad& problem : group) {
    const ConvShape& s = problem.shape;
    check_shape(s);
    wgrad(s,
          {floats(problem.x, s.n * s.l * s.h * s.c_in, "conv.wgrad: x"), s.l, s.h * s.c_in, s.c_in, nullptr},
          floats(problem.gy, s.n * s.l_out() * s.h * s.c_out, "conv.wgrad: gy"),
          floats(problem.gw, s.k * s.c_in * s.c_out, "conv.wgrad: gw"),
          floats_or_null(problem.gbias, s.c_out, "conv.wgrad: gbias"));
  }
}

}  // namespace

ConvKernels conv_kernels() {
  return {forward_group, dgrad_group, wgrad_group};
}

}  // namespace sec::kernels::cpu::SEC_ISA
