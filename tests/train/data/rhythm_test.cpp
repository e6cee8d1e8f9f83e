#include "train/data/rhythm.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/philox.h"
#include "tests/train/tiny_run.h"
#include "train/data/beat_dataset.h"

namespace sec::train {
namespace {

using io::error_of;

const std::vector<std::string> all_names = {
    "rr/mean",         "next/mean",     "previous/mean", "rr/mean32",       "next/mean32",
    "previous/mean32", "rr/mean10",     "next/mean10",   "previous/mean10", "rr/previous",
    "next/rr",         "next/previous", "tscore32",      "previous/rr"};

// Times (s) of beats at random intervals of 0.15 to 1.35 s, and one of up to 4.15 s in every 37.
std::vector<double> random_times(std::uint64_t count) {
  std::vector<double> times = {0.5};
  for (std::uint64_t i = 1; i < count; ++i) {
    times.push_back(times.back() + 0.15 + (i % 37 == 0 ? 4.0 : 1.2) * uniform({3, 0, 0}, i));
  }
  return times;
}

// Mean and standard deviation by their definitions: of the last n values before x[i], or of x[i] if it is the first.
struct Moments {
  double mean = 0, deviation = 0;
};
Moments moments_before(const std::vector<double>& x, std::size_t i, std::size_t n) {
  if (i == 0) {
    return {x[0], 0};
  }
  const auto begin = x.begin() + static_cast<std::ptrdiff_t>(i - std::min(i, n));
  const std::vector<double> past(begin, x.begin() + static_cast<std::ptrdiff_t>(i));
  Moments m;
  for (const double v : past) {
    m.mean += v / static_cast<double>(past.size());
  }
  for (const double v : past) {
    m.deviation += std::pow(v - m.mean, 2) / static_cast<double>(past.size());
  }
  return {m.mean, std::sqrt(m.deviation)};
}

// The measures of all beats, concatenated.
std::vector<float> all_measures(std::span<const double> times, const std::vector<std::string>& names) {
  const std::vector<RhythmMeasure> measures = parse_measures(names);
  std::vector<float> result;
  for (const BeatRhythm& beat : rhythm_of(times)) {
    for (const RhythmMeasure& measure : measures) {
      result.push_back(measure.of(beat));
    }
  }
  return result;
}

// The whole table of measures against their definitions, from the intervals of the record in one array.
TEST(Rhythm, MeasuresEqualTheirDefinitions) {
  const std::vector<double> times = random_times(400);
  std::vector<double> rr(times.size());
  for (std::size_t i = 1; i < times.size(); ++i) {
    rr[i] = std::clamp(times[i] - times[i - 1], 0.2, 3.0);
  }
  rr[0] = rr[1];  // the first beat has the interval of the second
  const std::vector<float> found = all_measures(times, all_names);
  ASSERT_EQ(found.size(), times.size() * all_names.size());
  for (std::size_t i = 0; i < times.size(); ++i) {
    const auto value = [&](const std::string& name) {
      return name == "rr"         ? rr[i]
             : name == "next"     ? rr[std::min(i + 1, rr.size() - 1)]
             : name == "previous" ? rr[i - std::min<std::size_t>(i, 1)]
             : name == "mean10"   ? moments_before(rr, i, 10).mean
             : name == "mean32"   ? moments_before(rr, i, 32).mean
                                  : moments_before(rr, i, rr.size()).mean;
    };
    for (std::size_t m = 0; m < all_names.size(); ++m) {
      const std::string& name = all_names[m];
      double expected = 0;
      if (name == "tscore32") {
        const Moments past = moments_before(rr, i, 32);
        expected = std::clamp((rr[i] - past.mean) / (past.deviation + 0.02 * past.mean), -4.0, 4.0) / 4;
      } else {
        const std::size_t slash = name.find('/');
        const double ratio = value(name.substr(0, slash)) / value(name.substr(slash + 1));
        expected = std::clamp(std::log(ratio), -1.0, 1.0);
      }
      // Sums in another order, in double, then rounded to float.
      ASSERT_NEAR(found[i * all_names.size() + m], expected, 1e-6) << name << " of beat " << i;
    }
  }
}

// The reason for means: where three of four beats come early, their interval is still short against a mean.
TEST(Rhythm, EarlyBeatsAreShortAgainstAMeanEvenWhereMostAreEarly) {
  std::vector<double> times = {0};
  for (int i = 1; i < 200; ++i) {
    times.push_back(times.back() + (i % 4 == 0 ? 2.2 : 0.6));
  }
  const std::vector<float> ratios = all_measures(times, {"rr/mean"});
  for (std::size_t i = 50; i < ratios.size(); ++i) {
    EXPECT_NEAR(ratios[i], i % 4 == 0 ? std::log(2.2) : std::log(0.6), 0.05) << i;  // the mean is near 1 s
  }
}

TEST(Rhythm, IntervalsAroundAnEarlyBeat) {
  std::vector<double> times;
  for (int i = 0; i < 40; ++i) {
    times.push_back(i - (i == 30 ? 0.3 : 0));
  }
  const std::vector<BeatRhythm> r = rhythm_of(times);
  EXPECT_NEAR(r[30].rr, 0.7, 1e-12);
  EXPECT_NEAR(r[30].next, 1.3, 1e-12);
  EXPECT_NEAR(r[31].previous, 0.7, 1e-12);
  EXPECT_NEAR(r[30].mean, 1, 1e-12);
  EXPECT_NEAR(r[30].spread32, 0, 1e-12);
  EXPECT_NEAR(r[31].mean10, 0.97, 1e-12);
}

// A measure may depend on earlier beats and on the time of the next beat, but not on later beats.
TEST(Rhythm, MeasuresDependOnThePastAndOneBeatAhead) {
  std::vector<double> times = random_times(60);
  const std::vector<float> before = all_measures(times, all_names);
  for (std::size_t i = 42; i < times.size(); ++i) {
    times[i] += 0.5;  // beat 41 is the first to see it, as its next interval
  }
  const std::vector<float> after = all_measures(times, all_names);
  const auto k = static_cast<std::ptrdiff_t>(all_names.size());
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 41 * k, after.begin()));
  EXPECT_FALSE(std::equal(before.begin(), before.begin() + 42 * k, after.begin()));
}

