#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.h"
#include "train/data/rhythm.h"

namespace sec::train {
namespace {

double log_ratio(double a, double b) {
  return std::clamp(std::log(a / b), -1.0, 1.0);
}

double log_variation(double v) {
  return std::clamp(std::log(v + 0.01) + 3, -2.0, 2.0);
}

// How much `interval` is shorter than `reference`, in units of the usual relative change.
double shortfall(double interval, double reference, double change) {
  return std::clamp((1 - interval / reference) / (change + 0.03), -6.0, 6.0) / 3;
}

double early_recent(const BeatRhythm& b) {
  return shortfall(b.rr, b.median8, b.change32);
}

double early_usual(const BeatRhythm& b) {
  return shortfall(b.rr, b.usual, b.change128);
}

double previous_early(const BeatRhythm& b) {
  return shortfall(b.previous, b.usual, b.change128);
}

double missing_recent(const BeatRhythm& b) {
  return std::clamp(1 - b.rr / b.median8, -0.5, 0.7);
}

double missing_usual(const BeatRhythm& b) {
  return std::clamp(1 - b.rr / b.usual, -0.5, 0.7);
}

void ratios(const BeatRhythm& b, std::vector<float>& out) {
  for (const double reference : {b.median8, b.usual}) {
    for (const double interval : {b.rr, b.next, b.previous, b.second_previous}) {
      out.push_back(static_cast<float>(log_ratio(interval, reference)));
    }
  }
}

void irregularity(const BeatRhythm& b, std::vector<float>& out) {
  for (const double variation : {b.change16, b.deviation32, b.change32, b.change128, b.deviation256}) {
    out.push_back(static_cast<float>(log_variation(variation)));
  }
}

void prematurity(const BeatRhythm& b, std::vector<float>& out) {
  const double next = shortfall(b.next, b.median8, b.change32);
  for (const double value : {early_recent(b), early_usual(b), next, previous_early(b)}) {
    out.push_back(static_cast<float>(value));
  }
}

void regular(const BeatRhythm& b, std::vector<float>& out) {
  const auto regularity = [](double change) { return 1 / (1 + (change / 0.06) * (change / 0.06)); };
  const double by128 = regularity(b.change128);
  const double by32 = regularity(b.change32);
  const double recent = std::clamp(missing_recent(b) - 0.08, 0.0, 0.4) * 5;
  const double usual = std::clamp(missing_usual(b) - 0.1, 0.0, 0.4) * 5;
  const double pause = std::clamp(b.next / b.rr - 1, 0.0, 1.0);
  for (const double value :
       {recent * by128, usual * by128, recent * by32, usual * by32, recent * pause * by128}) {
    out.push_back(static_cast<float>(value));
  }
}

void hinges(const BeatRhythm& b, std::vector<float>& out) {
  for (const double value : {early_recent(b), early_usual(b), previous_early(b)}) {
    out.push_back(static_cast<float>(std::clamp(value, 0.0, 1.0)));
  }
  for (const double value : {early_recent(b), early_usual(b)}) {
    out.push_back(static_cast<float>(std::clamp(value - 0.5, 0.0, 1.0)));
  }
  for (const double missing : {missing_recent(b), missing_usual(b)}) {
    for (const double threshold : {0.0, 0.1, 0.2, 0.3}) {
      out.push_back(static_cast<float>(std::max(missing - threshold, 0.0)));
    }
  }
}

void intervals(const BeatRhythm& b, std::vector<float>& out) {
  out.push_back(static_cast<float>(log_ratio(b.rr, b.usual)));
  out.push_back(static_cast<float>(log_ratio(b.next, b.usual)));
}

struct Named {
  std::string_view name;
  double BeatRhythm::*value;
};
constexpr std::array<Named, 3> intervals_known = {
    {{"rr", &BeatRhythm::rr}, {"next", &BeatRhythm::next}, {"previous", &BeatRhythm::previous}}};
constexpr std::array<Named, 6> references_known = {{{"rr", &BeatRhythm::rr},
                                                    {"previous", &BeatRhythm::previous},
                                                    {"mean10", &BeatRhythm::mean10},
                                                    {"mean32", &BeatRhythm::mean32},
                                                    {"mean256", &BeatRhythm::mean256},
                                                    {"mean", &BeatRhythm::mean}}};

double BeatRhythm::*find_named(std::span<const Named> known, std::string_view name) {
  const auto found = std::ranges::find(known, name, &Named::name);
  return found == known.end() ? nullptr : found->value;
}

struct Group {
  std::string_view name;
  std::int64_t count;
  void (*append)(const BeatRhythm&, std::vector<float>&);
  bool of_each = false;  // whether each beat of a sequence has these covariates, or only the middle one
};
constexpr std::array<Group, 7> groups_known = {{{"rhythm", 0, nullptr},
                                                {"ratios", 8, ratios},
                                                {"irregularity", 5, irregularity},
                                                {"prematurity", 4, prematurity},
                                                {"regular", 5, regular},
                                                {"hinges", 13, hinges},
                                                {"intervals", 2, intervals, true}}};

const Group& find_group(const std::string& name) {
  for (const Group& group : groups_known) {
    if (group.name == name) {
      return group;
    }
  }
  fail(
      "input.covariates: unknown group \"{}\"; known are ratios, irregularity, prematurity, regular, hinges, "
      "intervals",
      name);
}

std::vector<float> measure_strip(const BeatRhythm& b) {
  const double next_early = shortfall(b.next, b.usual, b.change128);
  const auto ratio = [](double x, double reference) {
    return std::clamp(std::log(x / reference), -0.7, 0.7);
  };
  std::vector<float> strip;
  for (const double value : {early_recent(b) / 2, early_usual(b) / 2, previous_early(b) / 2, next_early / 2,
                             ratio(b.rr, b.median8), ratio(b.rr, b.usual), ratio(b.previous, b.usual),
                             ratio(b.next, b.usual), ratio(b.next, b.median8), log_variation(b.change32) / 3,
                             log_variation(b.change128) / 3, log_variation(b.deviation256) / 3}) {
    strip.push_back(static_cast<float>(value));
  }
  return strip;
}

// One segment per interval: the 14 before the beat's interval, the beat's interval, and the next one.
std::vector<float> tachogram_strip(const BeatRhythm& b) {
  std::vector<float> strip;
  const auto add = [&](double interval) {
    strip.push_back(static_cast<float>(std::clamp(std::log(interval / b.usual), -0.7, 0.7)));
  };
  std::for_each(b.last.begin(), b.last.end(), add);
  add(b.next);
  return strip;
}

}  // namespace

float RhythmMeasure::of(const BeatRhythm& beat) const {
  if (reference == nullptr) {
    const double spread = beat.spread32 + 0.02 * beat.mean32;
    return static_cast<float>(std::clamp((beat.*interval - beat.mean32) / spread, -4.0, 4.0) / 4);
  }
  return static_cast<float>(log_ratio(beat.*interval, beat.*reference));
}

std::vector<RhythmMeasure> parse_measures(const std::vector<std::string>& names) {
  std::vector<RhythmMeasure> measures;
  for (const std::string& name : names) {
    if (name == "tscore32") {
      measures.push_back({&BeatRhythm::rr, nullptr});
      continue;
    }
    const std::size_t slash = name.find('/');
    const bool has_two = slash != std::string::npos;
    const RhythmMeasure measure = {
        find_named(intervals_known, std::string_view(name).substr(0, slash)),
        has_two ? find_named(references_known, std::string_view(name).substr(slash + 1)) : nullptr};
    require(
        measure.interval != nullptr && measure.reference != nullptr && measure.interval != measure.reference,
        "input.rhythm: unknown measure \"{}\"; known are tscore32, and A/B, where A is rr, next or previous, and B is rr, "
        "previous, mean10, mean32, mean256 or mean",
        name);
    measures.push_back(measure);
  }
  return measures;
}

std::int64_t covariate_count(const std::vector<std::string>& groups, std::size_t measures,
                             std::int64_t beats) {
  std::int64_t sum = 0;
  for (const std::string& name : groups) {
    const Group& group = find_group(name);
    sum += group.append == nullptr ? static_cast<std::int64_t>(measures)
           : group.of_each         ? group.count * beats
                                   : group.count;
  }
  return sum;
}

std::vector<float> covariates_of(std::span<const BeatRhythm> sequence, const std::vector<std::string>& groups,
                                 const std::vector<RhythmMeasure>& measures) {
  std::vector<float> result;
  for (const std::string& name : groups) {
    const Group& group = find_group(name);
    const auto beats = group.of_each ? sequence : sequence.subspan(sequence.size() / 2, 1);
    for (const BeatRhythm& beat : beats) {
      if (group.append == nullptr) {
        for (const RhythmMeasure& m : measures) {
          result.push_back(m.of(beat));
        }
      } else {
        group.append(beat, result);
      }
    }
  }
  return result;
}

std::int64_t strip_size(StripKind kind, const std::vector<RhythmMeasure>& measures) {
  return kind == StripKind::rhythm ? std::ssize(measures) : kind == StripKind::measures ? 12 : 16;
}

std::vector<float> strip_of(const BeatRhythm& beat, StripKind kind,
                            const std::vector<RhythmMeasure>& measures) {
  if (kind == StripKind::rhythm) {
    std::vector<float> strip;
    for (const RhythmMeasure& m : measures) {
      strip.push_back(m.of(beat));
    }
    return strip;
  }
  return kind == StripKind::measures ? measure_strip(beat) : tachogram_strip(beat);
}

}  // namespace sec::train
