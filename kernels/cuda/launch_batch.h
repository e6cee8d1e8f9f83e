// Operations that are alike in one launch: their operands by value, blockIdx.z for which of them.
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

// run(key, stretch) for stretches of the group that are of one key, as many as a launch takes:
// most_of(key).
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

// The same for max_problems of any key, and run(stretch).
template <typename Problem, typename KeyOf, typename Run>
void for_each_launch(std::span<const Problem> group, const KeyOf& key_of, const Run& run) {
  for_each_launch(
      group, key_of, [](const auto&) { return max_problems; },
      [&](const auto&, std::span<const Problem> stretch) { run(stretch); });
}

}  // namespace sec::kernels::SEC_BACKEND
