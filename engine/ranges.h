// Named time ranges for profilers. Without a listener a range costs one load of a null pointer.
// The cuda device forwards ranges to NVTX. The option --profile sums their times.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace sec {

// Callbacks for the begin and the end of every range, called on the range's thread with a string literal.
struct RangeListener {
  void (*begin)(const char* name);
  void (*end)(const char* name);
};

namespace detail {
extern std::atomic<const RangeListener*> range_listener;
}

// Installs a listener, which must outlive every range. Null removes the listener.
void listen_to_ranges(const RangeListener* listener);

class Range {
 public:
  explicit Range(const char* name)
      : name_(name), listener_(detail::range_listener.load(std::memory_order_relaxed)) {
    if (listener_ != nullptr) {
      listener_->begin(name_);
    }
  }
  ~Range() {
    if (listener_ != nullptr) {
      listener_->end(name_);
    }
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  const char* name_;
  const RangeListener* listener_;
};

// The timer sums the duration of ranges by name. A range's time includes the ranges nested in it.
struct RangeTime {
  std::string name;
  double seconds = 0;
  long count = 0;
};
void start_range_timer();
std::vector<RangeTime> stop_range_timer();  // longest first

}  // namespace sec