TEST(Rhythm, EveryRecordGivesFiniteMeasures) {
  for (const std::size_t count : {1U, 2U, 3U, 500U}) {
    std::vector<double> times;
    double t = 0;
    for (std::size_t i = 0; i < count; ++i) {
      times.push_back(t);
      t += i % 50 == 49 ? 30 : i % 50 == 3 ? 0 : 0.3 + static_cast<double>(uniform({2, 0, 0}, i));
    }
    for (const float v : all_measures(times, all_names)) {
      ASSERT_TRUE(std::isfinite(v) && std::abs(v) <= 1) << count;
    }
  }
}

// The quantile by its definition: sorts the past values anew for every value.
double plain_median(const std::vector<double>& x, std::size_t i, std::size_t past) {
  if (i == 0) {
    return x[0];
  }
  std::vector<double> v(x.begin() + static_cast<std::ptrdiff_t>(i - std::min(i, past)),
                        x.begin() + static_cast<std::ptrdiff_t>(i));
  std::sort(v.begin(), v.end());
  return (v[(v.size() - 1) / 2] + v[v.size() / 2]) / 2;
}

// The median of the distances of the last `past` values before x[i] from their median.
double plain_deviation(const std::vector<double>& x, std::size_t i, std::size_t past) {
  std::vector<double> distances;
  for (std::size_t j = i - std::min(i, past); j < i; ++j) {
    distances.push_back(std::abs(x[j] - plain_median(x, i, past)));
  }
  return distances.empty() ? 0 : plain_median(distances, distances.size(), past);
}

