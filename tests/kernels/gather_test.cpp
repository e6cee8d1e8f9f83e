// Compares gathered and augmented examples with plain loops in double precision.
// The loops apply one change after another to whole rows and use the same random numbers.
#include <algorithm>
#include <numbers>

#include "kernels/augmentation.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

constexpr std::uint64_t seed = 5;
constexpr std::uint32_t step = 9;

struct Case {
  GatherShape shape;
  Augmentation changes;
  std::vector<GatherChannel> channels;
};

double flat(Draw draw, std::int64_t slot, std::int64_t i) {
  return uniform53({seed, step, static_cast<std::uint32_t>(draw)}, element_of(slot, i));
}
double gaussian(Draw draw, std::int64_t slot, std::int64_t i) {
  return normal({seed, step, static_cast<std::uint32_t>(draw)}, element_of(slot, i));
}

std::vector<bool> lost_channels(const Case& c, std::int64_t n) {
  std::vector<bool> lost;
  std::vector<double> draws;
  for (std::int64_t h = 0; h < c.shape.channels; ++h) {
    draws.push_back(flat(Draw::lead_drop, n, c.changes.any_lead_drops ? h : 0));
    lost.push_back(draws.back() < c.changes.lead_drop &&
                   (c.changes.any_lead_drops || c.channels[h].lead == 1));
  }
  if (c.changes.any_lead_drops && std::ranges::find(lost, false) == lost.end()) {
    lost[std::ranges::max_element(draws) - draws.begin()] = false;
  }
  return lost;
}

Values changed_row(const Case& c, std::int64_t n, std::int64_t place, const Values& from) {
  const Augmentation& o = c.changes;
  const GatherChannel& channel = c.channels[place % c.shape.channels];
  const std::int64_t length = c.shape.length;
  Values row = from;
  for (std::int64_t t = 0; t < length; ++t) {
    if (channel.lead < 0) {
      row[t] += o.covariate_noise *
                gaussian(Draw::rhythm_noise, n, place * channel.stretches + t * channel.stretches / length);
      continue;
    }
    const std::int64_t at = place * length + t;
    row[t] *= std::exp(o.scale * gaussian(Draw::scale, n, channel.lead));
    row[t] += o.noise * flat(Draw::noise_level, n, 0) * gaussian(Draw::noise, n, at);
    row[t] *= 1 + o.gain_noise * flat(Draw::gain_noise_level, n, 0) * gaussian(Draw::gain_noise, n, at);
    row[t] += o.offset * gaussian(Draw::offset, n, channel.lead);
    const double frequency = 0.2 + 0.6 * flat(Draw::wander_frequency, n, 0);
    const double turns = frequency * static_cast<double>(t) / o.rate + flat(Draw::wander_phase, n, 0);
    row[t] += o.wander * gaussian(Draw::wander_amplitude, n, place) * std::sin(2 * std::numbers::pi * turns);
  }
  if (channel.lead < 0) {
    return row;
  }
  const auto by =
      static_cast<std::int64_t>(flat(Draw::shift, n, 0) * static_cast<double>(2 * o.shift + 1)) - o.shift;
  Values moved = row;
  for (std::int64_t t = 0; t < length; ++t) {
    moved[t] = row[std::clamp<std::int64_t>(t + by, 0, length - 1)];
  }
  return lost_channels(c, n)[place % c.shape.channels] ? Values(row.size(), 0.0) : moved;
}

