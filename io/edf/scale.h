// Scaling of physical samples to EDF's 16-bit values. Numbers in an EDF header have at most eight characters.
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

// Gathers the value range of one lead over the whole recording.
class EdfRange {
 public:
  explicit EdfRange(const Lead& lead) : lead_(lead) {}
  void add(std::span<const float> samples);

  // Uses the lead's own gain if all samples are whole numbers of adu that fit 16 bits.
  // Such whole samples are stored exactly.
  // Otherwise divides the range from the smallest to the largest sample into 65534 steps.
  // The value -32768 is reserved for missing samples.
  // Throws Error, naming the lead, if eight characters cannot express the range.
  EdfScale scale() const;

 private:
  Lead lead_;
  bool is_whole_ = true;  // all samples so far are whole numbers of adu
  float low_ = 0;
  float high_ = 0;
  bool empty_ = true;
};

// The digital value of a sample; -32768 if the sample is NaN or infinite.
std::int16_t edf_digital(const EdfScale& scale, float sample);

// Formats a number in at most eight characters without an exponent, as precisely as possible.
// Returns an empty string if that is impossible.
std::string edf_number(double value);

}  // namespace sec::io
