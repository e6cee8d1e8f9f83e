#include "tools/sectrain/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <span>

#include "io/files/json.h"

namespace sec::tools {
namespace {

constexpr double least_share = 0.005;  // ranges with a smaller share of the time are not listed

std::string line(int depth, const std::string& name, const std::string& calls, double seconds, double total) {
  return fmt::format("{:<64}{:>10}{:>12.2f}{:>8.2f}\n",
                     std::string(2 * static_cast<std::size_t>(depth), ' ') + name, calls, 1e3 * seconds,
                     100 * seconds / total);
}

// Appends the lines of the ranges at `depth` that begin the list `tree`, and of those within them.
// `seconds` is the time of the enclosing range.
void add_lines(std::span<const RangeNode> tree, int depth, double seconds, double total, std::string& text) {
  const double limit = least_share * total;
  double rest = seconds;
  double small = 0;
  long small_count = 0;
  for (std::size_t i = 0; i < tree.size();) {
    const RangeNode& node = tree[i];
    const auto next = std::find_if(tree.begin() + static_cast<std::ptrdiff_t>(i) + 1, tree.end(),
                                   [&](const RangeNode& other) { return other.depth <= depth; });
    const auto end = static_cast<std::size_t>(next - tree.begin());
    rest -= node.seconds;
    if (node.seconds < limit) {
      small += node.seconds;
      ++small_count;
    } else {
      text += line(depth, node.name.text(), fmt::format("{}", node.calls), node.seconds, total);
      add_lines(tree.subspan(i + 1, end - i - 1), depth + 1, node.seconds, total, text);
    }
    i = end;
  }
  if (small_count > 0) {
    text += line(depth, fmt::format("({} smaller)", small_count), "", small, total);
  }
  if (!tree.empty() && (rest >= limit || depth == 0)) {
    text += line(depth, "(other)", "", rest, total);
  }
}

}  // namespace

void TrainingProfile::begin(bool trace) {
  traced_ = trace;
  start_device_profilers(stream_);
  recorder_.emplace(stream_, RangeRecorder::Nodes::layers, trace);
  running_ = true;
}

void TrainingProfile::end() {
  if (running_) {
    recorder_->stop();
    stop_device_profilers(stream_);
    running_ = false;
  }
}

std::string TrainingProfile::text(std::int64_t steps) const {
  if (!recorder_) {
    return "profile: nothing was recorded: the first step is left out, and no other followed\n";
  }
  std::string text =
      fmt::format("profile of {} steps, {:.3f} s{}\n{:<64}{:>10}{:>12}{:>8}\n", steps, recorder_->seconds(),
                  stream_.device == Device::cuda ? ", times of the GPU" : "", "range", "calls", "ms", "%");
  add_lines(recorder_->tree(), 0, recorder_->seconds(), recorder_->seconds(), text);
  return text;
}

std::string TrainingProfile::trace() const {
  // All ranges are of one thread, so their begins and ends in the order of time are properly nested.
  std::string events;
  const auto add = [&](const char* phase, const RecordedRange& range, double seconds) {
    io::Json event = {{"ph", phase}, {"ts", 1e6 * seconds}, {"pid", 1}, {"tid", 1}};
    event["name"] = range.name.text();
    event["cat"] = range.name.operation;
    events += (events.empty() ? "" : ",\n") + event.dump();
  };
  std::vector<const RecordedRange*> open;
  const auto end_from = [&](int depth) {
    for (; !open.empty() && open.back()->depth >= depth; open.pop_back()) {
      add("E", *open.back(), open.back()->end);
    }
  };
  for (const RecordedRange& range : recorder_->ranges()) {
    end_from(range.depth);
    add("B", range, range.begin);
    open.push_back(&range);
  }
  end_from(0);
  return fmt::format("{{\"displayTimeUnit\": \"ms\", \"traceEvents\": [\n{}\n]}}\n", events);
}

}  // namespace sec::tools
