#include "train/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "train/patient.h"
#include "train/random.h"

namespace sec::train {
namespace {

constexpr double slowest_wander = 0.2, fastest_wander = 0.8;  // Hz: breathing

// One beat's random numbers.
struct Dice {
  std::uint64_t seed;
  std::int64_t step;
  std::uint64_t slot;

  // At most 2^24 numbers a beat and kind.
  std::uint64_t element(std::size_t i) const { return (slot << 24) + i; }
  float gaussian(Draw draw, std::size_t i) const { return normal(random_key(seed, step, draw), element(i)); }
  double flat(Draw draw, std::size_t i) const { return uniform53(random_key(seed, step, draw), element(i)); }
};

// What is added to or multiplied with one lead's channel.
struct LeadChange {
  const Recipe::Augment& options;
  const Dice& dice;
  double rate;

  // `place` counts the channels of all windows of a sequence.
  void apply(const Channel& channel, std::size_t place, std::span<float> row) const {
    const auto lead = static_cast<std::size_t>(channel.lead);
    if (options.scale > 0) {
      const float factor = std::exp(static_cast<float>(options.scale) * dice.gaussian(Draw::scale, lead));
      std::for_each(row.begin(), row.end(), [&](float& v) { v *= factor; });
    }
    if (options.noise > 0) {
      const auto level = static_cast<float>(options.noise * dice.flat(Draw::noise_level, 0));
      for (std::size_t t = 0; t < row.size(); ++t) {
        row[t] += level * dice.gaussian(Draw::noise, place * row.size() + t);
      }
    }
    if (options.wander > 0) {
      const float height = static_cast<float>(options.wander) * dice.gaussian(Draw::wander_amplitude, place);
      const double frequency =
          slowest_wander + (fastest_wander - slowest_wander) * dice.flat(Draw::wander_frequency, 0);
      const double phase = dice.flat(Draw::wander_phase, 0);
      for (std::size_t t = 0; t < row.size(); ++t) {
        const double turns = frequency * static_cast<double>(t) / rate + phase;
        row[t] += height * static_cast<float>(std::sin(2 * std::numbers::pi * turns));
      }
    }
    if (options.shift > 0) {
      const auto largest = static_cast<std::int64_t>(std::llround(options.shift * rate));
      const auto by =
          static_cast<std::int64_t>(dice.flat(Draw::shift, 0) * static_cast<double>(2 * largest + 1)) -
          largest;
      const std::vector<float> before(row.begin(), row.end());
      cut_window(before, by, row);
    }
    if (lead == 1 && options.lead_drop > 0 && dice.flat(Draw::lead_drop, 0) < options.lead_drop) {
      std::fill(row.begin(), row.end(), 0.0F);
    }
  }
};

}  // namespace

void augment_beat(const Recipe::Augment& options, const std::vector<Channel>& channels, std::int64_t windows,
                  double rate, std::uint64_t seed, std::int64_t step, std::int64_t slot, std::span<float> x,
                  std::span<float> covariates) {
  const Dice dice{seed, step, static_cast<std::uint64_t>(slot)};
  const LeadChange change{options, dice, rate};
  const std::size_t length = x.size() / channels.size() / static_cast<std::size_t>(windows);
  const auto covariate_noise = static_cast<float>(options.covariate_noise);
  std::vector<float> row(length);
  // Every window of a sequence has draws of its own, but for what is the lead's.
  for (std::size_t place = 0; place < channels.size() * static_cast<std::size_t>(windows); ++place) {
    const std::size_t h = place % channels.size();
    float* const first = &x[place / channels.size() * length * channels.size() + h];
    for (std::size_t t = 0; t < length; ++t) {
      row[t] = first[t * channels.size()];
    }
    if (!channels[h].is_rhythm()) {
      change.apply(channels[h], place, row);
    } else if (covariate_noise > 0) {
      const auto kind =
          channels[h].kind == Channel::Kind::measures ? StripKind::measures : StripKind::tachogram;
      const auto stretches = static_cast<std::size_t>(strip_size(kind));
      for (std::size_t t = 0; t < length; ++t) {
        row[t] +=
            covariate_noise * dice.gaussian(Draw::rhythm_noise, place * stretches + t * stretches / length);
      }
    }
    for (std::size_t t = 0; t < length; ++t) {
      first[t * channels.size()] = row[t];
    }
  }
  const bool dropped =
      options.covariate_drop > 0 && dice.flat(Draw::covariate_drop, 0) < options.covariate_drop;
  for (std::size_t i = 0; i < covariates.size(); ++i) {
    if (covariate_noise > 0) {
      covariates[i] += covariate_noise * dice.gaussian(Draw::covariate_noise, i);
    }
    covariates[i] = dropped ? 0.0F : covariates[i];
  }
}

}  // namespace sec::train