class Gather : public Kernels {
 protected:
  void check(const Case& c) {
    const GatherShape& s = c.shape;
    const std::int64_t cells = s.windows * s.length * s.channels;
    const std::int64_t stored = s.stored * s.channels;  // cells of an example in memory
    const Values all_x = random_values(s.examples * stored, 1);
    const Values all_covariates = random_values(s.examples * s.covariates, 2);
    Integers all_answers(static_cast<std::size_t>(s.examples * s.answers));
    for (std::size_t i = 0; i < all_answers.size(); ++i) {
      all_answers[i] = static_cast<std::int32_t>(3 * i + 1);
    }
    Integers index, about, answers;
    for (std::int64_t n = 0; n < s.n; ++n) {
      index.push_back(static_cast<std::int32_t>((n * 7 + 3) % s.examples));
    }
    for (const GatherChannel& channel : c.channels) {
      about.insert(about.end(), {channel.lead, channel.stretches});
    }
    Values x(static_cast<std::size_t>(s.n * cells)), covariates;
    for (std::int64_t n = 0; n < s.n; ++n) {
      // All places of a crop are equally likely.
      const std::int64_t last = s.stored - s.windows * s.length;
      const auto begin = static_cast<std::int64_t>(flat(Draw::crop, n, 0) * static_cast<double>(last + 1));
      for (std::int64_t place = 0; place < s.windows * s.channels; ++place) {
        const std::int64_t first = place / s.channels * s.length * s.channels + place % s.channels;
        Values row;
        for (std::int64_t t = 0; t < s.length; ++t) {
          row.push_back(all_x[index[n] * stored + begin * s.channels + first + t * s.channels]);
        }
        row = changed_row(c, n, place, row);
        for (std::int64_t t = 0; t < s.length; ++t) {
          x[n * cells + first + t * s.channels] = row[t];
        }
      }
      const bool dropped = flat(Draw::covariate_drop, n, 0) < c.changes.covariate_drop;
      for (std::int64_t k = 0; k < s.covariates; ++k) {
        const double noisy = all_covariates[index[n] * s.covariates + k] +
                             c.changes.covariate_noise * gaussian(Draw::covariate_noise, n, k);
        covariates.push_back(dropped ? 0 : noisy);
      }
      for (std::int64_t i = 0; i < s.answers; ++i) {
        answers.push_back(all_answers[index[n] * s.answers + i]);
      }
    }
    Tensor x_out = result(s.n * cells);
    Tensor covariates_out = s.covariates > 0 ? result(s.n * s.covariates) : Tensor();
    Tensor answers_out = tensor(Integers(answers.size(), -1));
    const Tensor step_in = tensor(Integers{static_cast<std::int32_t>(step)});
    const RandomKey key{seed, 0, 0, static_cast<const std::uint32_t*>(step_in.read().data)};
    kernels().gather.examples(
        stream(), s, c.changes, key, tensor(index).read(), tensor(about).read(), tensor(all_x).read(),
        s.covariates > 0 ? tensor(all_covariates).read() : ConstSpan(), tensor(all_answers).read(),
        x_out.write(), s.covariates > 0 ? covariates_out.write() : Span(), answers_out.write());
    // The error of ten roundings of values of up to 4.
    expect_close(floats_of(x_out), x, 40 * unit, 0, "x");
    if (s.covariates > 0) {
      expect_close(floats_of(covariates_out), covariates, 4 * unit, 0, "covariates");
    }
    EXPECT_EQ(integers_of(answers_out), answers);
  }
};

constexpr Augmentation all_changes{.scale = 0.1,
                                   .noise = 0.1,
                                   .gain_noise = 0.1,
                                   .offset = 0.1,
                                   .wander = 0.1,
                                   .lead_drop = 0.4,
                                   .covariate_noise = 0.1,
                                   .covariate_drop = 0.4,
                                   .shift = 6,
                                   .rate = 120};

TEST_P(Gather, LeavesExamplesAloneWithoutChanges) {
  check({{.n = 5,
          .examples = 3,
          .stored = 21,
          .windows = 1,
          .length = 21,
          .channels = 2,
          .covariates = 0,
          .answers = 1},
         {},
         {{0, 0}, {1, 0}}});
}

// Examples with two channels of one lead and two rhythm strips, single windows and sequences of three.
TEST_P(Gather, ChangesBeats) {
  for (const std::int64_t windows : {1, 3}) {
    check({{.n = 12,
            .examples = 30,
            .stored = 37 * windows,
            .windows = windows,
            .length = 37,
            .channels = 5,
            .covariates = 3,
            .answers = 1},
           all_changes,
           {{0, 0}, {1, 0}, {1, 0}, {-1, 12}, {-1, 16}}});
  }
}

// Recordings larger than one block handles. Leads are dropped independently, with probability 0.4 or 1.
// With probability 1, one lead must be kept.
TEST_P(Gather, ChangesRecordings) {
  Augmentation changes = all_changes;
  changes.any_lead_drops = true;
  for (const double drop : {0.4, 1.0}) {
    changes.lead_drop = drop;
    check({{.n = 4,
            .examples = 6,
            .stored = 900,
            .windows = 1,
            .length = 900,
            .channels = 3,
            .covariates = 2,
            .answers = 4},
           changes,
           {{0, 0}, {1, 0}, {2, 0}}});
  }
}

// Crops, each from its own place in its recording; the last place is the recording's end.
TEST_P(Gather, DrawsCrops) {
  for (const std::int64_t stored : {301, 1000}) {
    check({{.n = 9,
            .examples = 3,
            .stored = stored,
            .windows = 1,
            .length = 300,
            .channels = 3,
            .covariates = 0,
            .answers = 1},
           all_changes,
           {{0, 0}, {1, 0}, {2, 0}}});
  }
}

SEC_ON_ALL_TARGETS(Gather);

}  // namespace
}  // namespace sec::kernels
