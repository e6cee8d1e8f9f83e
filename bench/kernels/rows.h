// What every row of the bench says beside its time, for all devices alike: GFLOP/s, GB/s, how many percent of
// the ceiling that binds it, and as its label which one that is: "fma" or "copy".
//
// Rows are named operation/shape/pass/type/who, and on cpu /tN, the number of threads. `who` is ours, a
// library, or a version of ours by its number; bench/report/kernel_rows.py makes tables of them.
#pragma once

#include <benchmark/benchmark.h>

#include "bench/ceilings/ceilings.h"

namespace sec {

inline void set_row(benchmark::State& state, const Floor& floor, const Ceiling& ceiling) {
  using benchmark::Counter;
  if (floor.operations > 0) {
    state.counters["GFLOP/s"] = Counter(1e-9 * floor.operations, Counter::kIsIterationInvariantRate);
  }
  state.counters["GB/s"] = Counter(1e-9 * floor.bytes, Counter::kIsIterationInvariantRate);
  state.counters["percent"] = Counter(100 * floor.seconds(ceiling), Counter::kIsIterationInvariantRate);
  state.SetLabel(floor.bound_by_arithmetic(ceiling) ? "fma" : "copy");
}

}  // namespace sec
