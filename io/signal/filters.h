// Removal of baseline wander and DC, from a whole lead in place or from a stream of blocks.
// Samples must be finite: replace invalid samples first.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace sec::io {

// The median of the `width` samples around each sample. The end samples are repeated beyond the ends.
// Throws Error if `width` is even or not positive, or if a sample is not finite.
std::vector<float> running_median(std::span<const float> signal, std::int64_t width);

// The running median of a stream, delayed by half a window. The window is kept sorted.
// Each sample costs two binary searches and one move of at most the window.
class RunningMedian {
 public:
  explicit RunningMedian(std::int64_t width);  // throws Error like running_median()

  // push() appends the medians known so far, finish() the remaining ones.
  // Samples must be finite. Do not call push() after finish().
  void push(float sample, std::vector<float>& medians);
  void finish(std::vector<float>& medians);

 private:
  std::vector<float> window_;  // ring buffer in order of time; the oldest sample is at next_
  std::vector<float> sorted_;
  std::size_t next_ = 0;
  std::int64_t missing_ = 0;  // samples still needed to fill the first window
  bool started_ = false;
};

// The baseline filter of de Chazal et al. 2004. A running median of 200 ms removes QRS complexes and P waves.
// A running median of 600 ms of the result removes T waves.
// The result is the baseline wander with DC, which is subtracted from the signal. `rate` is in Hz.
// Window widths are rounded to the nearest odd number of samples.
void subtract_median_baseline(std::span<float> signal, double rate);

// subtract_median_baseline() for a stream, bitwise equal, with a delay of 0.4 s.
class MedianBaseline {
 public:
  explicit MedianBaseline(double rate);  // throws Error unless the rate is 10 to 1e6 Hz

  // push() appends the filtered samples known so far, finish() the remaining ones.
  void push(std::span<const float> samples, std::vector<float>& output);
  void finish(std::vector<float>& output);

 private:
  void subtract(std::vector<float>& output);

  RunningMedian without_qrs_;
  RunningMedian without_t_;
  std::vector<float> waiting_;   // samples whose baseline is not known yet
  std::vector<float> medians_;   // output of the first filter, not yet passed to the second
  std::vector<float> baseline_;  // known baseline, not yet subtracted
};

// Second-order Butterworth high-pass at `cutoff` Hz, run forwards and backwards:
// zero phase, 6 dB down at the cutoff. Removes DC exactly.
// As in scipy.signal.filtfilt, 9 samples of point reflection extend both ends.
// Throws Error unless 0 < cutoff < rate / 2 and there are more than 9 samples, all finite.
void high_pass(std::span<float> signal, double rate, double cutoff);

// high_pass() for a stream, bitwise equal. The backward pass of a block starts 5 cycles of the cutoff later.
// Samples after that point influence the block by less than 1e-9. This look-ahead is the delay.
class HighPass {
 public:
  HighPass(double rate, double cutoff);  // throws Error like high_pass()

  // push() appends the filtered samples known so far, finish() the remaining ones.
  // Samples must be finite. Do not call push() after finish().
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
  std::vector<double> forwards_;  // forward-filtered samples
  std::vector<double> last_;      // the last samples, for the reflection at the end
};

}  // namespace sec::io
