// Operations that are alike in one launch: their operands by value, blockIdx.z for which of them.
#pragma once

#include <span>

#include "engine/launch.h"

namespace sec::kernels::SEC_BACKEND {

constexpr int max_jobs = 8;

template <typename Job>
struct Jobs {
  Job job[max_jobs];
  int jobs = 0;
  void add(const Job& one) { job[jobs++] = one; }
};

// run(kind, stretch) for stretches of the group that are of one kind, as many as a launch takes:
// most_of(kind).
template <typename Job, typename KindOf, typename MostOf, typename Run>
void each_launch(std::span<const Job> group, const KindOf& kind_of, const MostOf& most_of, const Run& run) {
  while (!group.empty()) {
    const auto kind = kind_of(group.front());
    const auto most = static_cast<std::size_t>(most_of(kind));
    std::size_t count = 1;
    while (count < group.size() && count < most && kind_of(group[count]) == kind) {
      ++count;
    }
    run(kind, group.first(count));
    group = group.subspan(count);
  }
}

// The same for max_jobs of any kind, and run(stretch).
template <typename Job, typename KindOf, typename Run>
void each_launch(std::span<const Job> group, const KindOf& kind_of, const Run& run) {
  each_launch(
      group, kind_of, [](const auto&) { return max_jobs; },
      [&](const auto&, std::span<const Job> stretch) { run(stretch); });
}

}  // namespace sec::kernels::SEC_BACKEND
