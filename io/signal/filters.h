// Baseline wander and DC, of a whole lead in place or in pieces. Samples must be finite: fill invalid ones
// first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// The median of the `width` samples around each sample, the end samples repeated beyond the ends. `width` is
// odd. Throws Error on an even or non-positive width, or a sample that is not finite.
std::vector<float> running_median(std::span<const float> signal, std::int64_t width);

// The same of a signal that comes in pieces, half a window late. The window is kept sorted: a sample costs
// two searches and one move of at most the window.
class RunningMedian {
 public:
  explicit RunningMedian(std::int64_t width);  // throws Error as running_median() does

  // Append what is known by now, or all that is left. Samples are finite; none follows finish().
  void push(float sample, std::vector<float>& medians);
  void finish(std::vector<float>& medians);

 private:
  std::vector<float> window_;  // in order of time, from next_ on
  std::vector<float> sorted_;
  std::size_t next_ = 0;
  std::int64_t missing_ = 0;  // samples until the first window is full
  bool started_ = false;
};

// De Chazal et al. 2004: a running median of 200 ms takes QRS complexes and P waves away, one of 600 ms of
// the result takes T waves away; what is left is the wander, which is subtracted, and DC with it. Windows are
// rounded to the odd number of samples next to their duration. `rate` in Hz.
void subtract_median_baseline(std::span<float> signal, double rate);

// The same bits from a signal that comes in pieces, 0.4 s late.
class MedianBaseline {
 public:
  explicit MedianBaseline(double rate);  // throws Error unless the rate is 10 to 1e6 Hz

  // Append samples without wander, as far as known by now, or all that are left.
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void subtract(std::vector<float>& output);

  RunningMedian without_qrs_;
  RunningMedian without_t_;
  std::vector<float> waiting_;   // samples whose baseline is not known yet
  std::vector<float> medians_;   // of the first filter, not yet filtered again
  std::vector<float> baseline_;  // not yet subtracted
};

// Second-order Butterworth high-pass at `cutoff` Hz, forwards and backwards (zero phase, 6 dB down at the
// cutoff), the ends extended by point reflection over 9 samples as in scipy.signal.filtfilt. Takes DC away
// exactly. Throws Error unless 0 < cutoff < rate / 2 and there are more than 9 samples, all finite.
void high_pass(std::span<float> signal, double rate, double cutoff);

// The same bits from a signal that comes in pieces. The way back begins 5 cycles of the cutoff after what it
// is for, where nothing of what follows can be seen any more (less than 1e-9 of it), so that much is it late.
class HighPass {
 public:
  HighPass(double rate, double cutoff);  // throws Error as high_pass() does

  // Append what is known by now, or all that is left. Samples are finite; none follows finish().
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  double forward(double sample);
  void settle(double sample, double (&state)[2]) const;
  double step(double sample, double (&state)[2]) const;
  void backward(std::size_t count, std::vector<float>& output);

  double b_[3];
  double a_[2];
  std::size_t look_ahead_;
  double state_[2] = {};
  std::vector<float> first_;      // samples until there are enough to reflect
  std::vector<double> forwards_;  // filtered once
  std::vector<double> last_;      // samples, as many as are reflected at the end
};

}  // namespace sec::io
