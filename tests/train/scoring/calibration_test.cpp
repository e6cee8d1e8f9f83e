#include "train/scoring/calibration.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "engine/stream.h"
#include "train/data/fnv.h"
#include "train/data/quantile.h"
#include "train/scoring/auc.h"
#include "train/scoring/bootstrap.h"
#include "train/scoring/evaluate.h"

namespace sec::train {
namespace {

TEST(Calibration, IsWhatCountingByHandGives) {
  // The confidences are .9 (right), .9 (wrong), .6 (right) and .65 (wrong, as the beat has no class).
  const std::vector<float> p = {0.9F, 0.1F, 0.1F, 0.9F, 0.6F, 0.4F, 0.65F, 0.35F};
  const Calibration c = calibration_of(p, std::vector<std::int32_t>{0, 0, 0, -1}, 2);
  // Over four beats: |1.8 - 1| for the two confidences of .9, and |1.25 - 1| for .6 and .65.
  // The latter two share a bin, because 0.6F is just above .6.
  EXPECT_EQ(c.bins[8].beats + c.bins[9].beats, 2);
  EXPECT_NEAR(c.ece, (0.8 + std::abs(0.6 + 0.65 - 1)) / 4, 1e-6);
  EXPECT_TRUE(std::isnan(calibration_of({}, {}, 2).ece));
  // Bins are open below and closed above: .5 is in (.4, .5].
  EXPECT_EQ(calibration_of(std::vector<float>{0.5F, 0.5F}, std::vector<std::int32_t>{0}, 2).bins[4].beats, 1);
}

TEST(Calibration, FindsTheTemperature) {
  // Labels are drawn from softmax(logits / 2.5).
  // The fitted temperature must be near 2.5, and no temperature on a grid may have a smaller loss.
  std::mt19937 random(3);
  std::normal_distribution<float> normal(0, 4);
  std::uniform_real_distribution<double> uniform(0, 1);
  std::vector<float> logits;
  std::vector<std::int32_t> labels;
  for (int i = 0; i < 4000; ++i) {
    const std::vector<float> row = {normal(random), normal(random), normal(random)};
    logits.insert(logits.end(), row.begin(), row.end());
    const std::vector<float> p = tempered(row, 3, 2.5);
    const double u = uniform(random);
    labels.push_back(u < p[0] ? 0 : u < p[0] + p[1] ? 1 : 2);
  }
  const double t = fit_temperature(logits, labels, 3);
  EXPECT_NEAR(t, 2.5, 0.15);  // three standard errors for 4000 draws
  const auto loss = [&](double temperature) {
    const std::vector<float> p = tempered(logits, 3, temperature);
    double sum = 0;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      sum -= std::log(static_cast<double>(p[3 * i + static_cast<std::size_t>(labels[i])]));
    }
    return sum;
  };
  for (double other = 0.5; other < 6; other += 0.05) {
    EXPECT_LE(loss(t), loss(other) + 1e-2) << other;  // tolerance for f32 probabilities
  }
  EXPECT_LT(calibration_of(tempered(logits, 3, t), labels, 3).ece,
            calibration_of(tempered(logits, 3, 1), labels, 3).ece);
  EXPECT_EQ(fit_temperature(logits, std::vector<std::int32_t>(4000, -1), 3), 1);
}

// Building each resampled set and scoring it as a whole gives the same percentiles.
TEST(Bootstrap, EqualsScoringEachResample) {
  constexpr std::int32_t patients = 7;
  std::mt19937 random(5);
  std::vector<float> p;
  std::vector<std::int32_t> labels, groups;
  for (int i = 0; i < 140; ++i) {
    labels.push_back(static_cast<std::int32_t>(random() % 3) - 1);
    groups.push_back(i % patients);
    p.push_back(static_cast<float>(random() % 20) / 20.0F + (labels.back() == 0 ? 0.2F : 0.0F));  // with ties
    p.push_back(1 - p.back());
  }
  const AucIntervals got = bootstrap_auc(p, labels, groups, 2, 50, 9);
  OwnedStream owned(Device::cpu);
  Stream& stream = owned;
  std::mt19937_64 draws(9);
  std::vector<double> macro;
  for (int r = 0; r < 50; ++r) {
    std::vector<float> q;
    std::vector<std::int32_t> chosen;
    for (std::int32_t k = 0; k < patients; ++k) {
      const auto patient = static_cast<std::int32_t>(draws() % patients);
      for (std::size_t i = 0; i < labels.size(); ++i) {
        if (groups[i] == patient) {
          q.insert(q.end(), {p[2 * i], p[2 * i + 1]});
          chosen.push_back(labels[i]);
        }
      }
    }
    macro.push_back(one_vs_rest_auc(stream, q, chosen, 2).macro);
  }
  std::sort(macro.begin(), macro.end());
  EXPECT_NEAR(got.macro.low, macro[1] + 0.225 * (macro[2] - macro[1]), 1e-12);      // 0.025 * 49 = 1.225
  EXPECT_NEAR(got.macro.high, macro[47] + 0.775 * (macro[48] - macro[47]), 1e-12);  // 47.775
  EXPECT_TRUE(std::isnan(bootstrap_auc({}, {}, {}, 2, 10, 1).macro.low));
}

// Compares with a count over all beats of the drawn patients, for the F1 of three of four classes.
TEST(Bootstrap, IntervalsOfF1EqualCountingEachResample) {
  struct Read {
    int truth, predicted;
  };
  std::mt19937 random(11);
  std::vector<std::vector<Read>> patients(6);
  std::vector<Confusion> confusions;
  for (std::size_t p = 0; p < patients.size(); ++p) {
    Confusion& confusion = confusions.emplace_back(std::vector<std::string>{"N", "S", "V", "F"});
    for (int i = 0; i < 60; ++i) {
      // Two patients have beats of class V, and in one of them most are misread.
      const int truth = p < 2 && i % 5 == 0 ? 2 : static_cast<int>(random() % 2) + (i % 29 == 0 ? 2 : 0);
      const int predicted = random() % (p == 1 ? 2 : 9) == 0 ? static_cast<int>(random() % 4) : truth;
      patients[p].push_back({truth, predicted});
      confusion.add(truth, predicted);
    }
  }
  constexpr int resamples = 41;  // the 2.5 % quantile is exactly the second smallest of 41 values
  const F1Intervals got = bootstrap_f1(confusions, 3, resamples, 9);
  std::mt19937_64 draws(9);
  std::vector<std::vector<double>> f1(4);  // three classes, and their mean
  for (int r = 0; r < resamples; ++r) {
    std::vector<Read> beats;
    for (std::size_t k = 0; k < patients.size(); ++k) {
      const std::vector<Read>& drawn = patients[draws() % patients.size()];
      beats.insert(beats.end(), drawn.begin(), drawn.end());
    }
    double sum = 0;
    for (int c = 0; c < 3; ++c) {
      double hits = 0, misses = 0, false_alarms = 0;
      for (const Read& beat : beats) {
        hits += beat.truth == c && beat.predicted == c;
        misses += beat.truth == c && beat.predicted != c;
        false_alarms += beat.truth != c && beat.truth < 3 && beat.predicted == c;
      }
      f1[static_cast<std::size_t>(c)].push_back(2 * hits / (2 * hits + misses + false_alarms));
      sum += f1[static_cast<std::size_t>(c)].back();
    }
    f1[3].push_back(sum / 3);
  }
  for (std::size_t c = 0; c < 4; ++c) {
    std::sort(f1[c].begin(), f1[c].end());
    const Range95& range = c < 3 ? got.classes[c] : got.macro;
    EXPECT_NEAR(range.low, f1[c][1], 1e-12) << c;
    EXPECT_NEAR(range.high, f1[c][39], 1e-12) << c;
    EXPECT_LT(range.low, range.high) << c;
  }
  EXPECT_TRUE(std::isnan(bootstrap_f1({}, 3, 10, 1).macro.low));
}

// Drawing one patient with replacement gives the same patient: an interval of width zero would be a false promise.
TEST(Bootstrap, OnePatientHasNoInterval) {
  Confusion one({"N", "S", "V"});
  one.add(0, 0, 5);
  one.add(1, 0, 2);
  const F1Intervals f1 = bootstrap_f1(std::vector<Confusion>{one}, 3, 10, 1);
  EXPECT_TRUE(std::isnan(f1.macro.low));
  EXPECT_TRUE(std::isnan(f1.classes[0].high));
  const AucIntervals auc =
      bootstrap_auc(std::vector<float>{0.9F, 0.1F, 0.4F, 0.6F}, std::vector<std::int32_t>{0, 1},
                    std::vector<std::int32_t>{0, 0}, 2, 10, 1);
  EXPECT_TRUE(std::isnan(auc.macro.low));
  EXPECT_TRUE(std::isnan(auc.classes[1].high));
}

TEST(Quantile, IsThatOfNumpy) {
  // numpy.quantile([-1.25, 0.75, 2.0, 2.0, 3.5, 8.0, 11.5], q)
  const std::vector<double> values = {-1.25, 0.75, 2.0, 2.0, 3.5, 8.0, 11.5};
  const std::pair<double, double> expected[] = {{0, -1.25},   {0.025, -0.95},  {0.1, -0.05}, {0.5, 2},
                                                {0.75, 5.75}, {0.975, 10.975}, {1, 11.5}};
  for (const auto& [share, value] : expected) {
    EXPECT_NEAR(quantile(values, share), value, 1e-14) << share;
  }
  EXPECT_EQ(quantile(std::vector<double>{3}, 0.975), 3);
}

// Test vectors published by the authors of the hash.
TEST(Fnv, IsFnv1a) {
  const auto hash = [](std::string_view text) {
    std::uint64_t state = fnv_start;
    for (const char c : text) {
      state = fnv_next(state, static_cast<unsigned char>(c));
    }
    return state;
  };
  EXPECT_EQ(hash(""), 0xcbf29ce484222325ULL);
  EXPECT_EQ(hash("a"), 0xaf63dc4c8601ec8cULL);
  EXPECT_EQ(hash("foobar"), 0x85944171f73967e8ULL);
}

TEST(ByPatient, AddsAPatientsRecordsUp) {
  Confusion one({"N", "S"});
  one.add(0, 0, 5);
  Confusion two({"N", "S"});
  two.add(1, 0, 3);
  const auto patients =
      by_patient({{"201", score(one), "201"}, {"100", score(one), ""}, {"202", score(two), "201"}});
  ASSERT_EQ(patients.size(), 2U);
  EXPECT_EQ(patients[0].records, (std::vector<std::string>{"201", "202"}));
  EXPECT_EQ(patients[0].scores.confusion.total(), 8);
  EXPECT_DOUBLE_EQ(patients[0].scores.accuracy, 5.0 / 8);
  EXPECT_EQ(patients[1].patient, "100");
}

}  // namespace
}  // namespace sec::train
