#include "train/scoring/metrics.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/philox.h"
#include "io/scoring/aami.h"

namespace sec::train {
namespace {

TEST(Metrics, ByHand) {
  //            read N S V
  // true N          8 1 1
  // true S          2 2 0
  // true V          0 1 5
  Confusion c({"N", "S", "V"});
  c.add(0, 0, 8);
  c.add(0, 1);
  c.add(0, 2);
  c.add(1, 0, 2);
  c.add(1, 1, 2);
  c.add(2, 1);
  c.add(2, 2, 5);
  const Scores s = score(c);
  EXPECT_DOUBLE_EQ(s.accuracy, 15.0 / 20);
  EXPECT_DOUBLE_EQ(s.classes[0].sensitivity, 8.0 / 10);
  EXPECT_DOUBLE_EQ(s.classes[0].precision, 8.0 / 10);
  EXPECT_DOUBLE_EQ(s.classes[1].sensitivity, 2.0 / 4);
  EXPECT_DOUBLE_EQ(s.classes[1].precision, 2.0 / 4);
  EXPECT_DOUBLE_EQ(s.classes[2].sensitivity, 5.0 / 6);
  EXPECT_DOUBLE_EQ(s.classes[2].precision, 5.0 / 6);
  EXPECT_DOUBLE_EQ(s.macro_f1, (0.8 + 0.5 + 5.0 / 6) / 3);
}

TEST(Metrics, UndefinedValuesAreNaNAndLeftOutOfTheMean) {
  Confusion c({"N", "S", "V"});
  c.add(0, 0, 3);
  c.add(1, 0, 1);  // S occurs but is never predicted: Se is 0, +P undefined, F1 0
  const Scores s = score(c);
  EXPECT_EQ(s.classes[1].sensitivity, 0);
  EXPECT_TRUE(std::isnan(s.classes[1].precision));
  EXPECT_EQ(s.classes[1].f1, 0);
  EXPECT_TRUE(std::isnan(s.classes[2].f1));  // V neither occurs nor is predicted
  EXPECT_DOUBLE_EQ(s.macro_f1, (6.0 / 7 + 0) / 2);
  EXPECT_TRUE(std::isnan(score(Confusion({"N", "S"})).accuracy));
}

// A class without a beat of its own does not enter the mean, even if some beat was called it.
TEST(Metrics, MacroF1IsTheMeanOverClassesThatOccur) {
  Confusion c({"N", "S", "V"});
  c.add(0, 0, 3);
  c.add(0, 2, 1);  // no V occurs, one is predicted: its F1 is 0
  c.add(1, 1, 2);
  const Scores s = score(c);
  EXPECT_EQ(s.classes[2].f1, 0);
  EXPECT_DOUBLE_EQ(s.macro_f1, (6.0 / 7 + 1) / 2);
  EXPECT_EQ(s.occurring, 2);
  EXPECT_EQ(only_class(s), "");
}

// A macro-F1 of 1 that rests on one class must be recognisable.
TEST(Metrics, NamesTheOnlyClassThatOccurs) {
  Confusion c({"N", "S", "V"});
  EXPECT_EQ(only_class(score(c)), "");
  c.add(1, 1, 5);
  EXPECT_EQ(score(c).macro_f1, 1);
  EXPECT_EQ(score(c).occurring, 1);
  EXPECT_EQ(only_class(score(c)), "S");
  c.add(2, 1, 1);
  EXPECT_EQ(only_class(score(c)), "");
}

// Compares with scores computed from lists
// of labels without a confusion matrix, by scikit-learn's definitions.
TEST(Metrics, AgreesWithCountingOverLabels) {
  constexpr int beats = 5000;
  std::vector<int> truth, read;
  Confusion five(io::beat_class_names);
  for (std::uint64_t i = 0; i < beats; ++i) {
    const RandomKey key{7, 0, 0};
    truth.push_back(static_cast<int>(5 * uniform(key, 3 * i) * uniform(key, 3 * i)));
    read.push_back(uniform(key, 3 * i + 1) < 0.7F ? truth.back()
                                                  : static_cast<int>(5 * uniform(key, 3 * i + 2)));
    five.add(truth.back(), read.back());
  }
  for (const int count : {3, 4, 5}) {
    const Scores s = score_first_classes(five, count);
    int kept = 0, right = 0;
    double sum_f1 = 0;
    for (int c = 0; c < count; ++c) {
      int tp = 0, fp = 0, fn = 0;
      for (int i = 0; i < beats; ++i) {
        if (truth[i] >= count) {
          continue;
        }
        kept += c == 0;
        right += c == 0 && truth[i] == read[i];
        tp += truth[i] == c && read[i] == c;
        fp += truth[i] != c && read[i] == c;
        fn += truth[i] == c && read[i] != c;
      }
      EXPECT_DOUBLE_EQ(s.classes[c].sensitivity, tp / static_cast<double>(tp + fn));
      EXPECT_DOUBLE_EQ(s.classes[c].precision, tp / static_cast<double>(tp + fp));
      sum_f1 += 2.0 * tp / (2.0 * tp + fp + fn);
    }
    EXPECT_DOUBLE_EQ(s.accuracy, right / static_cast<double>(kept)) << count;
    EXPECT_DOUBLE_EQ(s.macro_f1, sum_f1 / count) << count;
  }
}

TEST(Metrics, RefusesCellsOutside) {
  Confusion c({"N", "S"});
  EXPECT_THROW(c.add(2, 0), std::exception);
  EXPECT_THROW(c.add(0, -1), std::exception);
  EXPECT_THROW(c += Confusion({"N", "V"}), std::exception);
}

}  // namespace
}  // namespace sec::train
