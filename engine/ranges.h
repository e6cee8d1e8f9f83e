// Named ranges around what the program does, for profilers: a range costs one load of a null pointer when
// nobody listens. The cuda device forwards them to NVTX; `--profile` sums their times.
#pragma once

#include <atomic>
#include <string>
#include <vector>

namespace sec {

// Receives the beginning and the end of every range, on the thread that runs it. Names are string literals.
struct RangeListener {
  void (*begin)(const char* name);
  void (*end)(const char* name);
};

namespace detail {
extern std::atomic<const RangeListener*> range_listener;
}

// Null removes the listener. `listener` must outlive every range.
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

// A listener that sums the time between begin and end by name, nested ranges included in their parents.
struct RangeTime {
  std::string name;
  double seconds = 0;
  long count = 0;
};
void start_range_timer();
std::vector<RangeTime> stop_range_timer();  // longest first

}  // namespace sec
