// Named time ranges for profilers. Without a listener a range costs one load of a null pointer.
// The cuda device forwards ranges to NVTX. engine/range_recorder.h records their times.
#pragma once

#include <atomic>
#include <concepts>
#include <string>
#include <string_view>
#include <vector>

namespace sec {

// What a range is about. `operation` is a string literal, such as "conv", or the name of a kernel.
// `layer` is the layer's name in the network, such as "block1.0.conv1"; empty if the range has none.
struct RangeName {
  const char* operation = "";
  std::string layer;

  const char* text() const { return layer.empty() ? operation : layer.c_str(); }
  bool operator==(const RangeName& other) const {
    return layer == other.layer && std::string_view(operation) == other.operation;
  }
};

// Receives the begin and the end of every range, on the range's thread.
class RangeListener {
 public:
  virtual ~RangeListener() = default;
  virtual void begin(const RangeName& name) = 0;
  virtual void end() = 0;  // ends the range that this thread began last
};

// Installs a listener, which must outlive every range, and returns the previous one. Null removes the listener.
RangeListener* listen_to_ranges(RangeListener* listener);

// The open ranges of this thread that a listener was told of, outermost first.
std::vector<RangeName> open_ranges();

namespace detail {
extern std::atomic<RangeListener*> range_listener;
void begin_range(RangeListener& listener, RangeName name);
void end_range(RangeListener& listener);
}  // namespace detail

inline bool listening_to_ranges() {
  return detail::range_listener.load(std::memory_order_acquire) != nullptr;
}

class Range {
 public:
  explicit Range(const char* operation) : listener_(listener()) {
    if (listener_ != nullptr) {
      detail::begin_range(*listener_, {operation, {}});
    }
  }
  Range(const char* operation, const std::string& layer) : listener_(listener()) {
    if (listener_ != nullptr) {
      detail::begin_range(*listener_, {operation, layer});
    }
  }
  // `layer` is a function that returns the layer's name. It is called only if there is a listener.
  template <std::invocable Layer>
  Range(const char* operation, const Layer& layer) : listener_(listener()) {
    if (listener_ != nullptr) {
      detail::begin_range(*listener_, {operation, layer()});
    }
  }
  ~Range() {
    if (listener_ != nullptr) {
      detail::end_range(*listener_);
    }
  }
  Range(const Range&) = delete;
  Range& operator=(const Range&) = delete;

 private:
  static RangeListener* listener() { return detail::range_listener.load(std::memory_order_acquire); }

  RangeListener* listener_;
};

// Opens the ranges that were open elsewhere, so that two parts of a program show the same structure.
class RangePath {
 public:
  // Closes and opens ranges until exactly those of `path`, outermost first, are open.
  void move_to(const std::vector<RangeName>& path);
  RangePath() = default;
  ~RangePath();
  RangePath(const RangePath&) = delete;
  RangePath& operator=(const RangePath&) = delete;

 private:
  struct Open {
    RangeName name;
    RangeListener* listener;
  };
  void close(std::size_t depth);
  std::vector<Open> open_;
};

}  // namespace sec
