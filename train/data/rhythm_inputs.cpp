#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.h"
#include "train/data/rhythm.h"

namespace sec::train {
namespace {

struct Named {
  std::string_view name;
  double BeatRhythm::*value;
};
constexpr std::array<Named, 3> intervals_known = {
    {{"rr", &BeatRhythm::rr}, {"next", &BeatRhythm::next}, {"previous", &BeatRhythm::previous}}};
constexpr std::array<Named, 5> references_known = {{{"rr", &BeatRhythm::rr},
                                                    {"previous", &BeatRhythm::previous},
                                                    {"mean10", &BeatRhythm::mean10},
                                                    {"mean32", &BeatRhythm::mean32},
                                                    {"mean", &BeatRhythm::mean}}};

double BeatRhythm::*find_named(std::span<const Named> known, std::string_view name) {
  const auto found = std::ranges::find(known, name, &Named::name);
  return found == known.end() ? nullptr : found->value;
}

RhythmMeasure parse_measure(std::string_view name) {
  if (name == "tscore32") {
    return {&BeatRhythm::rr, nullptr};
  }
  const std::size_t slash = std::min(name.find('/'), name.size());
  const RhythmMeasure measure = {find_named(intervals_known, name.substr(0, slash)),
                                 find_named(references_known, name.substr(std::min(slash + 1, name.size())))};
  require(
      measure.interval != nullptr && measure.reference != nullptr && measure.interval != measure.reference,
      "input.rhythm: unknown measure \"{}\"; known are tscore32, and A/B with A one of rr, next, previous "
      "and B one of rr, previous, mean10, mean32, mean",
      name);
  return measure;
}

float log_ratio(double a, double b) {
  return static_cast<float>(std::clamp(std::log(a / b), -1.0, 1.0));
}

void check_group(const std::string& group) {
  require(group == "rhythm" || group == "irregularity" || group == "intervals",
          "input.covariates: unknown group \"{}\"; known are rhythm, irregularity, intervals", group);
}

constexpr std::array irregularities = {&BeatRhythm::change16, &BeatRhythm::deviation32, &BeatRhythm::change32,
                                       &BeatRhythm::change128, &BeatRhythm::deviation256};

float log_variation(double variation) {
  return static_cast<float>(std::clamp(std::log(variation + 0.01) + 3, -2.0, 2.0));
}

}  // namespace

float RhythmMeasure::of(const BeatRhythm& beat) const {
  if (reference == nullptr) {
    const double spread = beat.spread32 + 0.02 * beat.mean32;
    return static_cast<float>(std::clamp((beat.*interval - beat.mean32) / spread, -4.0, 4.0) / 4);
  }
  return log_ratio(beat.*interval, beat.*reference);
}

std::vector<RhythmMeasure> parse_measures(const std::vector<std::string>& names) {
  std::vector<RhythmMeasure> measures;
  for (const std::string& name : names) {
    measures.push_back(parse_measure(name));
  }
  return measures;
}

std::int64_t covariate_count(const std::vector<std::string>& groups, std::size_t measures,
                             std::int64_t beats) {
  std::int64_t sum = 0;
  for (const std::string& group : groups) {
    check_group(group);
    sum += group == "intervals"      ? 2 * beats
           : group == "irregularity" ? std::ssize(irregularities)
                                     : static_cast<std::int64_t>(measures);
  }
  return sum;
}

std::vector<float> covariates_of(std::span<const BeatRhythm> sequence, const std::vector<std::string>& groups,
                                 const std::vector<RhythmMeasure>& measures) {
  std::vector<float> result;
  const BeatRhythm& middle = sequence[sequence.size() / 2];
  for (const std::string& group : groups) {
    check_group(group);
    if (group == "intervals") {
      for (const BeatRhythm& beat : sequence) {
        result.push_back(log_ratio(beat.rr, beat.mean));
        result.push_back(log_ratio(beat.next, beat.mean));
      }
    } else if (group == "irregularity") {
      for (const auto variation : irregularities) {
        result.push_back(log_variation(middle.*variation));
      }
    } else {
      for (const RhythmMeasure& measure : measures) {
        result.push_back(measure.of(middle));
      }
    }
  }
  return result;
}

std::vector<std::string> covariate_names(const std::vector<std::string>& groups,
                                         const std::vector<std::string>& measures, std::int64_t beats) {
  std::vector<std::string> names;
  for (const std::string& group : groups) {
    check_group(group);
    if (group != "intervals") {
      const std::vector<std::string> variations = {"change16", "deviation32", "change32", "change128",
                                                   "deviation256"};
      const std::vector<std::string>& more = group == "irregularity" ? variations : measures;
      names.insert(names.end(), more.begin(), more.end());
      continue;
    }
    for (std::int64_t beat = 0; beat < beats; ++beat) {
      const std::string prefix = beats > 1 ? fmt::format("beat {}: ", beat + 1) : "";
      names.push_back(prefix + "rr/mean");
      names.push_back(prefix + "next/mean");
    }
  }
  return names;
}

BeatRhythm undisturbed(const BeatRhythm& beat) {
  BeatRhythm usual = beat;
  for (double* interval :
       {&usual.interval, &usual.rr, &usual.next, &usual.previous, &usual.mean10, &usual.mean32}) {
    *interval = beat.mean;
  }
  return usual;
}

}  // namespace sec::train
