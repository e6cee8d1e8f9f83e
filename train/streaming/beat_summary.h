// A summary of a long recording: beats by class and hour, and runs of ectopic beats.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace sec::train {

// A run: three or more successive beats of one class, each at most 3 s after the one before.
struct BeatRun {
  std::string name;  // "V" or "S"
  double begin = 0;  // s, time of the first R peak
  double end = 0;    // s, time of the last R peak
  std::int64_t beats = 0;

  double rate() const { return 60 * static_cast<double>(beats - 1) / (end - begin); }  // beats per minute
};

class BeatSummary {
 public:
  explicit BeatSummary(std::vector<std::string> classes);

  // `time` in s from the start of the recording, in ascending order. A label below 0: a beat that cannot be classified.
  void add(double time, int label);
  void finish();  // ends the current run; call it after the last beat

  const std::vector<std::string>& classes() const { return classes_; }
  const std::vector<std::vector<std::int64_t>>& hours() const { return hours_; }  // [hour][class]
  std::vector<std::int64_t> totals() const;                                       // by class
  const std::vector<BeatRun>& runs() const { return runs_; }
  std::int64_t not_classifiable() const { return not_classifiable_; }  // beats that are in no class
  // The latest successive beats of one class, and whether they are a run that may go on.
  const BeatRun& current() const { return current_; }
  bool in_run() const;

 private:
  std::vector<std::string> classes_;
  std::vector<std::vector<std::int64_t>> hours_;
  std::vector<BeatRun> runs_;
  std::int64_t not_classifiable_ = 0;
  BeatRun current_;
};

// The summary as text: a table of hours, and one line for each of the first `shown` runs.
std::string text_of(const BeatSummary& summary, std::size_t shown);
// The summary as JSON: {"beats": {class: count}, "not_classifiable": count, "hours": [{class: count}], "runs": [{...}]}.
std::string json_of(const BeatSummary& summary);

std::string clock_text(double seconds);  // "1:02:03.4"

}  // namespace sec::train
