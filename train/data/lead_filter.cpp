#include "train/data/lead_filter.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sec::train {
namespace {

constexpr double high_pass_cutoff = 0.5;  // Hz, the AHA's limit for monitoring
constexpr double longest_wait = 10;       // s of waiting for a first valid sample

}  // namespace

LeadFilter::LeadFilter(const Recipe::Data& options, double source_rate)
    : longest_wait_(std::llround(longest_wait * source_rate)),
      resampler_(io::rate_ratio(source_rate, options.rate)) {
  if (options.wander == "median") {
    baseline_.emplace(options.rate);
  } else if (options.wander == "highpass") {
    high_pass_.emplace(options.rate, high_pass_cutoff);
  }
}

void LeadFilter::push(std::span<const float> samples, std::vector<float>& output) {
  valid_.clear();
  for (const float sample : samples) {
    if (std::isfinite(sample)) {
      held_ = sample;
    } else if (!held_) {
      ++waiting_;
      if (waiting_ < longest_wait_) {
        continue;
      }
      held_ = 0.0F;
      --waiting_;  // the current sample is appended separately below
    }
    valid_.insert(valid_.end(), static_cast<std::size_t>(std::exchange(waiting_, 0)), *held_);
    valid_.push_back(*held_);
  }
  filter(valid_, output);
}

void LeadFilter::finish(std::vector<float>& output) {
  valid_.assign(static_cast<std::size_t>(std::exchange(waiting_, 0)), 0.0F);
  filter(valid_, output);
  std::vector<float> rest;
  resampler_.finish(rest);
  if (baseline_) {
    baseline_->push(rest, output);
    baseline_->finish(output);
  } else if (high_pass_) {
    high_pass_->push(rest, output);
    high_pass_->finish(output);
  } else {
    output.insert(output.end(), rest.begin(), rest.end());
  }
}

void LeadFilter::filter(std::span<const float> samples, std::vector<float>& output) {
  resampled_.clear();
  resampler_.push(samples, resampled_);
  if (baseline_) {
    baseline_->push(resampled_, output);
  } else if (high_pass_) {
    high_pass_->push(resampled_, output);
  } else {
    output.insert(output.end(), resampled_.begin(), resampled_.end());
  }
}

}  // namespace sec::train
