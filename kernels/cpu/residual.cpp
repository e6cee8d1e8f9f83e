// The end of a residual block, computed in chunks of positions that stay in L1 while they are summed.
#include "engine/parallel.h"
#include "engine/ranges.h"
#include "kernels/cpu/correlation.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/slot_sums.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Chunks of about 4096 floats; a position counts as a step of one row.
Shares chunks_of(const GateShape& s) {
  return shares_of(s.n, s.positions, 1, 1, std::max<std::int64_t>(4096 / s.c, 1));
}

void check_residual(const GateShape& s) {
  check(s.n >= 0 && s.positions > 0 && s.c > 0 && s.c % mark_elements == 0,
        "residual: expected positions, and channels in multiples of 16");
}

// Calls body(sample, first, size, slot) for each chunk of each sample.
template <typename Body>
void for_each_chunk(const Shares& shares, const Body& body) {
  parallel_for(shares.size(), [&](std::int64_t i) {
    const Share share = shares[i];
    for (std::int64_t s = 0; s < share.samples; ++s) {
      body(share.sample + s, share.first, share.size, (share.sample + s) * shares.chunks + share.chunk);
    }
  });
}

void forward(const ResidualForward& problem) {
  const Range range("residual.forward");
  const GateShape s = problem.shape;
  check_residual(s);
  const std::int64_t count = s.n * s.positions * s.c;
  const float* const x = floats(problem.x, count, "residual.forward: x");
  const float* const gate = floats(problem.gate, s.n * s.c, "residual.forward: gate");
  const float* const shortcut = floats(problem.shortcut, count, "residual.forward: shortcut");
  float* const y = floats(problem.y, count, "residual.forward: y");
  const Shares shares = chunks_of(s);
  const bool statistics = !problem.mean.empty();
  const Scratch slots(statistics ? shares.slots() * 3 * s.c : 0);
  const Output output{y, s.positions, 1, s.c, {.statistics = statistics ? slots.data() : nullptr}};
  const F32 floor = problem.relu ? F32{} : F32{} - __builtin_huge_valf();
  for_each_chunk(shares, [&](std::int64_t sample, std::int64_t first, std::int64_t size, std::int64_t slot) {
    const float* const factors = gate + sample * s.c;
    const std::int64_t end = (sample * s.positions + first + size) * s.c;
    for (std::int64_t row = (sample * s.positions + first) * s.c; row < end; row += s.c) {
      for (std::int64_t c = 0; c < s.c; c += width) {
        const F32 sum = load(x + row + c) * load(factors + c) + load(shortcut + row + c);
        store(y + row + c, select(sum < floor, floor, sum));  // NaN is not below the floor, so it passes
      }
    }
    finish_block(output, slot, sample, first, size, 1, {0, s.c});
  });
  if (statistics) {
    check(s.n > 0, "residual: no samples to take statistics of");
    merge_statistics(shares, 1, s.c, slots.data(), floats(problem.mean, s.c, "residual.forward: mean"),
                     floats(problem.variance, s.c, "residual.forward: variance"));
  }
}

void backward(const ResidualBackward& problem) {
  const Range range("residual.backward");
  const GateShape s = problem.shape;
  const bool relu = problem.relu;
  check_residual(s);
  const std::int64_t count = s.n * s.positions * s.c;
  const float* const x = floats(problem.x, count, "residual.backward: x");
  const float* const y = floats(problem.y, count, "residual.backward: y");
  const float* const gy = floats(problem.gy, count, "residual.backward: gy");
  float* const gshortcut = floats(problem.gshortcut, count, "residual.backward: gshortcut");
  float* const ggate = floats(problem.ggate, s.n * s.c, "residual.backward: ggate");
  const Shares shares = chunks_of(s);
  const Scratch slots(shares.slots() * s.c);
  for_each_chunk(shares, [&](std::int64_t sample, std::int64_t first, std::int64_t size, std::int64_t slot) {
    float* const sums = slots.data() + slot * s.c;
    std::fill(sums, sums + s.c, 0.0F);
    const std::int64_t end = (sample * s.positions + first + size) * s.c;
    for (std::int64_t row = (sample * s.positions + first) * s.c; row < end; row += s.c) {
      for (std::int64_t c = 0; c < s.c; c += width) {
        F32 g = load(gy + row + c);
        if (relu) {
          g = select(load(y + row + c) <= F32{}, F32{}, g);
        }
        store(gshortcut + row + c, g);
        store(sums + c, load(sums + c) + g * load(x + row + c));
      }
    }
  });
  parallel_for(s.n, [&](std::int64_t sample) {
    for (std::int64_t c = 0; c < s.c; ++c) {
      double sum = 0;
      for (std::int64_t chunk = 0; chunk < shares.chunks; ++chunk) {
        sum += slots.data()[(sample * shares.chunks + chunk) * s.c + c];
      }
      ggate[sample * s.c + c] = static_cast<float>(sum);
    }
  });
}

void backward_input(const ResidualBackwardInput& problem) {
  const Range range("residual.backward_input");
  const GateShape s = problem.shape;
  check_residual(s);
  const std::int64_t count = s.n * s.positions * s.c;
  const float* const gshortcut = floats(problem.gshortcut, count, "residual.backward_input: gshortcut");
  const float* const gate = floats(problem.gate, s.n * s.c, "residual.backward_input: gate");
  const float* const gmeans = floats(problem.gmeans, s.n * s.c, "residual.backward_input: gmeans");
  float* const gx = floats(problem.gx, count, "residual.backward_input: gx");
  const float share_of_mean = 1.0F / static_cast<float>(s.positions);
  for_each_chunk(chunks_of(s), [&](std::int64_t sample, std::int64_t first, std::int64_t size, std::int64_t) {
    const std::int64_t end = (sample * s.positions + first + size) * s.c;
    for (std::int64_t row = (sample * s.positions + first) * s.c; row < end; row += s.c) {
      for (std::int64_t c = 0; c < s.c; c += width) {
        const F32 means = load(gmeans + sample * s.c + c) * share_of_mean;
        store(gx + row + c, load(gshortcut + row + c) * load(gate + sample * s.c + c) + means);
      }
    }
  });
}

void forward_group(Stream&, std::span<const ResidualForward> group) {
  for (const ResidualForward& problem : group) {
    forward(problem);
  }
}

void backward_group(Stream&, std::span<const ResidualBackward> group) {
  for (const ResidualBackward& problem : group) {
    backward(problem);
  }
}

void backward_input_group(Stream&, std::span<const ResidualBackwardInput> group) {
  for (const ResidualBackwardInput& problem : group) {
    backward_input(problem);
  }
}

}  // namespace

ResidualKernels residual_kernels() {
  return {forward_group, backward_group, backward_input_group};
}

}  // namespace sec::kernels::cpu::SEC_ISA
