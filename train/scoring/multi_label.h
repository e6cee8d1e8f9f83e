// Scores where each example can be of several classes, or of none: every cell of (examples, classes) is a
// yes/no question.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/scoring/auc.h"
#include "train/scoring/bootstrap.h"

namespace sec::train {

struct LabelScore {
  std::string name;
  std::int64_t positives = 0;  // recordings of this class
  std::int64_t predicted = 0;  // stated to be of it
  double threshold = 0.5;      // of the probability, above which it is stated
  double sensitivity = 0;      // Se; NaN without a recording of the class
  double precision = 0;        // +P; NaN if it was never stated
  double f1 = 0;               // NaN if the class neither occurs nor was stated
};

struct MultiLabelScores {
  std::string name;  // "test", "validation"
  std::int64_t recordings = 0;
  std::vector<LabelScore> classes;
  double micro_f1 = 0;        // of the counts of all cells; NaN if there is neither a label nor a statement
  double macro_f1 = 0;        // the mean F1 of the classes whose F1 is defined
  double batch_micro_f1 = 0;  // as the released code computes it, see below
  Auc auc;
  AucIntervals range;  // 95 %, patients drawn with replacement
};

// By class the logit above which a class is stated for the F1 on these examples to be best: halfway between
// two logits, the highest on ties; 0 (a probability of 0.5) for a class without an example.
std::vector<float> best_thresholds(std::span<const float> logits,   // (N, classes)
                                   std::span<const float> targets,  // (N, classes), 0 or 1
                                   std::size_t classes);

// Counts and F1 scores at these thresholds (logits); neither AUC nor batch_micro_f1.
MultiLabelScores score_labels(const std::vector<std::string>& classes, std::span<const float> logits,
                              std::span<const float> targets, std::span<const float> thresholds);

// The metric of the released code: the micro-F1 of the cells of each batch of `batch` examples in order, at a
// probability of 0.5, averaged over the batches (the last one may be smaller); 0 for a batch with neither a
// label nor a statement.
double batch_micro_f1(std::span<const float> logits, std::span<const float> targets, std::size_t classes,
                      std::size_t batch);

}  // namespace sec::train
