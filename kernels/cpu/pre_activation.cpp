// conv(dropout(relu(batch_norm(x)))) as one operation.
// Forward activates the input while copying it into the convolution's buffers.
// It sums statistics of the output while the output is in the cache.
// Backward masks dgrad's output (dropout, ReLU) and sums batch norm's gradients, both in the cache.
// One more pass then computes gx = scale * (g - offset) - slope * (x - mean).
#include <algorithm>
#include <cmath>

#include "engine/parallel.h"
#include "engine/ranges.h"
#include "kernels/cpu/convolution.h"
#include "kernels/cpu/parts.h"
#include "kernels/cpu/slot_sums.h"
#include "kernels/operands.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Returns the mark bits of `passed`. Rows of channels must fill whole words of marks.
std::uint16_t* marks_of(Span passed, std::int64_t elements, const char* what) {
  return reinterpret_cast<std::uint16_t*>(integers(passed, ceil_div(elements, 32), what));
}
const std::uint16_t* marks_of(ConstSpan passed, std::int64_t elements, const char* what) {
  return reinterpret_cast<const std::uint16_t*>(integers(passed, ceil_div(elements, 32), what));
}

void check_channels(const ConvShape& s) {
  check_shape(s);
  check(s.c_in % mark_elements == 0 && s.c_out % mark_elements == 0,
        "pre_activation: expected channels in multiples of 16");
}

// scale[i] = gamma[i] / sqrt(variance[i] + epsilon) for c channels.
void fill_scale(const PreActivation& before, std::int64_t c, float* scale) {
  const float* const variance = floats(before.variance, c, "pre_activation: variance");
  const float* const gamma = floats(before.gamma, c, "pre_activation: gamma");
  for (std::int64_t i = 0; i < c; ++i) {
    scale[i] = gamma[i] / std::sqrt(variance[i] + before.epsilon);
  }
}

Activation activation_of(const PreActivation& before, std::int64_t c, const float* scale) {
  check(before.p >= 0 && before.p < 1, "pre_activation: expected a probability in [0, 1)");
  Activation a;
  a.centre = floats(before.mean, c, "pre_activation: mean");
  a.scale = scale;
  a.shift = floats(before.beta, c, "pre_activation: beta");
  a.keep = 1.0F / (1.0F - before.p);
  a.p = before.p;
  a.key = {before.key.seed, before.p > 0 ? step_of(before.key) : 0, before.key.operation};
  return a;
}

void forward_one(const PreActivationForward& problem) {
  const Range range("pre_activation.forward");
  const ConvShape& s = problem.shape;
  check_channels(s);
  const std::int64_t elements = s.n * s.l * s.h * s.c_in;
  const Scratch scale(s.c_in);
  fill_scale(problem.before, s.c_in, scale.data());
  Activation a = activation_of(problem.before, s.c_in, scale.data());
  a.marks = problem.activation_mask.empty()
                ? nullptr
                : marks_of(problem.activation_mask, elements, "pre_activation: activation_mask");
  const Source x{floats(problem.x, elements, "pre_activation.forward: x"), s.l, s.h * s.c_in, s.c_in, &a};
  Output y{floats(problem.y, s.n * s.l_out() * s.h * s.c_out, "pre_activation.forward: y"),
           s.l_out(),
           s.h,
           s.c_out,
           {}};
  const Shares shares = forward_shares(s);
  const bool summed = !problem.mean.empty() || !problem.squeeze.empty();
  const Scratch slots(summed ? shares.slots() * 3 * s.c_out : 0);
  y.finish.statistics = summed ? slots.data() : nullptr;
  const std::int64_t prepared = prepared_size(s);
  forward(s, x, floats(problem.w, s.k * s.c_in * s.c_out, "pre_activation.forward: w"),
          prepared == 0 ? nullptr
                        : floats_or_null(problem.prepared, prepared, "pre_activation.forward: prepared"),
          floats_or_null(problem.bias, s.c_out, "pre_activation.forward: bias"), y);
  if (!problem.mean.empty()) {
    check(s.n > 0, "pre_activation: no samples to take statistics of");
    merge_statistics(shares, s.h, s.c_out, slots.data(),
                     floats(problem.mean, s.c_out, "pre_activation: mean of y"),
                     floats(problem.variance, s.c_out, "pre_activation: variance of y"));
  }
  if (!problem.squeeze.empty()) {
    merge_means(shares, s.h, s.c_out, slots.data(),
                floats(problem.squeeze, s.n * s.c_out, "pre_activation: squeeze"));
  }
}

