// Scores of examples that can have several classes or none.
// Every cell of the (examples, classes) table is a yes/no question.
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
  std::int64_t positives = 0;  // recordings that have this class
  std::int64_t predicted = 0;  // recordings for which this class is predicted
  std::int64_t hits = 0;       // recordings that have this class and for which it is predicted
  double threshold = 0.5;      // the class is predicted above this probability
  double sensitivity = 0;      // Se; NaN if no recording has the class
  double precision = 0;        // +P; NaN if the class is never predicted
  double f1 = 0;               // NaN if the class neither occurs nor is predicted
};

struct MultiLabelScores {
  std::string name;  // "test", "validation"
  std::int64_t recordings = 0;
  std::vector<LabelScore> classes;
  double micro_f1 = 0;        // F1 of the counts over all cells; NaN without labels and predictions
  double macro_f1 = 0;        // mean F1 of the classes that occur
  int occurring = 0;          // number of classes that occur: macro_f1 is their mean
  double batch_micro_f1 = 0;  // the released code's metric: batch_micro_f1()
  Auc auc;
  AucIntervals range;  // 95 % intervals, bootstrap over patients
};

// The name of the only one of several classes that occurs, or an empty text.
// The macro-F1 is then the F1 of this class alone.
std::string only_class(const MultiLabelScores& scores);

// For each class the threshold of the logit with the best F1 on these examples; the highest on ties.
// Thresholds are halfway between two logits. A class without examples gets 0, a probability of 0.5.
std::vector<float> best_thresholds(std::span<const float> logits,   // (N, classes)
                                   std::span<const float> targets,  // (N, classes), 0 or 1
                                   std::size_t classes);

// Counts and F1 scores at these thresholds of the logits. Leaves auc, range and batch_micro_f1 unset.
MultiLabelScores score_labels(const std::vector<std::string>& classes, std::span<const float> logits,
                              std::span<const float> targets, std::span<const float> thresholds);

// The metric of the released code:
// the micro-F1 at a probability of 0.5 of each batch of `batch` successive examples, averaged over batches.
// The last batch may be smaller. A batch without labels and predictions counts 0.
double batch_micro_f1(std::span<const float> logits, std::span<const float> targets, std::size_t classes,
                      std::size_t batch);

}  // namespace sec::train
