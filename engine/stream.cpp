#include "engine/stream.h"

#include <chrono>

#include "engine/cuda/backend.h"
#include "engine/error.h"
#include "engine/memory.h"
#include "engine/pinned.h"
#include "engine/ranges.h"

namespace sec {
namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

thread_local bool replaying = false;

}  // namespace

bool detail::replaying_on_host() {
  return replaying;
}

OwnedStream::OwnedStream(Device device) : stream_{device, nullptr} {
  const std::string reason = why_unavailable(device);
  require(reason.empty(), "device {}: {}", name_of(device), reason);
  if (device == Device::cuda) {
    stream_.native = cuda::create_stream();
    detail::lock_new_pinned_memory();
  }
}

OwnedStream::~OwnedStream() {
  if (stream_.native != nullptr) {
    cuda::destroy_stream(stream_.native);
  }
}

void synchronize(Stream& stream) {
  const bool on_cuda = stream.device == Device::cuda;
  require(!(on_cuda ? cuda::is_capturing(stream.native) : replaying),
          "capture: the step waits for its own stream");
  if (on_cuda) {
    cuda::synchronize(stream.native);
  }
}

Event::Event(Device device) : device_(device) {
  if (device == Device::cuda) {
    native_ = cuda::create_event();
  }
}

Event::~Event() {
  if (native_ != nullptr) {
    cuda::destroy_event(native_);
  }
}

void Event::record(Stream& stream) {
  require(stream.device == device_, "event: an event of {} cannot be recorded on a stream of {}",
          name_of(device_), name_of(stream.device));
  if (device_ == Device::cuda) {
    cuda::record(native_, stream.native);
  } else {
    time_ = now();
  }
}

void Event::order_before(Stream& stream) {
  if (device_ == Device::cuda && stream.device == Device::cuda) {
    cuda::wait(stream.native, native_);
  }
}

double Event::seconds_between(const Event& begin, const Event& end) {
  require(begin.device_ == end.device_, "event: no time between an event of {} and an event of {}",
          name_of(begin.device_), name_of(end.device_));
  return begin.device_ == Device::cuda ? double{cuda::milliseconds_between(begin.native_, end.native_)} * 1e-3
                                       : end.time_ - begin.time_;
}

Graph& Graph::operator=(Graph&& other) noexcept {
  if (this != &other) {
    reset();
    device_ = other.device_;
    step_ = std::exchange(other.step_, nullptr);
    native_ = std::exchange(other.native_, nullptr);
    memory_plan_ = std::exchange(other.memory_plan_, 0);
  }
  return *this;
}

Graph::~Graph() {
  reset();
}

void Graph::reset() {
  if (native_ != nullptr) {
    cuda::destroy_graph(native_);
  }
  if (memory_plan_ != 0) {
    detail::release_memory_plan(device_, memory_plan_);
  }
}

void Graph::replay(Stream& stream) {
  require(native_ != nullptr || step_ != nullptr, "replay: nothing was captured");
  require(stream.device == device_, "replay: a step captured on {} cannot run on a stream of {}",
          name_of(device_), name_of(stream.device));
  if (native_ != nullptr) {
    const Range range("graph");  // the ranges of the captured step are seen only when it is captured
    cuda::replay(native_, stream.native);
    return;
  }
  replay_on_host();
}

// On simt the step runs under the memory plan that a capture on cuda would make, so that a step which could not be
// captured there fails here, too: its first replay stands for the capture.
void Graph::replay_on_host() {
  const bool planned = device_ == Device::simt;
  if (planned && memory_plan_ == 0) {
    memory_plan_ = detail::begin_memory_plan(device_);
  } else if (planned) {
    detail::resume_memory_plan(device_, memory_plan_);
  }
  const auto end = [&] {
    replaying = false;
    if (planned) {
      detail::end_memory_plan(device_);
    }
  };
  replaying = true;
  try {
    step_();
  } catch (...) {
    end();
    throw;
  }
  end();
}

Graph capture(Stream& stream, std::function<void()> step) {
  Graph graph;
  graph.device_ = stream.device;
  if (stream.device != Device::cuda) {
    graph.step_ = std::move(step);
    return graph;
  }
  graph.memory_plan_ = detail::begin_memory_plan(Device::cuda);
  try {
    cuda::begin_capture(stream.native);
    try {
      step();
    } catch (...) {
      cuda::cancel_capture(stream.native);
      throw;
    }
    graph.native_ = cuda::end_capture(stream.native);
  } catch (...) {
    detail::end_memory_plan(Device::cuda);
    throw;
  }
  detail::end_memory_plan(Device::cuda);
  return graph;
}

}  // namespace sec
