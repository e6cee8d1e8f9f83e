// Gathers examples into a batch, and augments them. A block computes one chunk of one example:
// first the random numbers that a channel draws once, then each cell independently. Cells are never mixed.
//
// Random numbers are drawn in double precision as on the host.
// Noise costs some hundred operations per cell, which is negligible: a batch has about half a million cells.
// Sums and products are rounded one by one (no fused multiply-add),
// so results equal the host's as far as exp, log, sin and cos agree.
#include "kernels/cuda/elements.h"
#include "kernels/cuda/parts.h"
#include "kernels/gather.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int chunk = 8 * threads;  // cells per block

// Random numbers of one channel of one window.
struct ChannelDraws {
  float factor;
  float offset;
  float height;  // height of the baseline wander
  int lost;
};

// Random numbers that all channels of an example share.
struct ExampleDraws {
  double frequency;
  double phase;
  float noise;
  float gain_noise;
  int shift;
  std::int64_t begin;  // first sample of the crop
};

SEC_DEVICE bool is_lost(const Augmentation& changes, const ExampleRandom& random, int h, int lead,
                        int channels) {
  if (changes.lead_drop <= 0) {
    return false;
  }
  if (!changes.any_lead_drops) {
    return lead == 1 && random.uniform(Draw::lead_drop, 0) < changes.lead_drop;
  }
  // Keep the lead with the largest draw, so that at least one lead remains.
  int stays = 0;
  for (int i = 1; i < channels; ++i) {
    stays = random.uniform(Draw::lead_drop, i) > random.uniform(Draw::lead_drop, stays) ? i : stays;
  }
  return h != stays && random.uniform(Draw::lead_drop, h) < changes.lead_drop;
}

SEC_DEVICE ChannelDraws channel_draws(const Augmentation& changes, const ExampleRandom& random, int place,
                                      int lead, int channels) {
  ChannelDraws draws = {1.0F, 0.0F, 0.0F, 0};
  if (changes.scale > 0) {
    draws.factor = expf(static_cast<float>(changes.scale) * random.gaussian(Draw::scale, lead));
  }
  if (changes.offset > 0) {
    draws.offset = static_cast<float>(changes.offset) * random.gaussian(Draw::offset, lead);
  }
  if (changes.wander > 0) {
    draws.height = static_cast<float>(changes.wander) * random.gaussian(Draw::wander_amplitude, place);
  }
  draws.lost = is_lost(changes, random, place % channels, lead, channels) ? 1 : 0;
  return draws;
}

// `last` is the last sample at which the crop can begin: 0 where examples are not cropped.
SEC_DEVICE ExampleDraws example_draws(const Augmentation& changes, const ExampleRandom& random,
                                      std::int64_t last) {
  ExampleDraws draws = {};
  draws.begin = last > 0 ? crop_begin(random, last) : 0;
  draws.frequency =
      slowest_wander + (fastest_wander - slowest_wander) * random.uniform(Draw::wander_frequency, 0);
  draws.phase = random.uniform(Draw::wander_phase, 0);
  draws.noise = static_cast<float>(changes.noise * random.uniform(Draw::noise_level, 0));
  draws.gain_noise = static_cast<float>(changes.gain_noise * random.uniform(Draw::gain_noise_level, 0));
  draws.shift =
      static_cast<int>(random.uniform(Draw::shift, 0) * static_cast<double>(2 * changes.shift + 1)) -
      static_cast<int>(changes.shift);
  return draws;
}

// Augments one sample of a lead, at time t of its window. `at` is its index among all channels and windows.
SEC_DEVICE float changed(const Augmentation& changes, const ExampleRandom& random,
                         const ExampleDraws& example, const ChannelDraws& channel, std::int64_t at, int t,
                         float value) {
  value = __fmul_rn(value, channel.factor);
  if (changes.noise > 0) {
    value = __fadd_rn(value, __fmul_rn(example.noise, random.gaussian(Draw::noise, at)));
  }
  if (changes.gain_noise > 0) {
    const float gain = __fmul_rn(example.gain_noise, random.gaussian(Draw::gain_noise, at));
    value = __fmul_rn(value, __fadd_rn(1.0F, gain));
  }
  value = __fadd_rn(value, channel.offset);
  if (changes.wander > 0) {
    const double turns = example.frequency * static_cast<double>(t) / changes.rate + example.phase;
    const float wave = static_cast<float>(sin(2 * std::numbers::pi * turns));
    value = __fadd_rn(value, __fmul_rn(channel.height, wave));
  }
  return value;
}

