// Records how long ranges take, summed as a tree and, on request, one by one for a trace.
// Times are those of the device. On cuda an event is queued at both ends of every range, and the events are read
// when the outermost range ends: the host waits there, and nowhere within. Ranges within a capture are left out,
// as they enqueue nothing that runs.
#pragma once

#include <chrono>
#include <memory>
#include <thread>

#include "engine/ranges.h"
#include "engine/stream.h"

namespace sec {

// A range with its place in the tree: what nested ranges are called in turn, the sum of all calls.
struct RangeNode {
  RangeName name;
  int depth = 0;       // 0: an outermost range
  double seconds = 0;  // inclusive time
  double own = 0;      // exclusive time: without nested ranges
  long calls = 0;
};

// One call of a range.
struct RecordedRange {
  RangeName name;
  int depth = 0;
  double begin = 0, end = 0;  // seconds since the recorder started
};

class RangeRecorder : public RangeListener {
 public:
  // What the nodes of the tree are: operations, whose layers are summed, or each layer of the network.
  enum class Nodes { operations, layers };

  // Starts. Records the ranges of the calling thread, and passes all ranges on to the previous listener.
  // The stream must outlive the recorder. Only one recorder can exist at a time.
  RangeRecorder(Stream& stream, Nodes nodes, bool keep_ranges = false);
  ~RangeRecorder() override;
  RangeRecorder(const RangeRecorder&) = delete;
  RangeRecorder& operator=(const RangeRecorder&) = delete;

  // Ends the recording. Ranges that are open then are left out.
  void stop();

  std::vector<RangeNode> tree() const;  // parents before children, siblings in the order of their first call
  const std::vector<RecordedRange>& ranges() const { return ranges_; }  // in the order in which they began
  double seconds() const { return seconds_; }                           // from the start until stop()

  void begin(const RangeName& name) override;
  void end() override;

 private:
  using Clock = std::chrono::steady_clock;
  struct Node {
    RangeNode node;
    std::vector<std::size_t> children;
  };
  // A range of the current outermost range. Its two events are in events_.
  struct Pending {
    RangeName name;
    int depth;
    std::size_t begin, end;
  };

  double now() const { return std::chrono::duration<double>(Clock::now() - started_).count(); }
  std::size_t mark();
  void fail(std::size_t open_ranges);
  void add_pending();
  std::size_t child_of(std::size_t parent, const RangeName& name);
  void list(std::size_t from, std::vector<RangeNode>& to) const;

  Stream& stream_;
  const Nodes nodes_;
  const bool keep_ranges_;
  const std::thread::id thread_;
  const Clock::time_point started_;
  RangeListener* previous_ = nullptr;
  bool listening_ = true;
  bool failed_ = false;   // the device reported an error: nothing more is recorded
  int left_out_ = 0;      // number of open ranges that are left out
  double outermost_ = 0;  // when the current outermost range began
  double seconds_ = 0;
  std::vector<std::unique_ptr<Event>> events_;
  std::size_t used_events_ = 0;
  std::vector<Pending> pending_;
  std::vector<std::size_t> open_;                  // indices into pending_
  std::vector<Node> tree_ = std::vector<Node>(1);  // tree_[0] is the root, which is not a range
  std::vector<RecordedRange> ranges_;
};

// Tells NVIDIA's profilers that the part to be profiled begins or ends, for `nsys --capture-range=cudaProfilerApi`
// and `ncu --profile-from-start off`. Does nothing on other devices.
void start_device_profilers(const Stream& stream);
void stop_device_profilers(const Stream& stream);

}  // namespace sec
