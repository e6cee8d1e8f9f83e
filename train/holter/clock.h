// Times in a recording as times of the clock.
#pragma once

#include <optional>
#include <string>

namespace sec::train {

class Clock {
 public:
  // `start` is the time of day at which the recording begins, "HH:MM:SS" with or without a fraction. Where it is empty or
  // no time of day, times are counted from the recording's start.
  explicit Clock(const std::string& start);

  bool is_known() const { return start_.has_value(); }
  double start() const { return start_.value_or(0); }  // s after midnight

  // "23:59:58"; behind midnight with the number of days: "0:00:03 +1 d". Where the start is not known: "25:00:03".
  std::string text(double seconds) const;
  std::string minutes(double seconds) const;  // the same without seconds: "23:59"

 private:
  std::string time_of(double seconds, bool with_seconds) const;

  std::optional<double> start_;
};

}  // namespace sec::train
