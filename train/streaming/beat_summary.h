// What a reader of a long recording wants first: beats by class and hour, and runs of ectopic beats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sec::train {

// Three or more beats of one class in a row, no two of them more than 3 s apart.
struct BeatRun {
  std::string name;  // "V" or "S"
  double begin = 0;  // s, of the first R peak
  double end = 0;    // s, of the last
  std::int64_t beats = 0;

  double rate() const { return 60 * static_cast<double>(beats - 1) / (end - begin); }  // beats a minute
};

class BeatSummary {
 public:
  explicit BeatSummary(std::vector<std::string> classes);

  void add(double time, int label);  // s from the beginning; in order
  void finish();                     // ends a run under way

  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<std::vector<std::int64_t>>& hours() const { return hours_; }  // [hour][class]
  std::vector<std::int64_t> totals() const;                                       // by class
  const std::vector<BeatRun>& runs() const { return runs_; }

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<std::int64_t>> hours_;
  std::vector<BeatRun> runs_;
  BeatRun current_;  // beats of one class so far, of whatever class
};

// As text: a table of hours, and a line for each of the first `shown` runs.
std::string text_of(const BeatSummary& summary, std::size_t shown);
// As a JSON object: {"beats": {class: count}, "hours": [{class: count}], "runs": [{...}]}.
std::string json_of(const BeatSummary& summary);

std::string clock_text(double seconds);  // "1:02:03.4"

}  // namespace sec::train
