// Tells leads that show no electrocardiogram: without samples, flat, saturated, or noise.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "io/recording/reader.h"
#include "io/signal/qrs_filter.h"
#include "io/signal/resample.h"

namespace sec::io {

// Shares of a lead's samples, from 0 to 1.
struct LeadQuality {
  double missing = 0;    // not finite
  double flat = 0;       // in runs of a second or more of one value
  double saturated = 0;  // at the highest or lowest value, in shorter runs
  double noise = 0;      // in windows of 10 s without QRS complexes that stand out
};

// Measures one lead, block by block, in constant memory.
class LeadQualityMeter {
 public:
  explicit LeadQualityMeter(double rate);  // Hz; noise is measured at 50 to 10,000 Hz only

  void add(std::span<const float> samples);  // not finite: no sample
  std::int64_t samples() const { return count_; }
  LeadQuality quality() const;

 private:
  struct Extreme {
    float value = 0;
    std::int64_t in_runs = 0;  // samples at that value, in runs
  };
  void end_run(Extreme& high, Extreme& low, std::int64_t& flat) const;

  std::int64_t second_;        // samples
  std::int64_t shortest_run_;  // samples
  std::int64_t count_ = 0;
  std::int64_t valid_ = 0;
  double sum_ = 0;
  float run_value_ = 0;
  std::int64_t run_ = 0;  // length of the current run of equal samples
  Extreme high_;
  Extreme low_;
  std::int64_t flat_ = 0;  // samples

  std::optional<Resampler> resampler_;  // to qrs_rate; none: noise is not measured
  QrsFilter filter_;
  float held_ = 0;  // replaces missing samples
  std::vector<float> valid_samples_;
  std::vector<float> resampled_;
  std::vector<double> window_;  // output of filter_
  std::int64_t windows_ = 0;
  std::int64_t noisy_windows_ = 0;
};

// Reads a recording block by block and measures each lead. Noise is not measured in leads whose unit is no voltage.
std::vector<LeadQuality> lead_qualities(RecordingReader& reader);

// What is wrong with the lead, as the end of a sentence: "is flat for 20 % of the time". Empty if it is good.
std::string fault_of(const LeadQuality& quality);

}  // namespace sec::io