TEST(Rhythm, IrregularityEqualsItsDefinition) {
  const std::vector<double> times = random_times(400);
  std::vector<double> rr(times.size()), changes(times.size());
  for (std::size_t i = 1; i < times.size(); ++i) {
    rr[i] = std::clamp(times[i] - times[i - 1], 0.2, 3.0);
    rr[0] = rr[1];
    changes[i] = std::abs(rr[i] - rr[i - 1]);
  }
  const std::vector<BeatRhythm> rhythm = rhythm_of(times);
  for (std::size_t i = 0; i < rr.size(); ++i) {
    const double median32 = plain_median(rr, i, 32);
    ASSERT_DOUBLE_EQ(rhythm[i].change32, plain_median(changes, i, 32) / median32) << i;
    ASSERT_DOUBLE_EQ(rhythm[i].change128, plain_median(changes, i, 128) / plain_median(rr, i, 128)) << i;
    ASSERT_DOUBLE_EQ(rhythm[i].deviation32, plain_deviation(rr, i, 32) / median32) << i;
    ASSERT_DOUBLE_EQ(rhythm[i].deviation256, plain_deviation(rr, i, 256) / plain_median(rr, i, 256)) << i;
    if (i > 17) {  // earlier, the change of the first beat, which has none before it, is left out
      ASSERT_DOUBLE_EQ(rhythm[i].change16, plain_median(changes, i, 16) / median32) << i;
    }
  }
  // The covariates are their logarithms, clipped.
  BeatRhythm beat;
  beat.change16 = 0.05, beat.deviation32 = 0.1, beat.change32 = 0, beat.change128 = 0.02,
  beat.deviation256 = 3;
  const std::vector<float> found = covariates_of({&beat, 1}, {"irregularity"}, {});
  const std::vector<double> expected = {std::log(0.06) + 3, std::log(0.11) + 3, std::log(0.01) + 3,
                                        std::log(0.03) + 3, 2};
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t k = 0; k < expected.size(); ++k) {
    EXPECT_NEAR(found[k], expected[k], 1e-6) << k;
  }
}

TEST(Rhythm, UnknownNamesAreRefused) {
  EXPECT_EQ(error_of([] { covariate_count({"ratios"}, 6); }),
            "input.covariates: unknown group \"ratios\"; known are rhythm, irregularity, intervals");
  for (const std::string name :
       {"", "rr", "rr/", "/rr", "rr/rr", "rr/median", "mean/rr", "rr/mean/rr", "tscore"}) {
    EXPECT_NE(
        error_of([&] { parse_measures({name}); }).find("input.rhythm: unknown measure \"" + name + "\""),
        std::string::npos)
        << name;
  }
  EXPECT_NE(error_of([] { parse_channels(tiny_recipe({"input.rhythm=[]"})); }).find("input.rhythm"),
            std::string::npos);
}

// The strip shows each measure as one constant stretch, in the order of input.rhythm.
TEST(Rhythm, StripShowsTheMeasuresInOrder) {
  const std::vector<std::string> names = {"next/rr", "rr/mean", "tscore32", "previous/mean10"};
  const Recipe recipe =
      tiny_recipe({"input.channels=[\"rhythm\"]", "input.covariates=[\"rhythm\"]",
                   "input.rhythm=[\"next/rr\",\"rr/mean\",\"tscore32\",\"previous/mean10\"]"});
  const BeatDataset inputs(recipe, load_records(tiny_database(), std::vector<std::string>{"208"}, recipe));
  const std::vector<RhythmMeasure> measures = parse_measures(names);
  const auto length = static_cast<std::size_t>(inputs.length());
  std::vector<float> x(length);
  std::vector<float> covariates(static_cast<std::size_t>(inputs.covariates()));
  ASSERT_EQ(covariates.size(), names.size());
  for (const std::int32_t beat : {0, 5, 30}) {
    inputs.make({0, beat}, x, covariates);
    for (std::size_t t = 0; t < length; ++t) {
      const std::size_t m = t * names.size() / length;
      ASSERT_EQ(x[t], measures[m].of(inputs.records()[0].rhythm[static_cast<std::size_t>(beat)])) << t;
      ASSERT_EQ(covariates[m], x[t]);
    }
  }
}

}  // namespace
}  // namespace sec::train
