// Shows where a training step spends its time. A listener keeps the ranges of engine/ranges.h as a tree.
// Ranges are nested as they are in the thread that starts the tree.
// Work of other threads counts towards the range in which this thread waits for them.
#pragma once

#include <string>
#include <vector>

#include "engine/device.h"

namespace sec {

struct RangeNode {
  std::string path;    // names from the outermost range inward, separated by '/'
  double seconds = 0;  // inclusive time
  double own = 0;      // exclusive time: without nested ranges
  long calls = 0;
};

// Only one tree can exist at a time. The stream must outlive the tree.
// The stream is synchronized at both ends of every range, so that a range includes the work it enqueues.
void start_range_tree(Stream& stream);
std::vector<RangeNode> stop_range_tree();  // parents before children, in order of first call

struct NamedTime {
  std::string name;
  double seconds = 0;
  long calls = 0;
};

// Kernels are the outermost ranges with a dot in their name, such as conv.dgrad.
// Where there are none, the innermost ranges count, such as relu.
// If a kernel calls another, as linear.forward calls conv.forward, the time counts for the caller.
// Sorted longest first; the sum does not exceed the elapsed time.
std::vector<NamedTime> sum_by_kernel(const std::vector<RangeNode>& tree);
// The same sums by kind of layer, which is the kernel's name up to its first dot: "conv" for conv.dgrad.
std::vector<NamedTime> sum_by_layer(const std::vector<RangeNode>& tree);

}  // namespace sec
