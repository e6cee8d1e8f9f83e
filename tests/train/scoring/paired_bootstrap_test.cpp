// The paired bootstrap against a plain one, which copies the examples of every draw and scores them by the functions that
// reports use.
#include "train/scoring/paired_bootstrap.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "train/scoring/auc.h"
#include "train/scoring/metrics.h"

namespace sec::train {
namespace {

constexpr std::size_t classes = 3;

struct Case {
  ComparedExamples examples{{"N", "S", "V"}, {}, {}};
  std::vector<int> labels;  // (N)
};

Case beats_of(std::size_t count, std::int32_t patients, std::uint64_t seed) {
  Case made;
  std::mt19937_64 random(seed);
  for (std::size_t i = 0; i < count; ++i) {
    const int label = random() % 10 < 6 ? 0 : static_cast<int>(random() % classes);
    made.labels.push_back(label);
    made.examples.patients.push_back(static_cast<std::int32_t>(i) % patients);
    for (std::size_t c = 0; c < classes; ++c) {
      made.examples.truth.push_back(label == static_cast<int>(c) ? 1 : 0);
    }
  }
  return made;
}

// Predictions that are right with the given probability, and better for some patients than for others.
ComparedPredictions predictions_of(const Case& of, double right, std::uint64_t seed) {
  ComparedPredictions made;
  std::mt19937_64 random(seed);
  std::uniform_real_distribution<double> unit(0, 1);
  for (std::size_t i = 0; i < of.labels.size(); ++i) {
    const double own = right - 0.1 * (of.examples.patients[i] % 3);
    const int said = unit(random) < own ? of.labels[i] : static_cast<int>(random() % classes);
    for (std::size_t c = 0; c < classes; ++c) {
      made.decision.push_back(said == static_cast<int>(c) ? 1 : 0);
      made.probability.push_back(
          static_cast<float>((said == static_cast<int>(c) ? 0.5 : 0) + 0.5 * unit(random)));
    }
  }
  return made;
}

int decided(const ComparedPredictions& predictions, std::size_t i) {
  for (std::size_t c = 0; c < classes; ++c) {
    if (predictions.decision[i * classes + c] != 0) {
      return static_cast<int>(c);
    }
  }
  return -1;
}

// The scores of the examples at these places: macro F1, accuracy, macro AUC.
std::vector<double> plain_scores(const Case& of, const ComparedPredictions& predictions,
                                 const std::vector<std::size_t>& places) {
  Confusion confusion(of.examples.classes);
  std::vector<float> probabilities;
  std::vector<std::int32_t> labels;
  for (const std::size_t i : places) {
    confusion.add(of.labels[i], decided(predictions, i), 1);
    labels.push_back(of.labels[i]);
    for (std::size_t c = 0; c < classes; ++c) {
      probabilities.push_back(predictions.probability[i * classes + c]);
    }
  }
  const Scores scores = score(confusion);
  Stream stream;
  return {scores.macro_f1, scores.accuracy, one_vs_rest_auc(stream, probabilities, labels, classes).macro};
}

std::vector<std::size_t> places_of(const Case& of, const std::vector<std::int64_t>& times) {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < of.labels.size(); ++i) {
    for (std::int64_t k = 0; k < times[static_cast<std::size_t>(of.examples.patients[i])]; ++k) {
      places.push_back(i);
    }
  }
  return places;
}

std::vector<PairedScore> compare_two(const ComparedExamples& examples, const ComparedPredictions& a,
                                     const ComparedPredictions& b, int resamples, std::uint64_t seed) {
  const std::vector<ComparedPredictions> runs = {a, b};
  return compare_predictions(examples, runs, {{0}, {0}}, {{1}, {1}}, resamples, seed);
}

TEST(PairedBootstrap, EqualsAPlainOne) {
  constexpr std::int32_t patients = 9;
  constexpr int resamples = 200;
  const Case of = beats_of(900, patients, 1);
  const ComparedPredictions a = predictions_of(of, 0.8, 2);
  const ComparedPredictions b = predictions_of(of, 0.85, 3);
  const std::vector<PairedScore> scores = compare_two(of.examples, a, b, resamples, 7);
  ASSERT_EQ(scores.size(), 3 + 2 * classes);
  const std::vector<std::int64_t> once(patients, 1);
  const std::vector<double> all_a = plain_scores(of, a, places_of(of, once));
  const std::vector<double> all_b = plain_scores(of, b, places_of(of, once));
  std::vector<std::vector<double>> differences(3);
  std::mt19937_64 random(7);
  for (int r = 0; r < resamples; ++r) {
    std::vector<std::int64_t> times(patients);
    for (std::int32_t i = 0; i < patients; ++i) {
      ++times[random() % patients];
    }
    const std::vector<std::size_t> places = places_of(of, times);
    const std::vector<double> of_a = plain_scores(of, a, places);
    const std::vector<double> of_b = plain_scores(of, b, places);
    for (std::size_t s = 0; s < 3; ++s) {
      differences[s].push_back(of_b[s] - of_a[s]);
    }
  }
  const char* names[] = {"macro F1", "accuracy", "macro AUC"};
  for (std::size_t s = 0; s < 3; ++s) {
    EXPECT_EQ(scores[s].name, names[s]);
    EXPECT_NEAR(scores[s].first, all_a[s], 1e-12);
    EXPECT_NEAR(scores[s].second, all_b[s], 1e-12);
    std::ranges::sort(differences[s]);
    // The quantiles lie between two neighbours of the sorted differences.
    EXPECT_GE(scores[s].difference.low, differences[s][4] - 1e-12);
    EXPECT_LE(scores[s].difference.low, differences[s][5] + 1e-12);
    EXPECT_GE(scores[s].difference.high, differences[s][194] - 1e-12);
    EXPECT_LE(scores[s].difference.high, differences[s][195] + 1e-12);
    const auto below = std::ranges::count_if(differences[s], [](double d) { return d <= 0; });
    EXPECT_NEAR(scores[s].p,
                2.0 * static_cast<double>(std::min<std::int64_t>(below, resamples - below) + 1) / 201, 0.011);
  }
}

// Of pairs that are equally good, one in twenty may seem to differ; of pairs that are not, hardly any may seem equal.
TEST(PairedBootstrap, TellsChanceFromDifference) {
  int alarms = 0;
  int found = 0;
  constexpr int trials = 40;
  for (std::uint64_t trial = 0; trial < trials; ++trial) {
    const Case of = beats_of(1500, 20, 100 + trial);
    const ComparedPredictions a = predictions_of(of, 0.85, 1000 + trial);
    alarms += compare_two(of.examples, a, predictions_of(of, 0.85, 2000 + trial), 200, 5)[1].within_chance()
                  ? 0
                  : 1;
    found += compare_two(of.examples, a, predictions_of(of, 0.95, 3000 + trial), 200, 5)[1].within_chance()
                 ? 0
                 : 1;
  }
  EXPECT_LE(alarms, 8);  // expected about 3 with 20 patients; more than 8 has a chance below 1 %
  EXPECT_GE(found, 38);
}

TEST(PairedBootstrap, OfTheSamePredictionsIsZero) {
  const Case of = beats_of(200, 4, 1);
  const ComparedPredictions a = predictions_of(of, 0.8, 2);
  for (const PairedScore& score : compare_two(of.examples, a, a, 100, 1)) {
    EXPECT_EQ(score.first, score.second);
    EXPECT_EQ(score.difference.low, 0);
    EXPECT_EQ(score.difference.high, 0);
    EXPECT_EQ(score.p, 1);
    EXPECT_TRUE(score.within_chance());
  }
}

TEST(PairedBootstrap, OfOnePatientIsUnknown) {
  const Case of = beats_of(200, 1, 1);
  const auto scores =
      compare_two(of.examples, predictions_of(of, 0.3, 2), predictions_of(of, 0.99, 3), 100, 1);
  EXPECT_TRUE(std::isnan(scores.front().difference.low));
  EXPECT_TRUE(scores.front().within_chance());
  EXPECT_EQ(scores.front().p, 1);
}

// Two runs of one recipe, of which one is better for every patient: seeds make that much of a difference, so it is chance.
// Against another recipe the scatter of the seeds counts, too.
TEST(PairedBootstrap, DrawsTheSeedsOfARecipe) {
  const Case of = beats_of(2000, 12, 1);
  const std::vector<ComparedPredictions> runs = {predictions_of(of, 0.7, 2), predictions_of(of, 0.9, 3),
                                                 predictions_of(of, 0.87, 4), predictions_of(of, 0.3, 5)};
  const auto accuracy = [&](const ComparedSide& a, const ComparedSide& b) {
    return compare_predictions(of.examples, runs, a, b, 400, 1)[1];
  };
  EXPECT_FALSE(accuracy({{0}, {0}}, {{1}, {1}}).within_chance());
  const PairedScore seeds = accuracy({{0}, {0, 1}}, {{1}, {0, 1}});
  EXPECT_TRUE(seeds.within_chance());
  EXPECT_NEAR(seeds.difference.low, -seeds.difference.high, 0.03);  // either run may be drawn for either side
  const PairedScore both = accuracy({{0, 1}, {0, 1}}, {{2}, {2}});
  EXPECT_NEAR(both.first,
              (accuracy({{0}, {0}}, {{1}, {1}}).first + accuracy({{0}, {0}}, {{1}, {1}}).second) / 2, 1e-12);
  EXPECT_TRUE(both.within_chance());
  EXPECT_FALSE(accuracy({{0}, {0}}, {{2}, {2}}).within_chance());
  EXPECT_FALSE(accuracy({{0, 1}, {0, 1}}, {{3}, {3}}).within_chance());
}

// Recordings have several classes or none. F1 of a class that does not occur is undefined and left out of the mean.
TEST(PairedBootstrap, OfRecordingsWithSeveralClasses) {
  ComparedExamples examples{{"A", "B", "C"}, {0, 0, 1}, {1, 1, 0, 0, 0, 0, 0, 1, 0}};
  const ComparedPredictions a{{1, 0, 0, 0, 0, 0, 0, 1, 0}, {0.9F, 0.4F, 0, 0.1F, 0.2F, 0, 0.2F, 0.8F, 0}};
  const auto scores = compare_two(examples, a, a, 100, 1);
  EXPECT_DOUBLE_EQ(scores[0].first, (1.0 + 2.0 / 3) / 2);  // A: 1; B: one hit, one missed
  EXPECT_DOUBLE_EQ(scores[1].first, 2.0 / 3);
  EXPECT_DOUBLE_EQ(scores[2].first, 1);
  EXPECT_TRUE(std::isnan(scores[5].first));
}

}  // namespace
}  // namespace sec::train
