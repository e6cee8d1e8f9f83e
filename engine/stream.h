// Streams with a life of their own, events on them, and recorded steps: on every device under one interface.
// On hosts work is done when a call returns, so a stream has no state, an event is a time, and a replay calls
// the recorded function again, refusing what cuda would refuse to record.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "engine/device.h"

namespace sec {

// A queue of its own; destroyed with the object, after its work. Work on two cuda streams runs side by side
// unless an event orders it, and memory that one releases is handed to the other at once: so order them
// before they share tensors.
class OwnedStream {
 public:
  explicit OwnedStream(Device device);  // throws Error if the device is not available here
  ~OwnedStream();
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;

  operator Stream&() { return stream_; }  // NOLINT(google-explicit-constructor)
  Stream& get() { return stream_; }

 private:
  Stream stream_;
};

// Waits until all work on the stream is done. Throws Error if some of it failed.
void synchronize(Stream& stream);

// A point in a stream's work.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(Stream& stream);        // the point after all work enqueued so far
  void order_before(Stream& stream);  // work enqueued on `stream` from now on waits for that point
  // Between two recorded points; waits for the later.
  static double seconds_between(const Event& begin, const Event& end);

 private:
  Device device_;
  void* native_ = nullptr;  // on cuda
  double time_ = 0;         // seconds, on hosts
};

// A recorded step. Its memory stays reserved as long as it lives.
class Graph {
 public:
  Graph() = default;
  Graph(Graph&& other) noexcept { *this = std::move(other); }
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  // Runs the step once more, in stream order, with the arguments and addresses that were recorded. Throws
  // Error if nothing was recorded, and on a stream of another device.
  void replay(Stream& stream);

 private:
  friend Graph capture(Stream& stream, std::function<void()> step);
  void reset();
  void replay_on_host();

  Device device_ = Device::cpu;
  std::function<void()> step_;  // on hosts
  void* native_ = nullptr;      // on cuda
  int memory_plan_ = 0;
};

// Records what `step` enqueues on the stream, without running it. On cuda and simt the step must be one whose memory
// the arena has: run it once before. (On simt this is checked at the first replay.) Kernel arguments are recorded by value: what changes from step to step
// must be read from device memory. Throws Error, naming the culprit, for what a CUDA graph cannot hold:
// copies from and to the host, allocations the arena cannot serve from its cache, waiting for the stream.
Graph capture(Stream& stream, std::function<void()> step);

namespace detail {
bool replaying_on_host();  // whether the calling thread is within a replay on cpu or simt
}

}  // namespace sec
