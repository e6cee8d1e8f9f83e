// How physical samples become EDF's 16 bits, with a header whose numbers have eight characters.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "io/recording/recording.h"

namespace sec::io {

struct EdfScale {
  std::string physical_min;
  std::string physical_max;
  int digital_min = 0;
  int digital_max = 0;
  double gain = 1;  // digital = physical * gain + zero
  double zero = 0;
};

// What a lead's samples look like, gathered over the whole recording.
class EdfRange {
 public:
  explicit EdfRange(const Lead& lead) : lead_(lead) {}
  void add(std::span<const float> samples);

  // The lead's own gain where all samples are whole numbers of adu in 16 bits: they are then kept exactly.
  // Otherwise the range from the smallest to the largest sample is divided into 65534 steps. -32768 is left
  // free for samples that are not there. Throws Error, naming the lead, on a range that eight characters
  // cannot say.
  EdfScale scale() const;

 private:
  Lead lead_;
  bool is_whole_ = true;  // as far as seen
  float low_ = 0;
  float high_ = 0;
  bool empty_ = true;
};

// The digital value of a sample, -32768 if it is NaN or infinite.
std::int16_t edf_digital(const EdfScale& scale, float sample);

// A number in at most eight characters, without an exponent, as exact as that allows; empty if there is none.
std::string edf_number(double value);

}  // namespace sec::io
