// Scores of a classifier of heartbeats: the confusion matrix, sensitivity (Se, recall), positive predictive
// value (+P, precision) and F1 of each class, accuracy and macro-F1. AAMI EC57 names the beat classes and Se
// and +P.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sec::train {

// Counts of (true, predicted) class pairs.
class Confusion {
 public:
  explicit Confusion(std::vector<std::string> classes);

  // Throws Error if an index is outside the class list.
  void add(int truth, int predicted, std::int64_t count = 1);
  Confusion& operator+=(const Confusion& other);  // throws Error unless the classes are the same

  std::int64_t at(int truth, int predicted) const { return counts_[index(truth, predicted)]; }
  std::int64_t total() const;
  std::int64_t true_count(int c) const;       // beats of class c
  std::int64_t predicted_count(int c) const;  // beats called class c
  int size() const { return static_cast<int>(classes_.size()); }
  const std::vector<std::string>& classes() const { return classes_; }

 private:
  std::size_t index(int truth, int predicted) const;
  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;  // (true, predicted), row by row
};

struct ClassScore {
  std::string name;
  std::int64_t beats = 0;      // of this class
  std::int64_t predicted = 0;  // called this class
  double sensitivity = 0;      // Se; NaN without a beat of the class
  double precision = 0;        // +P; NaN if nothing was called this class
  double f1 = 0;  // 2 TP / (2 TP + FP + FN): 0 if beats of the class exist and none was found; NaN if the
                  // class neither occurs nor is predicted
};

struct Scores {
  Confusion confusion;
  std::vector<ClassScore> classes;
  double accuracy = 0;  // NaN without beats
  double micro_f1 = 0;  // of the counts summed over the classes; equals accuracy where nothing was called a
                        // class that is left out. NaN without beats
  double macro_f1 = 0;  // the mean F1 of the classes whose F1 is defined
};

Scores score(const Confusion& confusion);

// The beats of class `truth` that were read as a class outside the confusion matrix, as happens when
// score_first_classes() leaves classes out. They count in ClassScore::beats but in no column of the matrix.
std::int64_t read_as_other(const Scores& scores, int truth);

// A five-class confusion of AAMI classes (N, S, V, F, Q) scored over its first `count` classes, 3 (N, S, V),
// 4 (without Q) or 5: beats whose true class is left out are left out, as published inter-patient results on
// three and four classes do; a beat that stays but was called a class left out is an error of its own class
// (it lowers Se and accuracy, and counts as a prediction of no class kept).
Scores score_first_classes(const Confusion& five, int count);

}  // namespace sec::train
