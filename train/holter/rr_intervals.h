// The intervals between successive beats, and those of them that measures of heart rate variability take (NN intervals).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sec::train {

struct RrInterval {
  double time = 0;    // s from the start of the recording: the R peak that ends the interval
  double length = 0;  // s
  int before =
      0;          // label of the beat that begins the interval: index into the classes, negative: of no class
  int after = 0;  // label of the beat that ends it
  bool has_gap = false;  // the signal is missing for a part of it
  bool nn = false;       // see RrIntervals
};

// An interval is an NN interval if both of its beats are of class N, the beats before and behind them are too where there
// are any, and no part of its signal is missing. So an interval beside an ectopic beat is none, and neither is the next one,
// which a compensatory pause and the turbulence behind a ventricular beat would change.
class RrIntervals {
 public:
  // `rate` in Hz. Without a class "N" there are no NN intervals.
  RrIntervals(const std::vector<std::string>& classes, double rate);

  // Adds a beat, in order of time. `has_gap`: signal is missing between the beat before and this one.
  // Returns the interval that the beat before ends, now that its neighbours are known.
  std::optional<RrInterval> add(std::int64_t sample, int label, bool has_gap);
  std::optional<RrInterval> finish();  // the interval that the last beat ends

 private:
  bool is_normal(int label) const { return normal_ && label == *normal_; }

  double rate_;
  std::optional<int> normal_;  // index of class N
  std::optional<std::int64_t> last_sample_;
  int last_label_ = 0;
  std::optional<int> label_before_;  // of the beat before the last one
  std::optional<RrInterval> open_;   // the interval that the last beat ends
};

// The mean of the NN intervals, their standard deviation, and the root of the mean square of the differences between NN
// intervals that follow each other (Task Force 1996, Circulation 93: 1043-1065). There is no difference across other intervals.
class NnStatistics {
 public:
  void add(
      const RrInterval& interval);  // any interval, in order of time; those that are not NN end a sequence
  std::int64_t count() const { return count_; }
  double mean() const;   // s; NaN without intervals
  double sdnn() const;   // s, of a sample (n - 1); NaN below two intervals
  double rmssd() const;  // s; NaN without differences

 private:
  std::int64_t count_ = 0;
  double mean_ = 0;
  double squares_ = 0;          // sum of squared deviations from the mean (Welford 1962)
  double differences_ = 0;      // sum of squared differences
  std::int64_t pairs_ = 0;      // differences
  std::optional<double> last_;  // s, the interval before, if it is NN
};

// A CSV file of intervals: header and lines "time_s,rr_ms,from,to,gap,nn". `from` and `to` are classes, Q: of no class.
extern const char* const rr_header;
std::string rr_line(const RrInterval& interval, const std::vector<std::string>& classes);
// A CSV file of NN intervals alone: header and lines "time_s,nn_ms".
extern const char* const nn_header;
std::string nn_line(const RrInterval& interval);

}  // namespace sec::train
