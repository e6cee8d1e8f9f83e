// What a machine can do at most, measured in the run whose rows are held against it, and the roofline made of
// that (Williams, Waterman & Patterson 2009): work of so many operations that has to move so many bytes takes
// at least
//
//   max(operations / peak rate of arithmetic, bytes / rate of a copy) seconds,
//
// and the larger term says what binds it. A row's percentage is this floor over the time it took. How
// operations and bytes are counted is said where a row is made; both are the least that the definition of the
// operation asks for.
#pragma once

#include <cstdint>

#include "engine/device.h"

namespace sec {

struct Ceiling {
  double operations = 0;  // a second
  double bytes = 0;       // a second, read and written
};

struct Floor {
  double operations = 0;  // 2 for each product that is summed
  double bytes = 0;       // each operand once

  bool bound_by_arithmetic(const Ceiling& c) const { return operations * c.bytes >= bytes * c.operations; }
  double seconds(const Ceiling& c) const {
    return bound_by_arithmetic(c) ? operations / c.operations : bytes / c.bytes;
  }
};

// The cpu device's, on so many threads, for work over `footprint` bytes in all: fused multiply-adds between
// registers in vectors of the instruction set in use, and a copy that reads half of the footprint and writes
// the other half, as what fits into caches moves faster. Measured once for each power of two, which takes
// some hundredth of a second; the best of many short slices, so that others on the machine disturb little.
// Leaves set_threads(threads).
Ceiling cpu_ceiling(int threads, double footprint);

constexpr double beyond_caches = 256 << 20;  // a footprint

}  // namespace sec
