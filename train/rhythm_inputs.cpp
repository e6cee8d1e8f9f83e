#include <algorithm>
#include <array>
#include <cmath>

#include "engine/error.h"
#include "train/rhythm.h"

namespace sec::train {
namespace {

// One beat's intervals, in the terms that covariates are made of.
struct BeatRhythm {
  const Rhythm& r;
  std::size_t i;

  static double log_ratio(double a, double b) { return std::clamp(std::log(a / b), -1.0, 1.0); }
  static double log_variation(double v) { return std::clamp(std::log(v + 0.01) + 3, -2.0, 2.0); }
  // How far `interval` falls short of `reference`, in units of the usual relative change.
  static double shortfall(double interval, double reference, double change) {
    return std::clamp((1 - interval / reference) / (change + 0.03), -6.0, 6.0) / 3;
  }
  double early_recent() const { return shortfall(r.rr[i], r.median8[i], r.change32[i]); }
  double early_usual() const { return shortfall(r.rr[i], r.usual[i], r.change128[i]); }
  double previous_early() const { return shortfall(r.previous[i], r.usual[i], r.change128[i]); }
  double missing_recent() const { return std::clamp(1 - r.rr[i] / r.median8[i], -0.5, 0.7); }
  double missing_usual() const { return std::clamp(1 - r.rr[i] / r.usual[i], -0.5, 0.7); }
};

void ratios(const BeatRhythm& b, std::vector<float>& out) {
  for (const double reference : {b.r.median8[b.i], b.r.usual[b.i]}) {
    for (const double interval : {b.r.rr[b.i], b.r.next[b.i], b.r.previous[b.i], b.r.second_previous[b.i]}) {
      out.push_back(static_cast<float>(BeatRhythm::log_ratio(interval, reference)));
    }
  }
}

void irregularity(const BeatRhythm& b, std::vector<float>& out) {
  for (const double variation : {b.r.change16[b.i], b.r.deviation32[b.i], b.r.change32[b.i],
                                 b.r.change128[b.i], b.r.deviation256[b.i]}) {
    out.push_back(static_cast<float>(BeatRhythm::log_variation(variation)));
  }
}

void prematurity(const BeatRhythm& b, std::vector<float>& out) {
  const double next = BeatRhythm::shortfall(b.r.next[b.i], b.r.median8[b.i], b.r.change32[b.i]);
  for (const double value : {b.early_recent(), b.early_usual(), next, b.previous_early()}) {
    out.push_back(static_cast<float>(value));
  }
}

void regular(const BeatRhythm& b, std::vector<float>& out) {
  const auto regularity = [](double change) { return 1 / (1 + (change / 0.06) * (change / 0.06)); };
  const double by128 = regularity(b.r.change128[b.i]);
  const double by32 = regularity(b.r.change32[b.i]);
  const double recent = std::clamp(b.missing_recent() - 0.08, 0.0, 0.4) * 5;
  const double usual = std::clamp(b.missing_usual() - 0.1, 0.0, 0.4) * 5;
  const double pause = std::clamp(b.r.next[b.i] / b.r.rr[b.i] - 1, 0.0, 1.0);
  for (const double value :
       {recent * by128, usual * by128, recent * by32, usual * by32, recent * pause * by128}) {
    out.push_back(static_cast<float>(value));
  }
}

void hinges(const BeatRhythm& b, std::vector<float>& out) {
  for (const double value : {b.early_recent(), b.early_usual(), b.previous_early()}) {
    out.push_back(static_cast<float>(std::clamp(value, 0.0, 1.0)));
  }
  for (const double value : {b.early_recent(), b.early_usual()}) {
    out.push_back(static_cast<float>(std::clamp(value - 0.5, 0.0, 1.0)));
  }
  for (const double missing : {b.missing_recent(), b.missing_usual()}) {
    for (const double threshold : {0.0, 0.1, 0.2, 0.3}) {
      out.push_back(static_cast<float>(std::max(missing - threshold, 0.0)));
    }
  }
}

struct Group {
  std::string_view name;
  std::int64_t count;
  void (*append)(const BeatRhythm&, std::vector<float>&);
};
constexpr std::array<Group, 5> groups_known = {{{"ratios", 8, ratios},
                                                {"irregularity", 5, irregularity},
                                                {"prematurity", 4, prematurity},
                                                {"regular", 5, regular},
                                                {"hinges", 13, hinges}}};

const Group& find_group(const std::string& name) {
  for (const Group& group : groups_known) {
    if (group.name == name) {
      return group;
    }
  }
  fail("input.covariates: unknown group \"{}\"; known are ratios, irregularity, prematurity, regular, hinges",
       name);
}

std::vector<float> measure_strip(const BeatRhythm& b) {
  const Rhythm& r = b.r;
  const std::size_t i = b.i;
  const double next_early = BeatRhythm::shortfall(r.next[i], r.usual[i], r.change128[i]);
  const auto ratio = [](double x, double reference) {
    return std::clamp(std::log(x / reference), -0.7, 0.7);
  };
  std::vector<float> strip;
  for (const double value :
       {b.early_recent() / 2, b.early_usual() / 2, b.previous_early() / 2, next_early / 2,
        ratio(r.rr[i], r.median8[i]), ratio(r.rr[i], r.usual[i]), ratio(r.previous[i], r.usual[i]),
        ratio(r.next[i], r.usual[i]), ratio(r.next[i], r.median8[i]),
        BeatRhythm::log_variation(r.change32[i]) / 3, BeatRhythm::log_variation(r.change128[i]) / 3,
        BeatRhythm::log_variation(r.deviation256[i]) / 3}) {
    strip.push_back(static_cast<float>(value));
  }
  return strip;
}

// The 14 intervals before, the one that ends at the beat, and the next.
std::vector<float> tachogram_strip(const BeatRhythm& b) {
  std::vector<float> strip;
  for (std::ptrdiff_t j = -14; j <= 1; ++j) {
    const std::ptrdiff_t k = std::max<std::ptrdiff_t>(static_cast<std::ptrdiff_t>(b.i) + j, 0);
    const double interval = j == 1 ? b.r.next[b.i] : b.r.rr[static_cast<std::size_t>(k)];
    strip.push_back(static_cast<float>(std::clamp(std::log(interval / b.r.usual[b.i]), -0.7, 0.7)));
  }
  return strip;
}

}  // namespace

std::int64_t covariate_count(const std::vector<std::string>& groups) {
  std::int64_t sum = 0;
  for (const std::string& name : groups) {
    sum += find_group(name).count;
  }
  return sum;
}

std::vector<float> covariates_of(const Rhythm& rhythm, const std::vector<std::string>& groups) {
  std::vector<float> result;
  result.reserve(rhythm.rr.size() * static_cast<std::size_t>(covariate_count(groups)));
  for (std::size_t i = 0; i < rhythm.rr.size(); ++i) {
    for (const std::string& name : groups) {
      find_group(name).append({rhythm, i}, result);
    }
  }
  return result;
}

std::int64_t strip_size(StripKind kind) {
  return kind == StripKind::measures ? 12 : 16;
}

std::vector<float> strips_of(const Rhythm& rhythm, StripKind kind) {
  std::vector<float> result;
  for (std::size_t i = 0; i < rhythm.rr.size(); ++i) {
    const std::vector<float> strip =
        kind == StripKind::measures ? measure_strip({rhythm, i}) : tachogram_strip({rhythm, i});
    result.insert(result.end(), strip.begin(), strip.end());
  }
  return result;
}

}  // namespace sec::train
