#include "train/holter/rr_intervals.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace sec::train {

RrIntervals::RrIntervals(const std::vector<std::string>& classes, double rate) : rate_(rate) {
  if (const auto normal = std::ranges::find(classes, "N"); normal != classes.end()) {
    normal_ = static_cast<int>(normal - classes.begin());
  }
}

std::optional<RrInterval> RrIntervals::add(std::int64_t sample, int label, bool has_gap) {
  std::optional<RrInterval> done = open_;
  if (done) {
    done->nn = done->nn && is_normal(label);
  }
  open_.reset();
  if (last_sample_) {
    open_ = {.time = static_cast<double>(sample) / rate_,
             .length = static_cast<double>(sample - *last_sample_) / rate_,
             .before = last_label_,
             .after = label,
             .has_gap = has_gap,
             .nn = !has_gap && is_normal(last_label_) && is_normal(label) &&
                   (!label_before_ || is_normal(*label_before_))};
    label_before_ = last_label_;
  }
  last_sample_ = sample;
  last_label_ = label;
  return done;
}

std::optional<RrInterval> RrIntervals::finish() {
  std::optional<RrInterval> done;
  std::swap(done, open_);
  return done;
}

void NnStatistics::add(const RrInterval& interval) {
  if (!interval.nn) {
    last_.reset();
    return;
  }
  const double seconds = interval.length;
  if (last_) {
    differences_ += (seconds - *last_) * (seconds - *last_);
    ++pairs_;
  }
  last_ = seconds;
  ++count_;
  const double before = seconds - mean_;
  mean_ += before / static_cast<double>(count_);
  squares_ += before * (seconds - mean_);
}

double NnStatistics::mean() const {
  return count_ > 0 ? mean_ : std::nan("");
}

double NnStatistics::sdnn() const {
  return count_ > 1 ? std::sqrt(squares_ / static_cast<double>(count_ - 1)) : std::nan("");
}

double NnStatistics::rmssd() const {
  return pairs_ > 0 ? std::sqrt(differences_ / static_cast<double>(pairs_)) : std::nan("");
}

const char* const rr_header = "time_s,rr_ms,from,to,gap,nn\n";
const char* const nn_header = "time_s,nn_ms\n";

std::string rr_line(const RrInterval& interval, const std::vector<std::string>& classes) {
  const auto name = [&](int label) {
    return label < 0 ? std::string_view("Q") : std::string_view(classes[static_cast<std::size_t>(label)]);
  };
  return fmt::format("{:.6f},{:.3f},{},{},{:d},{:d}\n", interval.time, 1000 * interval.length,
                     name(interval.before), name(interval.after), interval.has_gap, interval.nn);
}

std::string nn_line(const RrInterval& interval) {
  return fmt::format("{:.6f},{:.3f}\n", interval.time, 1000 * interval.length);
}

}  // namespace sec::train
