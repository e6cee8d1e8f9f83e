// Notices samples that are said to be mV but cannot be, such as microvolts in a file that states no unit.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sec::io {

// Measures the amplitude of a lead, block by block: the median over all seconds of a second's range, from the
// lowest to the highest sample. A few artefacts or flat seconds do not change it.
class AmplitudeMeter {
 public:
  explicit AmplitudeMeter(double rate);  // Hz

  void add(std::span<const float> samples);  // NaN: no sample
  // In the samples' unit; 0 without samples.
  double amplitude() const;
  std::int64_t seconds() const { return static_cast<std::int64_t>(ranges_.size()); }

 private:
  std::int64_t second_;  // samples
  std::int64_t count_ = 0;
  float low_ = 0;
  float high_ = 0;
  bool any_ = false;
  std::vector<float> ranges_;  // of the complete seconds
};

// Returns what is wrong with an amplitude in mV, and the likely unit; empty if an electrocardiogram can have it.
// The heart's electric field makes 0.1 mV to 5 mV on the skin; 0.01 mV to 20 mV is not objected to, nor is 0.
std::string amplitude_fault(double millivolts);

// The amplitude is above what any electrocardiogram has.
bool is_too_high(double millivolts);

double median_of(std::vector<double> values);  // 0 if there are none

}  // namespace sec::io
