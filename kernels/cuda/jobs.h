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

// run(stretch) for stretches of the group that are of one kind, as many as a launch takes.
template <typename Job, typename KindOf, typename Run>
void each_launch(std::span<const Job> group, const KindOf& kind_of, const Run& run) {
  while (!group.empty()) {
    const auto kind = kind_of(group.front());
    std::size_t count = 1;
    while (count < group.size() && count < max_jobs && kind_of(group[count]) == kind) {
      ++count;
    }
    run(group.first(count));
    group = group.subspan(count);
  }
}

}  // namespace sec::kernels::SEC_BACKEND
