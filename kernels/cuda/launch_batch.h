// Several problems in one kernel launch. Operands are passed by value, and blockIdx.z selects the problem.
#pragma once

#include <span>

#include "engine/launch.h"

namespace sec::kernels::SEC_BACKEND {

constexpr int max_problems = 8;

template <typename Problem>
struct LaunchBatch {
  Problem problem[max_problems];
  int problems = 0;
  void add(const Problem& one) { problem[problems++] = one; }
};

// The largest extent(problem) of a batch, 0 for an empty batch. Grids are made for the largest problem;
// the blocks that a smaller problem does not need return at once.
template <typename Batch, typename Extent>
std::int64_t largest(const Batch& batch, const Extent& extent) {
  std::int64_t result = 0;
  for (int j = 0; j < batch.problems; ++j) {
    const std::int64_t value = extent(batch.problem[j]);
    result = value > result ? value : result;
  }
  return result;
}

// Calls run(key, problems) for consecutive problems with equal keys, at most most_of(key) problems per call.
template <typename Problem, typename KeyOf, typename MostOf, typename Run>
void for_each_launch(std::span<const Problem> group, const KeyOf& key_of, const MostOf& most_of,
                     const Run& run) {
  while (!group.empty()) {
    const auto key = key_of(group.front());
    const auto most = static_cast<std::size_t>(most_of(key));
    std::size_t count = 1;
    while (count < group.size() && count < most && key_of(group[count]) == key) {
      ++count;
    }
    run(key, group.first(count));
    group = group.subspan(count);
  }
}

// Calls run(problems) for consecutive problems with equal keys, at most max_problems per call.
template <typename Problem, typename KeyOf, typename Run>
void for_each_launch(std::span<const Problem> group, const KeyOf& key_of, const Run& run) {
  for_each_launch(
      group, key_of, [](const auto&) { return max_problems; },
      [&](const auto&, std::span<const Problem> problems) { run(problems); });
}

}  // namespace sec::kernels::SEC_BACKEND