void backward_one(const PreActivationBackward& problem) {
  const ConvShape& s = problem.shape;
  check_channels(s);
  const std::int64_t c = s.c_in;
  const std::int64_t elements = s.n * s.l * s.h * c;
  const float* const x = floats(problem.x, elements, "pre_activation.backward: x");
  const float* const w = floats(problem.w, s.k * c * s.c_out, "pre_activation.backward: w");
  const float* const gy = floats(problem.gy, s.n * s.l_out() * s.h * s.c_out, "pre_activation.backward: gy");
  const float* const also =
      floats_or_null(problem.extra_gradient, elements, "pre_activation.backward: extra_gradient");
  float* const gx = floats(problem.gx, elements, "pre_activation.backward: gx");
  const Scratch constants(3 * c);
  float* const scale = constants.data();
  fill_scale(problem.before, c, scale);
  Activation a = activation_of(problem.before, c, scale);
  // The mask is only read: `draws` is false.
  a.marks = const_cast<std::uint16_t*>(
      marks_of(problem.activation_mask, elements, "pre_activation: activation_mask"));
  a.draws = false;

  const std::int64_t slots = dgrad_slots(s);
  const Scratch sums(slots * 2 * c);
  {
    const Range range("pre_activation.dgrad");
    dgrad(s, gy, w,
          {gx, s.l, s.h, c, {.statistics = nullptr, .activation = &a, .x = x, .sums = sums.data()}});
  }
  {
    const Range range("pre_activation.batch_norm");
    const Scratch totals_memory(2 * 2 * c);
    auto* const totals = reinterpret_cast<double*>(totals_memory.data());
    merge_sums(slots, c, sums.data(), totals);
    const float* const variance = floats(problem.before.variance, c, "pre_activation: variance");
    float* const ggamma = floats(problem.ggamma, c, "pre_activation.backward: ggamma");
    float* const gbeta = floats(problem.gbeta, c, "pre_activation.backward: gbeta");
    float* const offset = scale + c;
    float* const slope = scale + 2 * c;
    const auto rows = static_cast<double>(s.n * s.l * s.h);
    for (std::int64_t i = 0; i < c; ++i) {
      const double r = 1.0 / std::sqrt(static_cast<double>(variance[i]) + problem.before.epsilon);
      gbeta[i] += static_cast<float>(totals[i]);
      ggamma[i] += static_cast<float>(totals[c + i] * r);
      offset[i] = static_cast<float>(totals[i] / rows);
      slope[i] = static_cast<float>(scale[i] * r * r * totals[c + i] / rows);
    }
    constexpr std::int64_t block_rows = 64;
    const std::int64_t all_rows = s.n * s.l * s.h;
    parallel_for(ceil_div(all_rows, block_rows), [&](std::int64_t block) {
      const std::int64_t end = std::min(all_rows, (block + 1) * block_rows) * c;
      for (std::int64_t row = block * block_rows * c; row < end; row += c) {
        for (std::int64_t i = 0; i < c; i += width) {
          const F32 g = load(gx + row + i) - load(offset + i);
          const F32 deviation = load(x + row + i) - load(a.centre + i);
          const F32 other = also == nullptr ? F32{} : load(also + row + i);
          store(gx + row + i, other + (load(scale + i) * g - load(slope + i) * deviation));
        }
      }
    });
  }
  const Range range("pre_activation.wgrad");
  wgrad(s, {x, s.l, s.h * c, c, &a}, gy, floats(problem.gw, s.k * c * s.c_out, "pre_activation.backward: gw"),
        floats_or_null(problem.gbias, s.c_out, "pre_activation.backward: gbias"));
}

// Runs the problems of a group. By default they run in sequence, each on all threads.
// If all problems are so small that threads would mostly wait, they run in parallel, the largest first.
template <typename Problem>
void for_each_problem(const char* name, std::span<const Problem> group, void (*run)(const Problem&)) {
  constexpr std::int64_t small = 32'000'000;
  const auto macs = [](const Problem& problem) { return problem.shape.macs(); };
  const bool all_small =
      std::all_of(group.begin(), group.end(), [&](const Problem& problem) { return macs(problem) < small; });
  const auto count = static_cast<std::int64_t>(group.size());
  if (!all_small || threads() == 1 || threads() > count) {
    for (const Problem& problem : group) {
      run(problem);
    }
    return;
  }
  const Range range(name);  // the profiler does not see ranges on other threads
  constexpr std::int64_t most = 16;
  check(count <= most, "pre_activation: more than 16 convolutions in a group");
  const Problem* by_size[most];
  for (std::int64_t i = 0; i < count; ++i) {
    std::int64_t place = i;
    for (; place > 0 && macs(*by_size[place - 1]) < macs(group[i]); --place) {
      by_size[place] = by_size[place - 1];
    }
    by_size[place] = &group[i];
  }
  parallel_for(count, [&](std::int64_t i) { run(*by_size[i]); });
}

void forward_group(Stream&, std::span<const PreActivationForward> group) {
  for_each_problem("pre_activation.forward", group, forward_one);
}

void backward_group(Stream&, std::span<const PreActivationBackward> group) {
  for_each_problem("pre_activation.backward", group, backward_one);
}

void prepare(Stream&, const ConvShape& s, ConstSpan w, Span prepared) {
  const Range range("pre_activation.prepare");
  check_channels(s);
  prepare_forward(s, floats(w, s.k * s.c_in * s.c_out, "pre_activation.prepare: w"),
                  floats(prepared, prepared_size(s), "pre_activation.prepare: prepared"));
}

}  // namespace

PreActivationKernels pre_activation_kernels() {
  return {forward_group, backward_group, prepared_size, prepare};
}

}  // namespace sec::kernels::cpu::SEC_ISA
