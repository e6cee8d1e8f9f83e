// ROC and precision-recall curves, beside counts over all thresholds.
#include "train/scoring/curves.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <set>

#include "train/report/curves.h"
#include "train/report/predictions.h"
#include "train/scoring/auc.h"

namespace sec::train {
namespace {

TEST(Curves, EqualCountsAtEveryThreshold) {
  std::mt19937 random(3);
  constexpr std::size_t examples = 60;
  std::vector<float> scores;
  std::vector<std::int32_t> labels;
  for (std::size_t i = 0; i < examples; ++i) {
    labels.push_back(static_cast<std::int32_t>(random() % 2));
    for (int c = 0; c < 2; ++c) {  // few distinct values, so that there are ties
      scores.push_back(static_cast<float>(random() % 12 + (labels.back() == c ? 4 : 0)) / 16);
    }
  }
  const NamedCurves curves = threshold_curves("test", {"A", "B"}, scores, [&](std::size_t i, std::size_t c) {
    return labels[i] == static_cast<std::int32_t>(c);
  });
  Stream stream;
  const Auc auc = one_vs_rest_auc(stream, scores, labels, 2);
  for (std::size_t c = 0; c < 2; ++c) {
    const ThresholdCurve& curve = curves.classes[c];
    std::set<float, std::greater<>> thresholds;
    for (std::size_t i = 0; i < examples; ++i) {
      thresholds.insert(scores[i * 2 + c]);
    }
    ASSERT_EQ(curve.sensitivity.size(), thresholds.size());
    std::size_t k = 0;
    double average = 0, area = 0, recall_before = 0, rate_before = 0;
    for (const float threshold : thresholds) {
      double hits = 0, false_alarms = 0;
      for (std::size_t i = 0; i < examples; ++i) {
        if (scores[i * 2 + c] >= threshold) {
          (labels[i] == static_cast<std::int32_t>(c) ? hits : false_alarms) += 1;
        }
      }
      const double recall = hits / static_cast<double>(curve.positives);
      const double rate = false_alarms / static_cast<double>(curve.negatives);
      EXPECT_DOUBLE_EQ(curve.sensitivity[k], recall);
      EXPECT_DOUBLE_EQ(curve.false_positive_rate[k], rate);
      EXPECT_DOUBLE_EQ(curve.precision[k], hits / (hits + false_alarms));
      average += (recall - recall_before) * hits / (hits + false_alarms);
      area += (rate - rate_before) * (recall + recall_before) / 2;
      recall_before = recall;
      rate_before = rate;
      ++k;
    }
    EXPECT_NEAR(curve.average_precision, average, 1e-12);
    EXPECT_NEAR(auc.classes[c], area, 1e-12);  // the trapezoids under the ROC are the AUC
  }
}

// Many examples are thinned to what a plot shows, with the same average precision and the same end.
TEST(Curves, AreThinned) {
  std::vector<float> scores;
  for (int i = 0; i < 100'000; ++i) {
    scores.push_back(static_cast<float>(i));
  }
  const NamedCurves curves =
      threshold_curves("test", {"A"}, scores, [](std::size_t i, std::size_t) { return i % 2 == 0; });
  const ThresholdCurve& curve = curves.classes[0];
  EXPECT_LE(curve.sensitivity.size(), 600U);
  EXPECT_EQ(curve.sensitivity.back(), 1);
  EXPECT_EQ(curve.false_positive_rate.back(), 1);
  EXPECT_NEAR(curve.average_precision, 0.5, 1e-3);
}

TEST(Curves, ClassesWithoutPositivesAreNamed) {
  const std::vector<float> scores = {0.1F, 0.2F, 0.3F, 0.4F};
  const NamedCurves curves = threshold_curves("test", {"A<", "B"}, scores,
                                              [](std::size_t i, std::size_t c) { return c == 1 && i == 0; });
  EXPECT_TRUE(std::isnan(curves.classes[0].average_precision));
  const std::string html = draw(curves);
  EXPECT_NE(html.find("No curve, for want of examples with and without the class: A&lt;."),
            std::string::npos);
  EXPECT_NE(html.find("test, ROC"), std::string::npos);
  EXPECT_EQ(draw(threshold_curves("none", {"A"}, {}, [](std::size_t, std::size_t) { return true; })), "");
}

TEST(Predictions, BeatsHaveTimesAndPlainText) {
  RunSummary run;
  run.classes = {"N", "V"};
  run.predictions = {{.split = "test",
                      .recording = "a,b",
                      .patient = "",
                      .sample = 720,
                      .time = 2,
                      .truth = {"Q"},
                      .decision = {"V"},
                      .probabilities = {0.25F, 0.75F}}};
  EXPECT_EQ(predictions_csv(run),
            "split,recording,patient,time_s,sample,truth,decision,right,probability N,probability V\n"
            "test,\"a,b\",,2.000,720,Q,V,no,0.25,0.75\n");
}

}  // namespace
}  // namespace sec::train
