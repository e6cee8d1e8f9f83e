#include "engine/ranges.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

namespace sec {

namespace detail {
std::atomic<const RangeListener*> range_listener = nullptr;
}

void listen_to_ranges(const RangeListener* listener) {
  detail::range_listener.store(listener, std::memory_order_release);
}

namespace {

using Clock = std::chrono::steady_clock;

struct Totals {
  std::mutex mutex;
  std::map<std::string, RangeTime> by_name;
};

Totals& totals() {
  static Totals instance;
  return instance;
}

thread_local std::vector<Clock::time_point> open_ranges;

void begin_timed(const char*) {
  open_ranges.push_back(Clock::now());
}

void end_timed(const char* name) {
  if (open_ranges.empty()) {
    return;  // the range began before the timer did
  }
  const double seconds = std::chrono::duration<double>(Clock::now() - open_ranges.back()).count();
  open_ranges.pop_back();
  const std::lock_guard lock(totals().mutex);
  RangeTime& total = totals().by_name[name];
  total.seconds += seconds;
  ++total.count;
}

constexpr RangeListener timer{begin_timed, end_timed};

}  // namespace

void start_range_timer() {
  {
    const std::lock_guard lock(totals().mutex);
    totals().by_name.clear();
  }
  listen_to_ranges(&timer);
}

std::vector<RangeTime> stop_range_timer() {
  listen_to_ranges(nullptr);
  const std::lock_guard lock(totals().mutex);
  std::vector<RangeTime> times;
  for (const auto& [name, total] : totals().by_name) {
    times.push_back(total);
    times.back().name = name;
  }
  std::ranges::sort(times, [](const RangeTime& a, const RangeTime& b) { return a.seconds > b.seconds; });
  return times;
}

}  // namespace sec
