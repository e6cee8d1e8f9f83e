// The counters of every benchmark row beside its time, the same for all devices:
// GFLOP/s, GB/s, and percent of the ceiling that bounds the row.
// The row's label names this ceiling, "fma" or "copy".
//
// Rows are named operation/shape/pass/type/who, on cpu followed by /tN, the number of threads.
// `who` is "ours", a library, or a version of our kernel.
// bench/report/kernel_rows.py makes tables of the rows.
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
