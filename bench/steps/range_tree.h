// Sums the ranges of a training step (engine/range_recorder.h) by kernel and by kind of layer.
#pragma once

#include <string>
#include <vector>

#include "engine/range_recorder.h"

namespace sec {

// The path of every node of the tree: names from the outermost range inward, separated by '/'.
std::vector<std::string> paths_of(const std::vector<RangeNode>& tree);

struct NamedTime {
  std::string name;
  double seconds = 0;
  long calls = 0;
};

// Kernels are the outermost ranges with a dot in their name, such as conv.dgrad.
// Where there are none, the innermost ranges count, such as relu.
// If a kernel calls another, as linear.forward calls conv.forward, the time counts for the caller.
// The tree is one of operations. Sorted longest first; the sum does not exceed the elapsed time.
std::vector<NamedTime> sum_by_kernel(const std::vector<RangeNode>& tree);
// The same sums by kind of layer, which is the kernel's name up to its first dot: "conv" for conv.dgrad.
std::vector<NamedTime> sum_by_layer(const std::vector<RangeNode>& tree);

}  // namespace sec
