#include "train/holter/clock.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <cstdio>

namespace sec::train {

Clock::Clock(const std::string& start) {
  int hours = 0, minutes = 0, read = 0;
  double seconds = 0;
  if (std::sscanf(start.c_str(), "%2d:%2d:%lf%n", &hours, &minutes, &seconds, &read) == 3 &&
      static_cast<std::size_t>(read) == start.size() && hours >= 0 && hours < 24 && minutes >= 0 &&
      minutes < 60 && seconds >= 0 && seconds < 60) {
    start_ = hours * 3600 + minutes * 60 + seconds;
  }
}

std::string Clock::time_of(double seconds, bool with_seconds) const {
  auto all = static_cast<std::int64_t>(std::floor(seconds + start() + 1e-6));
  std::string day;
  if (start_ && all >= 86400) {
    day = fmt::format(" +{} d", all / 86400);
    all %= 86400;
  }
  return with_seconds ? fmt::format("{}:{:02}:{:02}{}", all / 3600, all / 60 % 60, all % 60, day)
                      : fmt::format("{}:{:02}{}", all / 3600, all / 60 % 60, day);
}

std::string Clock::text(double seconds) const {
  return time_of(seconds, true);
}

std::string Clock::minutes(double seconds) const {
  return time_of(seconds, false);
}

}  // namespace sec::train
