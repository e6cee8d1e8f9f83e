#include "engine/range_recorder.h"

#include "engine/cuda/backend.h"
#include "engine/error.h"

namespace sec {

RangeRecorder::RangeRecorder(Stream& stream, Nodes nodes, bool keep_ranges)
    : stream_(stream),
      nodes_(nodes),
      keep_ranges_(keep_ranges),
      thread_(std::this_thread::get_id()),
      started_(Clock::now()) {
  previous_ = listen_to_ranges(this);
}

RangeRecorder::~RangeRecorder() {
  stop();
}

void RangeRecorder::stop() {
  if (listening_) {
    seconds_ = now();
    listen_to_ranges(previous_);
    listening_ = false;
  }
}

// Queues the next event and returns its index. Events are reused by every outermost range.
std::size_t RangeRecorder::mark() {
  if (used_events_ == events_.size()) {
    events_.push_back(std::make_unique<Event>(stream_.device));
  }
  events_[used_events_]->record(stream_);
  return used_events_++;
}

void RangeRecorder::begin(const RangeName& name) {
  if (previous_ != nullptr) {
    previous_->begin(name);
  }
  if (std::this_thread::get_id() != thread_) {
    return;
  }
  const bool captured = stream_.device == Device::cuda && cuda::is_capturing(stream_.native);
  if (!listening_ || failed_ || left_out_ > 0 || captured) {
    ++left_out_;
    return;
  }
  try {
    if (open_.empty()) {
      outermost_ = now();
    }
    const std::size_t event = mark();
    pending_.push_back({name, static_cast<int>(open_.size()), event, event});
    open_.push_back(pending_.size() - 1);
  } catch (const Error&) {
    fail(open_.size() + 1);
  }
}

// The device reported an error. The work that caused it reports it, too, so the recorder only gives up.
void RangeRecorder::fail(std::size_t open_ranges) {
  failed_ = true;
  left_out_ = static_cast<int>(open_ranges);
  open_.clear();
  pending_.clear();
}

void RangeRecorder::end() {
  if (previous_ != nullptr) {
    previous_->end();
  }
  if (std::this_thread::get_id() != thread_) {
    return;
  }
  if (left_out_ > 0) {
    --left_out_;
    return;
  }
  if (open_.empty()) {
    return;
  }
  try {
    pending_[open_.back()].end = mark();
    open_.pop_back();
    if (open_.empty()) {
      add_pending();
    }
  } catch (const Error&) {
    fail(open_.empty() ? 0 : open_.size() - 1);
  }
}

std::size_t RangeRecorder::child_of(std::size_t parent, const RangeName& name) {
  for (const std::size_t child : tree_[parent].children) {
    if (tree_[child].node.name == name) {
      return child;
    }
  }
  const std::size_t made = tree_.size();
  tree_.push_back({{name, tree_[parent].node.depth + (parent == 0 ? 0 : 1)}, {}});
  tree_[parent].children.push_back(made);
  return made;
}

// Adds the current outermost range and those within it to the tree. On cuda this waits for the last event.
void RangeRecorder::add_pending() {
  std::vector<std::size_t> path{0};  // the nodes of the ranges that enclose the next one
  const auto time = [&](std::size_t event) { return Event::seconds_between(*events_[0], *events_[event]); };
  for (const Pending& range : pending_) {
    const double begin = time(range.begin);
    const double end = time(range.end);
    path.resize(static_cast<std::size_t>(range.depth) + 1);
    const RangeName key = nodes_ == Nodes::layers ? range.name : RangeName{range.name.operation, {}};
    const std::size_t found = child_of(path.back(), key);
    RangeNode& node = tree_[found].node;
    node.seconds += end - begin;
    node.own += end - begin;
    ++node.calls;
    tree_[path.back()].node.own -= end - begin;
    path.push_back(found);
    if (keep_ranges_) {
      ranges_.push_back({range.name, range.depth, outermost_ + begin, outermost_ + end});
    }
  }
  pending_.clear();
  used_events_ = 0;
}

void RangeRecorder::list(std::size_t from, std::vector<RangeNode>& to) const {
  for (const std::size_t child : tree_[from].children) {
    to.push_back(tree_[child].node);
    list(child, to);
  }
}

std::vector<RangeNode> RangeRecorder::tree() const {
  std::vector<RangeNode> all;
  list(0, all);
  return all;
}

void start_device_profilers(const Stream& stream) {
  if (stream.device == Device::cuda) {
    cuda::start_profilers();
  }
}

void stop_device_profilers(const Stream& stream) {
  if (stream.device == Device::cuda) {
    cuda::stop_profilers();
  }
}

}  // namespace sec
