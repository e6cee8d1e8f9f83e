#include "train/scoring/auc.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/error.h"
#include "engine/philox.h"

namespace sec::train {
namespace {

struct Scored {
  std::vector<float> probabilities;  // (beats, 3)
  std::vector<std::int32_t> labels;
};

// Random scores with `levels` distinct values; few levels make many ties.
Scored random_scores(std::int64_t beats, int levels) {
  Scored s;
  for (std::int64_t i = 0; i < 3 * beats; ++i) {
    s.probabilities.push_back(std::floor(static_cast<float>(levels) * uniform({7, 0, 1}, i)) /
                              static_cast<float>(levels));
  }
  for (std::int64_t i = 0; i < beats; ++i) {
    s.labels.push_back(static_cast<std::int32_t>(random_word({7, 0, 2}, i) % 4) - 1);
  }
  return s;
}

// The AUC by its definition: compares every pair.
double by_pairs(const Scored& s, std::int32_t c) {
  double won = 0;
  double pairs = 0;
  for (std::size_t i = 0; i < s.labels.size(); ++i) {
    for (std::size_t j = 0; j < s.labels.size(); ++j) {
      if (s.labels[i] == c && s.labels[j] != c) {
        const float one = s.probabilities[3 * i + static_cast<std::size_t>(c)];
        const float other = s.probabilities[3 * j + static_cast<std::size_t>(c)];
        won += one > other ? 1 : one == other ? 0.5 : 0;
        ++pairs;
      }
    }
  }
  return won / pairs;
}

void expect_by_pairs(Stream& stream) {
  for (const int levels : {1, 2, 7, 1 << 20}) {
    for (const std::int64_t beats : {12, 301}) {
      const Scored s = random_scores(beats, levels);
      const Auc auc = one_vs_rest_auc(stream, s.probabilities, s.labels, 3);
      ASSERT_EQ(auc.classes.size(), 3U);
      double sum = 0;
      for (std::int32_t c = 0; c < 3; ++c) {
        // Counts below 2^53 are exact in double, so both results are the quotient of the same numbers.
        EXPECT_DOUBLE_EQ(auc.classes[static_cast<std::size_t>(c)], by_pairs(s, c))
            << levels << " levels, " << beats;
        sum += by_pairs(s, c);
      }
      EXPECT_DOUBLE_EQ(auc.macro, sum / 3);
    }
  }
}

TEST(Auc, EqualsACountOfAllPairs) {
  Stream stream;
  expect_by_pairs(stream);
}

TEST(Auc, EqualsACountOfAllPairsOnCuda) {
  const std::string reason = why_unavailable(Device::cuda);
  if (!reason.empty()) {
    GTEST_SKIP() << "NOT TESTED, as the cuda device is not available: " << reason;
  }
  Stream stream;
  stream.device = Device::cuda;
  expect_by_pairs(stream);
}

TEST(Auc, ByHand) {
  Stream stream;
  // Class 0 has the positives 0.9 and 0.4, and the negatives 0.4 and 0.1.
  // Of four pairs three are won and one is tied.
  const Auc auc = one_vs_rest_auc(stream, std::vector<float>{0.9F, 0, 0.4F, 0, 0.4F, 0, 0.1F, 0},
                                  std::vector<std::int32_t>{0, 0, -1, -1}, 2);
  EXPECT_DOUBLE_EQ(auc.classes[0], 3.5 / 4);
  EXPECT_TRUE(std::isnan(auc.classes[1]));  // class 1 has no beats
  EXPECT_DOUBLE_EQ(auc.macro, 3.5 / 4);
  EXPECT_TRUE(std::isnan(one_vs_rest_auc(stream, {}, {}, 2).macro));
}

TEST(Auc, RefusesWhatHasNoOrder) {
  Stream stream;
  EXPECT_THROW(
      one_vs_rest_auc(stream, std::vector<float>{std::nanf(""), 0}, std::vector<std::int32_t>{0, 1}, 1),
      Error);
  EXPECT_THROW(one_vs_rest_auc(stream, std::vector<float>{0, 0}, std::vector<std::int32_t>{0, 2}, 1), Error);
  EXPECT_THROW(one_vs_rest_auc(stream, std::vector<float>{0, 0}, std::vector<std::int32_t>{0}, 1), Error);
}

}  // namespace
}  // namespace sec::train
