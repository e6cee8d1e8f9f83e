// Scores of a heartbeat classifier: the confusion matrix, accuracy and macro-F1,
// and for each class its sensitivity (Se, recall), positive predictive value (+P, precision) and F1.
// The beat classes and the names Se and +P are those of AAMI EC57.
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
  std::int64_t true_count(int c) const;       // number of beats whose true class is c
  std::int64_t predicted_count(int c) const;  // number of beats predicted as class c
  int size() const { return static_cast<int>(classes_.size()); }
  const std::vector<std::string>& classes() const { return classes_; }

 private:
  std::size_t index(int truth, int predicted) const;
  std::vector<std::string> classes_;
  std::vector<std::int64_t> counts_;  // (true, predicted), row by row
};

struct ClassScore {
  std::string name;
  std::int64_t beats = 0;      // beats whose true class this is
  std::int64_t predicted = 0;  // beats predicted as this class
  double sensitivity = 0;      // Se; NaN if no beat is of the class
  double precision = 0;        // +P; NaN if no beat is predicted as this class
  double f1 = 0;               // 2 TP / (2 TP + FP + FN); NaN if the class neither occurs nor is predicted
};

struct Scores {
  Confusion confusion;
  std::vector<ClassScore> classes;
  double accuracy = 0;  // NaN without beats
  double micro_f1 = 0;  // F1 of the counts summed over classes; NaN without beats.
                        // Equals the accuracy unless a beat is predicted as a class that is not scored.
  double macro_f1 = 0;  // mean F1 of the classes that occur, whether or not others were predicted
  int occurring = 0;    // number of classes that occur: macro_f1 is their mean
};

Scores score(const Confusion& confusion);

// The name of the only class that occurs, or an empty text if none or several occur.
// The macro-F1 is then the F1 of this class, which a classifier with one fixed answer can bring to 1.
std::string only_class(const Scores& scores);

// The number of beats of class `truth` that were predicted as a class outside scores.confusion.
// Such beats exist only after score_first_classes(). They count in ClassScore::beats, but in no column.
std::int64_t read_as_other(const Scores& scores, int truth);

// Scores a confusion matrix of the AAMI classes N, S, V, F, Q over its first `count` classes: 3, 4 or 5.
// Beats of the other true classes are ignored.
// Published inter-patient results on three or four classes do the same.
// A scored beat that was predicted as one of the other classes is an error.
// It lowers Se and the accuracy of its true class, and is a false positive of no scored class.
Scores score_first_classes(const Confusion& five, int count);

}  // namespace sec::train
