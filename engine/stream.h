// Streams, events and captured steps, with one interface for all devices.
// The host devices cpu and simt finish all work before a call returns.
// There a stream has no state, an event is a point in time, and a replay calls the captured function again.
// Host replays reject the operations that CUDA cannot capture, so that tests find them without a GPU.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "engine/device.h"

namespace sec {

// Creates a stream, and destroys it when its queued work is done.
// Work on two cuda streams runs concurrently unless an event orders it.
// Streams that share tensors must be ordered by events,
// because the arena may hand memory that one stream released to the other at once.
class OwnedStream {
 public:
  explicit OwnedStream(Device device);  // throws Error if the device is unavailable
  ~OwnedStream();
  OwnedStream(const OwnedStream&) = delete;
  OwnedStream& operator=(const OwnedStream&) = delete;

  operator Stream&() { return stream_; }  // NOLINT(google-explicit-constructor)
  Stream& get() { return stream_; }

 private:
  Stream stream_;
};

// Waits until all work on the stream is done. Throws Error if a kernel or copy failed.
void synchronize(Stream& stream);

// Marks a point in the work of a stream.
class Event {
 public:
  explicit Event(Device device);
  ~Event();
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;

  void record(Stream& stream);        // marks the point after all work queued so far
  void order_before(Stream& stream);  // work queued on `stream` from now on waits for that point
  // The time between two recorded points. Waits until the later point is reached.
  static double seconds_between(const Event& begin, const Event& end);

 private:
  Device device_;
  void* native_ = nullptr;  // on cuda
  double time_ = 0;         // time in seconds on the host devices
};

// A captured step. The memory that the step uses stays reserved during the lifetime of the Graph.
class Graph {
 public:
  Graph() = default;
  Graph(Graph&& other) noexcept { *this = std::move(other); }
  Graph& operator=(Graph&& other) noexcept;
  ~Graph();

  // Runs the step again, in stream order, with the captured kernel arguments and addresses.
  // Throws Error if nothing was captured or if the stream belongs to another device.
  void replay(Stream& stream);

 private:
  friend Graph capture(Stream& stream, std::function<void()> step);
  void reset();
  void replay_on_host();

  Device device_ = Device::cpu;
  std::function<void()> step_;  // the captured function, on host devices
  void* native_ = nullptr;      // on cuda
  int memory_plan_ = 0;
};

// Captures the work that `step` queues on the stream, without running it.
// On cuda and simt the arena must hold enough cached memory for the step, so run the step once before
// capturing it. On simt this is checked at the first replay, which stands for the capture.
// Kernel arguments are captured by value. Values that change between replays must be read from device memory.
// Throws Error, naming the operation, for operations that a CUDA graph cannot hold:
// host copies, allocations that the arena cannot serve from its cache, and waiting for the stream.
Graph capture(Stream& stream, std::function<void()> step);

namespace detail {
bool replaying_on_host();  // whether the calling thread is inside a replay on cpu or simt
}

}  // namespace sec
