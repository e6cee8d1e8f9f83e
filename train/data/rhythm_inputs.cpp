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

struct Group {
  std::string_view name;
  std::int64_t count;
  void (*append)(const BeatRhythm&, std::vector<float>&);
  std::string_view names;  // what each of them says, separated by ';'
  bool of_each = false;    // whether each beat of a sequence has these covariates, or only the middle one
};
constexpr std::array<Group, 6> groups_known = {
    {{"ratios", 8, ratios,
      "RR / median of 8, log;next RR / median of 8, log;previous RR / median of 8, log;"
      "second previous RR / median of 8, log;RR / usual RR, log;next RR / usual RR, log;"
      "previous RR / usual RR, log;second previous RR / usual RR, log"},
     {"irregularity", 5, irregularity,
      "change of 16, log;deviation of 32, log;change of 32, log;change of 128, log;deviation of 256, log"},
     {"prematurity", 4, prematurity,
      "early against median of 8;early against usual RR;next beat early;previous beat early"},
     {"regular", 5, regular,
      "early against 8, regular rhythm of 128;early against usual, regular rhythm of 128;"
      "early against 8, regular rhythm of 32;early against usual, regular rhythm of 32;"
      "early with a pause behind, regular rhythm of 128"},
     {"hinges", 13, hinges,
      "early against 8, above 0;early against usual, above 0;previous early, above 0;"
      "early against 8, above 0.5;early against usual, above 0.5;"
      "missing of the median of 8, above 0;missing of the median of 8, above 0.1;"
      "missing of the median of 8, above 0.2;missing of the median of 8, above 0.3;"
      "missing of the usual RR, above 0;missing of the usual RR, above 0.1;"
      "missing of the usual RR, above 0.2;missing of the usual RR, above 0.3"},
     {"intervals", 2, intervals, "RR / usual RR, log;next RR / usual RR, log", true}}};

std::vector<std::string> parts_of(std::string_view list) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t end = std::min(list.find(';', begin), list.size());
    parts.emplace_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

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

std::int64_t covariate_count(const std::vector<std::string>& groups, std::int64_t beats) {
  std::int64_t sum = 0;
  for (const std::string& name : groups) {
    const Group& group = find_group(name);
    sum += group.of_each ? group.count * beats : group.count;
  }
  return sum;
}

std::vector<float> covariates_of(std::span<const BeatRhythm> sequence,
                                 const std::vector<std::string>& groups) {
  std::vector<float> result;
  for (const std::string& name : groups) {
    const Group& group = find_group(name);
    const auto beats = group.of_each ? sequence : sequence.subspan(sequence.size() / 2, 1);
    for (const BeatRhythm& beat : beats) {
      group.append(beat, result);
    }
  }
  return result;
}

std::vector<std::string> covariate_names(const std::vector<std::string>& groups, std::int64_t beats) {
  std::vector<std::string> names;
  for (const std::string& name : groups) {
    const Group& group = find_group(name);
    for (std::int64_t beat = 0; beat < (group.of_each ? beats : 1); ++beat) {
      for (const std::string& part : parts_of(group.names)) {
        names.push_back(group.of_each && beats > 1 ? fmt::format("beat {}: {}", beat + 1, part) : part);
      }
    }
  }
  return names;
}

std::vector<std::string> strip_names(StripKind kind) {
  if (kind == StripKind::measures) {
    return parts_of(
        "early against median of 8;early against usual RR;previous beat early;next beat early;"
        "RR / median of 8, log;RR / usual RR, log;previous RR / usual RR, log;next RR / usual RR, log;"
        "next RR / median of 8, log;change of 32, log;change of 128, log;deviation of 256, log");
  }
  std::vector<std::string> names;
  for (int before = 14; before > 0; --before) {
    names.push_back(fmt::format("RR {} before / usual RR, log", before));
  }
  names.emplace_back("RR / usual RR, log");
  names.emplace_back("next RR / usual RR, log");
  return names;
}

BeatRhythm undisturbed(const BeatRhythm& beat) {
  BeatRhythm usual = beat;
  for (double* interval :
       {&usual.interval, &usual.rr, &usual.next, &usual.previous, &usual.second_previous, &usual.median8}) {
    *interval = beat.usual;
  }
  usual.last.fill(beat.usual);
  return usual;
}

std::int64_t strip_size(StripKind kind) {
  return kind == StripKind::measures ? 12 : 16;
}

std::vector<float> strip_of(const BeatRhythm& beat, StripKind kind) {
  return kind == StripKind::measures ? measure_strip(beat) : tachogram_strip(beat);
}

}  // namespace sec::train