// Grid: (N, chunks per example). Dynamic shared memory: ChannelDraws of windows * channels.
__global__ void __launch_bounds__(threads)
    gather_and_augment(Augmentation changes, RandomKey key, std::int64_t stored, int windows, int length,
                       int channels, int covariates, int answers,
                       const int* __restrict__ index,                  // (N)
                       const GatherChannel* __restrict__ about,        // (H)
                       const float* __restrict__ all_x,                // (examples, stored, H)
                       const float* __restrict__ all_covariates,       // (examples, K)
                       const std::uint32_t* __restrict__ all_answers,  // (examples, answers)
                       float* __restrict__ x,                          // (N, L, H)
                       float* __restrict__ to_covariates,              // (N, K)
                       std::uint32_t* __restrict__ to_answers) {       // (N, answers)
  DYN_SHARED(ChannelDraws, drawn);
  SHARED(ExampleDraws, shared);
  const std::int64_t n = blockIdx.x;
  const std::int64_t from = index[n];
  const ExampleRandom random = {key.seed, step_of(key), static_cast<std::uint64_t>(n)};
  const int thread = static_cast<int>(threadIdx.x);
  if (thread == 0) {
    shared = example_draws(changes, random, stored - std::int64_t{windows} * length);
  }
  for (int place = thread; place < windows * channels; place += threads) {
    drawn[place] = channel_draws(changes, random, place, about[place % channels].lead, channels);
  }
  __syncthreads();

  const ExampleDraws example = shared;
  const auto covariate_noise = static_cast<float>(changes.covariate_noise);
  const int cells = windows * length * channels;
  const float* const in = all_x + (from * stored + example.begin) * channels;
  float* const out = x + n * cells;
  const int begin = static_cast<int>(blockIdx.y) * chunk;
  for (int cell = begin + thread; cell < min(begin + chunk, cells); cell += threads) {
    const int h = cell % channels;
    const int time = cell / channels;
    const int window = time / length;
    const int t = time - window * length;
    const int place = window * channels + h;
    const GatherChannel channel = about[h];
    float value = 0.0F;
    if (channel.lead < 0) {
      value = in[cell];
      if (changes.covariate_noise > 0) {
        const std::int64_t at =
            std::int64_t{place} * channel.stretches + std::int64_t{t} * channel.stretches / length;
        value = __fadd_rn(value, __fmul_rn(covariate_noise, random.gaussian(Draw::rhythm_noise, at)));
      }
    } else if (drawn[place].lost == 0) {
      // The shift is applied last, so noise is drawn for the time step that the sample comes from.
      const int moved = min(max(t + example.shift, 0), length - 1);
      value = changed(changes, random, example, drawn[place], std::int64_t{place} * length + moved, moved,
                      in[(window * length + moved) * channels + h]);
    }
    out[cell] = value;
  }
  if (blockIdx.y != 0) {
    return;
  }
  const bool dropped =
      changes.covariate_drop > 0 && random.uniform(Draw::covariate_drop, 0) < changes.covariate_drop;
  for (int k = thread; k < covariates; k += threads) {
    float value = all_covariates[from * covariates + k];
    if (changes.covariate_noise > 0) {
      value = __fadd_rn(value, __fmul_rn(covariate_noise, random.gaussian(Draw::covariate_noise, k)));
    }
    to_covariates[n * covariates + k] = dropped ? 0.0F : value;
  }
  for (int i = thread; i < answers; i += threads) {
    to_answers[n * answers + i] = all_answers[from * answers + i];
  }
}

// The elements of an operand that is only copied. Accepts f32 and i32.
template <typename Word, typename Operand>
Word* words(Operand operand, std::int64_t count, const char* what) {
  require(operand.type == DType::f32 || operand.type == DType::i32, "{}: expected f32 or i32 elements", what);
  require(operand.count == count, "{}: expected {} elements, got {}", what, count, operand.count);
  return static_cast<Word*>(operand.data);
}

void gather_examples(Stream& stream, const GatherShape& s, const Augmentation& changes, const RandomKey& key,
                     ConstSpan index, ConstSpan channels, ConstSpan all_x, ConstSpan all_covariates,
                     ConstSpan all_answers, Span x, Span covariates, Span answers) {
  require(s.n > 0 && s.examples > 0 && s.windows > 0 && s.length > 0 && s.channels > 0,
          "gather.examples: expected examples of windows of samples of channels");
  require(all_answers.type == answers.type, "gather.examples: answers of two types");
  require(changes.shift >= 0 && changes.rate > 0,
          "gather.examples: expected a shift of 0 or more and a rate");
  const std::int64_t cells = s.windows * s.length * s.channels;
  require(s.stored == s.windows * s.length || (s.windows == 1 && s.stored > s.length),
          "gather.examples: {} samples of {} windows of {} are in memory", s.stored, s.windows, s.length);
  to_int(cells + chunk, "gather.examples: an example");
  to_int(s.length + 2 * changes.shift + 1, "gather.examples: a shift");
  // (H, 2), read as H pairs.
  const auto* const about = reinterpret_cast<const GatherChannel*>(
      elements<std::int32_t>(channels, 2 * s.channels, "gather.examples: channels"));
  launch<gather_and_augment>(
      stream,
      dim3(static_cast<unsigned>(to_int(s.n, "gather.examples")),
           static_cast<unsigned>(ceil_div(cells, chunk))),
      dim3(threads), static_cast<std::size_t>(s.windows * s.channels) * sizeof(ChannelDraws), changes, key,
      s.stored, static_cast<int>(s.windows), static_cast<int>(s.length), static_cast<int>(s.channels),
      to_int(s.covariates, "gather.examples"), to_int(s.answers, "gather.examples"),
      elements<std::int32_t>(index, s.n, "gather.examples: index"), about,
      elements<float>(all_x, s.examples * s.stored * s.channels, "gather.examples: all_x"),
      elements_or_null<float>(all_covariates, s.examples * s.covariates, "gather.examples: all_covariates"),
      words<const std::uint32_t>(all_answers, s.examples * s.answers, "gather.examples: all_answers"),
      elements<float>(x, s.n * cells, "gather.examples: x"),
      elements_or_null<float>(covariates, s.n * s.covariates, "gather.examples: covariates"),
      words<std::uint32_t>(answers, s.n * s.answers, "gather.examples: answers"));
}

}  // namespace

GatherKernels gather_kernels() {
  return {.examples = gather_examples};
}

}  // namespace sec::kernels::SEC_BACKEND
