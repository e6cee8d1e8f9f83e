// Finds the times at which a recording shows no signal: samples are missing, or all leads stay at one value.
#pragma once

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

namespace sec::train {

struct SignalGap {
  std::int64_t begin = 0;  // sample
  std::int64_t end = 0;    // sample behind the last one without signal
};

// Works block by block in constant memory: gaps are forgotten by forget_before(). A gap is a run of at least 0.1 s of samples
// that are not finite in any lead, or of at least 1 s in which no lead changes. The latter includes missing samples.
class SignalGaps {
 public:
  SignalGaps(double rate, std::size_t leads);

  // Adds the next samples of all leads, equally many for each lead.
  void push(std::span<const std::span<const float>> samples);
  void finish();

  // Whether a gap overlaps the samples [begin, end), as far as they have arrived.
  bool overlap(std::int64_t begin, std::int64_t end) const;
  void forget_before(std::int64_t sample);  // later calls of overlap() begin at or behind `sample`

  // The samples without signal of each hour of the recording, complete after finish().
  const std::vector<std::int64_t>& lost_by_hour() const { return lost_; }

 private:
  void close_missing();
  void close_constant();
  void count_lost(const SignalGap& gap);
  bool is_constant() const { return count_ - constant_begin_ >= constant_least_; }
  bool is_missing() const { return count_ - missing_begin_ >= missing_least_; }

  double rate_;
  std::int64_t constant_least_;  // samples
  std::int64_t missing_least_;   // samples
  std::vector<float> held_;      // the last finite value of each lead
  std::int64_t count_ = 0;
  std::int64_t constant_begin_ = 0;  // the current run without change begins here
  std::int64_t missing_begin_ = 0;   // the current run of missing samples begins here, or is empty: count_
  std::deque<SignalGap> gaps_;       // in order of time
  std::int64_t counted_to_ = 0;      // gaps that end before are in lost_
  std::vector<std::int64_t> lost_;
};

}  // namespace sec::train
