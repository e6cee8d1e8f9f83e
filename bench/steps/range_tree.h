// Where the time of a step goes: a listener that keeps the ranges of engine/ranges.h as the tree in which
// they nest, for the thread that starts it. What other threads run is inside a range of this one, which waits
// for it.
#pragma once

#include <string>
#include <vector>

#include "engine/device.h"

namespace sec {

struct RangeNode {
  std::string path;    // names from the outermost on, separated by '/'
  double seconds = 0;  // from begin to end
  double own = 0;      // of these, outside of nested ranges
  long calls = 0;
};

// One tree at a time. At the beginning and the end of every range the stream is waited for, which must
// outlive the tree: what a range enqueues is done within it.
void start_range_tree(Stream& stream);
std::vector<RangeNode> stop_range_tree();  // parents before children, in the order of their first call

struct NamedTime {
  std::string name;
  double seconds = 0;
  long calls = 0;
};

// Kernels are the outermost ranges whose names have a dot, as conv.dgrad, and outside of these the ranges
// that no other is inside of, as relu. A kernel may call others, as linear.forward calls conv.forward: that
// time is its own. Longest first; the sum is no more than the time that passed.
std::vector<NamedTime> sum_by_kernel(const std::vector<RangeNode>& tree);
// The same by kind of layer, which is the kernel's name up to its first dot: conv.dgrad counts to conv.
std::vector<NamedTime> sum_by_layer(const std::vector<RangeNode>& tree);

}  // namespace sec
