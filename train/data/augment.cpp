#include "train/data/augment.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/augmentation.h"
#include "train/data/patient.h"

namespace sec::train {
namespace {

using kernels::ExampleRandom;

// The changes to one channel of a lead: factors, noise, offset, wander and shift.
struct LeadChange {
  const Recipe::Augment& options;
  const ExampleRandom& random;
  double rate;

  // `place` is the index of the channel among the channels of all windows of a sequence.
  void apply(std::size_t lead, std::size_t place, std::span<float> row) const {
    if (options.scale > 0) {
      const float factor = std::exp(static_cast<float>(options.scale) * random.gaussian(Draw::scale, lead));
      std::for_each(row.begin(), row.end(), [&](float& v) { v *= factor; });
    }
    if (options.noise > 0) {
      const auto level = static_cast<float>(options.noise * random.uniform(Draw::noise_level, 0));
      for (std::size_t t = 0; t < row.size(); ++t) {
        row[t] += level * random.gaussian(Draw::noise, place * row.size() + t);
      }
    }
    if (options.gain_noise > 0) {
      const auto level = static_cast<float>(options.gain_noise * random.uniform(Draw::gain_noise_level, 0));
      for (std::size_t t = 0; t < row.size(); ++t) {
        row[t] *= 1 + level * random.gaussian(Draw::gain_noise, place * row.size() + t);
      }
    }
    if (options.offset > 0) {
      const float by = static_cast<float>(options.offset) * random.gaussian(Draw::offset, lead);
      std::for_each(row.begin(), row.end(), [&](float& v) { v += by; });
    }
    if (options.wander > 0) {
      const float height =
          static_cast<float>(options.wander) * random.gaussian(Draw::wander_amplitude, place);
      const double frequency =
          slowest_wander + (fastest_wander - slowest_wander) * random.uniform(Draw::wander_frequency, 0);
      const double phase = random.uniform(Draw::wander_phase, 0);
      for (std::size_t t = 0; t < row.size(); ++t) {
        const double turns = frequency * static_cast<double>(t) / rate + phase;
        row[t] += height * static_cast<float>(std::sin(2 * std::numbers::pi * turns));
      }
    }
    if (options.shift > 0) {
      const auto largest = static_cast<std::int64_t>(std::llround(options.shift * rate));
      const auto by =
          static_cast<std::int64_t>(random.uniform(Draw::shift, 0) * static_cast<double>(2 * largest + 1)) -
          largest;
      const std::vector<float> before(row.begin(), row.end());
      cut_window(before, by, row);
    }
  }
};

void change_covariates(const Recipe::Augment& options, const ExampleRandom& random,
                       std::span<float> covariates) {
  const auto noise = static_cast<float>(options.covariate_noise);
  const bool dropped =
      options.covariate_drop > 0 && random.uniform(Draw::covariate_drop, 0) < options.covariate_drop;
  for (std::size_t i = 0; i < covariates.size(); ++i) {
    if (noise > 0) {
      covariates[i] += noise * random.gaussian(Draw::covariate_noise, i);
    }
    covariates[i] = dropped ? 0.0F : covariates[i];
  }
}

// Which leads of a recording are dropped. If all were, the lead with the largest draw is kept.
std::vector<bool> lost_leads(const Recipe::Augment& options, const ExampleRandom& random, std::size_t leads) {
  std::vector<bool> lost(leads, false);
  if (options.lead_drop == 0) {
    return lost;
  }
  std::size_t stays = 0;
  for (std::size_t h = 0; h < leads; ++h) {
    lost[h] = random.uniform(Draw::lead_drop, h) < options.lead_drop;
    stays = random.uniform(Draw::lead_drop, h) > random.uniform(Draw::lead_drop, stays) ? h : stays;
  }
  lost[stays] = lost[stays] && std::ranges::find(lost, false) != lost.end();
  return lost;
}

}  // namespace

void augment_beat(const Recipe::Augment& options, const std::vector<Channel>& channels, std::int64_t windows,
                  double rate, std::uint64_t seed, std::int64_t step, std::int64_t slot, std::span<float> x,
                  std::span<float> covariates) {
  const ExampleRandom random{seed, static_cast<std::uint32_t>(step), static_cast<std::uint64_t>(slot)};
  const LeadChange change{options, random, rate};
  const std::size_t length = x.size() / channels.size() / static_cast<std::size_t>(windows);
  const auto covariate_noise = static_cast<float>(options.covariate_noise);
  std::vector<float> row(length);
  // Noise and the amplitude of wander are drawn per window; all other draws hold for the whole sequence.
  for (std::size_t place = 0; place < channels.size() * static_cast<std::size_t>(windows); ++place) {
    const std::size_t h = place % channels.size();
    float* const first = &x[place / channels.size() * length * channels.size() + h];
    for (std::size_t t = 0; t < length; ++t) {
      row[t] = first[t * channels.size()];
    }
    if (!channels[h].is_rhythm()) {
      change.apply(static_cast<std::size_t>(channels[h].lead), place, row);
      if (channels[h].lead == 1 && options.lead_drop > 0 &&
          random.uniform(Draw::lead_drop, 0) < options.lead_drop) {
        std::ranges::fill(row, 0.0F);
      }
    } else if (covariate_noise > 0) {
      const std::size_t segments = channels[h].measures.size();
      for (std::size_t t = 0; t < length; ++t) {
        row[t] +=
            covariate_noise * random.gaussian(Draw::rhythm_noise, place * segments + t * segments / length);
      }
    }
    for (std::size_t t = 0; t < length; ++t) {
      first[t * channels.size()] = row[t];
    }
  }
  change_covariates(options, random, covariates);
}

void augment_recording(const Recipe::Augment& options, std::size_t leads, double rate, std::uint64_t seed,
                       std::int64_t step, std::int64_t slot, std::span<float> x,
                       std::span<float> covariates) {
  const ExampleRandom random{seed, static_cast<std::uint32_t>(step), static_cast<std::uint64_t>(slot)};
  const LeadChange change{options, random, rate};
  const std::vector<bool> lost = lost_leads(options, random, leads);
  std::vector<float> row(x.size() / leads);
  for (std::size_t h = 0; h < leads; ++h) {
    for (std::size_t t = 0; t < row.size(); ++t) {
      row[t] = x[t * leads + h];
    }
    change.apply(h, h, row);
    for (std::size_t t = 0; t < row.size(); ++t) {
      x[t * leads + h] = lost[h] ? 0.0F : row[t];
    }
  }
  change_covariates(options, random, covariates);
}

}  // namespace sec::train
