#include "engine/ranges.h"

#include <algorithm>

namespace sec {
namespace {

thread_local std::vector<RangeName> open;

}  // namespace

namespace detail {

std::atomic<RangeListener*> range_listener = nullptr;

void begin_range(RangeListener& listener, RangeName name) {
  open.push_back(std::move(name));
  listener.begin(open.back());
}

void end_range(RangeListener& listener) {
  listener.end();
  open.pop_back();
}

}  // namespace detail

RangeListener* listen_to_ranges(RangeListener* listener) {
  return detail::range_listener.exchange(listener);
}

std::vector<RangeName> open_ranges() {
  return open;
}

RangePath::~RangePath() {
  close(0);
}

void RangePath::close(std::size_t depth) {
  for (; open_.size() > depth; open_.pop_back()) {
    detail::end_range(*open_.back().listener);
  }
}

void RangePath::move_to(const std::vector<RangeName>& path) {
  RangeListener* const listener = detail::range_listener.load();
  std::size_t common = 0;
  while (common < std::min(path.size(), open_.size()) && path[common] == open_[common].name) {
    ++common;
  }
  close(common);
  for (std::size_t i = common; i < path.size() && listener != nullptr; ++i) {
    detail::begin_range(*listener, path[i]);
    open_.push_back({path[i], listener});
  }
}

}  // namespace sec
