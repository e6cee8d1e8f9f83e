// Compares scores of examples with several labels with slow, direct counts.
#include "train/scoring/multi_label.h"

#include <cmath>
#include <random>

#include "layers/loss.h"
#include "tests/train/tiny_run.h"
#include "train/scoring/recording_evaluation.h"

namespace sec::train {
namespace {

struct Cells {
  std::vector<float> logits;
  std::vector<float> targets;
};

// Rounded logits, so that there are ties.
Cells random_cells(std::size_t n, std::size_t classes, unsigned seed) {
  std::mt19937 random(seed);
  Cells cells;
  for (std::size_t i = 0; i < n * classes; ++i) {
    cells.targets.push_back(random() % 4 == 0 ? 1.0F : 0.0F);
    cells.logits.push_back(static_cast<float>(random() % 17) / 4 - 2 + cells.targets.back());
  }
  return cells;
}

double f1_at(const Cells& cells, std::size_t classes, std::size_t c, double threshold) {
  double hits = 0, errors = 0;
  for (std::size_t i = c; i < cells.logits.size(); i += classes) {
    const bool stated = static_cast<double>(cells.logits[i]) > threshold;
    const bool is = cells.targets[i] > 0;
    hits += stated && is ? 1 : 0;
    errors += stated != is ? 1 : 0;
  }
  return 2 * hits / (2 * hits + errors);
}

TEST(MultiLabel, NoThresholdHasABetterF1) {
  constexpr std::size_t classes = 3;
  for (unsigned seed = 0; seed < 20; ++seed) {
    const Cells cells = random_cells(40, classes, seed);
    const std::vector<float> best = best_thresholds(cells.logits, cells.targets, classes);
    for (std::size_t c = 0; c < classes; ++c) {
      const double f1 = f1_at(cells, classes, c, best[c]);
      for (double threshold = -4; threshold < 4; threshold += 0.125) {
        EXPECT_LE(f1_at(cells, classes, c, threshold), f1 + 1e-12) << threshold << " against " << best[c];
      }
    }
  }
  // The threshold is 0.5 for a class without examples, and below the lowest logit if all examples have it.
  const std::vector<float> logits = {1, -3, 2, -5};
  const std::vector<float> edges = best_thresholds(logits, std::vector<float>{0, 1, 0, 1}, 2);
  EXPECT_EQ(edges[0], 0);
  EXPECT_LT(edges[1], -5);
  EXPECT_EQ(best_thresholds(logits, std::vector<float>{0, 1, 0, 0}, 2)[1], -4);  // halfway between two logits
}

TEST(MultiLabel, CountsCells) {
  // Class A: two hits and a miss.
  // Class B: a false positive and a hit. Class C neither occurs nor is predicted.
  const std::vector<float> logits = {1, 2, -1, 1, 1, -1, -1, -1, -1, -1, -1, -1};
  const std::vector<float> targets = {1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0};
  const MultiLabelScores s = score_labels({"A", "B", "C"}, logits, targets, std::vector<float>{0, 0, 0});
  EXPECT_EQ(s.recordings, 4);
  EXPECT_EQ(s.classes[0].positives, 3);
  EXPECT_EQ(s.classes[0].predicted, 2);
  EXPECT_DOUBLE_EQ(s.classes[0].sensitivity, 2.0 / 3);
  EXPECT_DOUBLE_EQ(s.classes[0].precision, 1);
  EXPECT_DOUBLE_EQ(s.classes[0].f1, 4.0 / 5);
  EXPECT_DOUBLE_EQ(s.classes[1].f1, 2.0 / 3);
  EXPECT_TRUE(std::isnan(s.classes[2].f1) && std::isnan(s.classes[2].precision));
  EXPECT_DOUBLE_EQ(s.classes[0].threshold, 0.5);
  EXPECT_DOUBLE_EQ(s.micro_f1, 6.0 / 8);
  // A logit at the threshold does not state its class: probability 0.5 is no statement.
  EXPECT_EQ(score_labels({"A", "B", "C"}, logits, targets, std::vector<float>{1, 0, 0}).classes[0].predicted,
            0);
  EXPECT_DOUBLE_EQ(s.macro_f1, (4.0 / 5 + 2.0 / 3) / 2);
  // The threshold of B is raised above the logit 2 of its false positive.
  EXPECT_DOUBLE_EQ(score_labels({"A", "B", "C"}, logits, targets, std::vector<float>{0, 2, 0}).classes[1].f1,
                   0);
  // In batches of two examples, cells 1 to 6 have 3 hits, 3 labels and 4 predictions;
  // cells 7 to 12 have one label and no prediction. scikit-learn's f1_score gives 6/7 and 0.
  EXPECT_DOUBLE_EQ(batch_micro_f1(logits, targets, 3, 2), (6.0 / 7 + 0) / 2);
  EXPECT_DOUBLE_EQ(batch_micro_f1(logits, targets, 3, 64), s.micro_f1);
  EXPECT_DOUBLE_EQ(batch_micro_f1(logits, targets, 3, 3), (6.0 / 8 + 0) / 2);  // the last batch is smaller
  io::expect_error([&] { score_labels({"A"}, logits, std::vector<float>(3), std::vector<float>{0}); },
                   "scores: ");
}

TEST(MultiLabel, MacroF1IsTheMeanOverClassesThatOccur) {
  // Class A: a hit and a miss. Class B has no recording, and is stated once: its F1 is 0, and does not count.
  const MultiLabelScores s = score_labels({"A", "B"}, std::vector<float>{1, 1, -1, -1},
                                          std::vector<float>{1, 0, 1, 0}, std::vector<float>{0, 0});
  EXPECT_EQ(s.classes[1].f1, 0);
  EXPECT_DOUBLE_EQ(s.macro_f1, 2.0 / 3);
}

TEST(MultiLabel, NamesTheOnlyClassThatOccurs) {
  const std::vector<float> logits = {1, -1, 1, -1};
  const auto scored = [&](const std::vector<float>& targets) {
    return score_labels({"A", "B"}, logits, targets, std::vector<float>{0, 0});
  };
  EXPECT_EQ(scored({1, 0, 1, 0}).macro_f1, 1);
  EXPECT_EQ(scored({1, 0, 1, 0}).occurring, 1);
  EXPECT_EQ(only_class(scored({1, 0, 1, 0})), "A");
  EXPECT_EQ(only_class(scored({1, 0, 1, 1})), "");
  EXPECT_EQ(only_class(scored({0, 0, 0, 0})), "");
  // One class that some recordings have and others lack is a task of its own.
  EXPECT_EQ(only_class(score_labels({"A"}, logits, std::vector<float>{1, 0, 1, 0}, std::vector<float>{0})),
            "");
}

TEST(MultiLabel, AucCountsPairs) {
  constexpr std::size_t classes = 3;
  Stream stream;
  const Cells cells = random_cells(50, classes, 7);
  const Auc auc = multi_label_auc(stream, cells.logits, cells.targets, classes);
  double sum = 0;
  for (std::size_t c = 0; c < classes; ++c) {
    double won = 0, pairs = 0;
    for (std::size_t i = c; i < cells.logits.size(); i += classes) {
      for (std::size_t j = c; j < cells.logits.size(); j += classes) {
        if (cells.targets[i] > 0 && cells.targets[j] == 0) {
          pairs += 1;
          won += cells.logits[i] > cells.logits[j] ? 1 : cells.logits[i] == cells.logits[j] ? 0.5 : 0;
        }
      }
    }
    EXPECT_DOUBLE_EQ(auc.classes[c], won / pairs);
    sum += won / pairs;
  }
  EXPECT_DOUBLE_EQ(auc.macro, sum / classes);
}

// If each example has one class, intervals equal those of bootstrap_auc().
TEST(MultiLabel, BootstrapAgreesWithThatOfOneClassEach) {
  constexpr std::size_t classes = 3, n = 60;
  Cells cells = random_cells(n, classes, 9);
  std::vector<std::int32_t> labels, groups;
  cells.targets.assign(n * classes, 0.0F);
  for (std::size_t i = 0; i < n; ++i) {
    labels.push_back(static_cast<std::int32_t>(i * 7 % 4) - 1);  // -1: no class
    groups.push_back(static_cast<std::int32_t>(i / 3));
    if (labels.back() >= 0) {
      cells.targets[i * classes + static_cast<std::size_t>(labels.back())] = 1;
    }
  }
  const AucIntervals one = bootstrap_auc(cells.logits, labels, groups, classes, 100, 5);
  const AucIntervals several =
      bootstrap_multi_label_auc(cells.logits, cells.targets, groups, classes, 100, 5);
  EXPECT_EQ(one.macro.low, several.macro.low);
  EXPECT_EQ(one.macro.high, several.macro.high);
  EXPECT_LT(several.macro.low, several.macro.high);
  for (std::size_t c = 0; c < classes; ++c) {
    EXPECT_EQ(one.classes[c].low, several.classes[c].low);
  }
}

// The loss reported for validation agrees with the training loss, also for "focal",
// which sums over recordings and classes.
// Both losses are finite where a naive log(sigmoid(x)) is not.
TEST(MultiLabel, HostAndKernelLossesAgree) {
  Cells cells = random_cells(8, 5, 3);
  cells.logits[0] = 200;
  cells.logits[1] = -200;
  cells.logits[2] = 90;
  Stream stream;
  layers::Pass pass;
  pass.stream = stream;
  const Tensor logits = Tensor::from(stream, {8, 5}, std::span<const float>(cells.logits));
  const Tensor targets = Tensor::from(stream, {8, 5}, std::span<const float>(cells.targets));
  Recipe recipe;
  recipe.classes = {"A", "B", "C", "D", "E"};
  recipe.loss.kind = "focal";
  const double focal = layers::focal_loss(pass, 0.25F, 2, logits, targets).value.to_vector(stream)[0];
  EXPECT_NEAR(focal, 8 * mean_label_loss(cells.logits, cells.targets, recipe),
              1e-5 * focal);  // error of f32 sums
  recipe.loss.kind = "bce";
  const double bce = layers::bce_with_logits(pass, logits, targets, {}).value.to_vector(stream)[0];
  EXPECT_NEAR(bce, mean_label_loss(cells.logits, cells.targets, recipe), 1e-5 * bce);
}

}  // namespace
}  // namespace sec::train
