// The machine's peak rates, measured in the same run as the rows that are compared with them,
// and the roofline model made of them (Williams, Waterman & Patterson 2009).
// The model gives the shortest time for work of given numbers of operations and of bytes to move:
//
//   max(operations / peak rate of arithmetic, bytes / rate of a copy) seconds,
//
// The larger term is the bound. A row's percentage is this minimum divided by the measured time.
// Counts of operations and bytes are the minimum of an operation's definition, explained where rows are made.
#pragma once

#include <cstdint>

#include "engine/device.h"

namespace sec {

struct Ceiling {
  double operations = 0;  // operations per second
  double bytes = 0;       // bytes per second, read plus written
};

struct Floor {
  double operations = 0;  // 2 per multiply-add
  double bytes = 0;       // each operand counted once

  bool bound_by_arithmetic(const Ceiling& c) const { return operations * c.bytes >= bytes * c.operations; }
  double seconds(const Ceiling& c) const {
    return bound_by_arithmetic(c) ? operations / c.operations : bytes / c.bytes;
  }
};

// The cpu device's peak rates with the given number of threads, for work on `footprint` bytes in all.
// Arithmetic: fused multiply-adds between registers, in vectors of the instruction set in use.
// Memory: a copy that reads half of the footprint and writes the other half, as data in caches moves faster.
// Each power of two is measured once, in some hundredths of a second, as the best of many short slices.
// Calls set_threads(threads), which stays in effect.
Ceiling cpu_ceiling(int threads, double footprint);

constexpr double beyond_caches = 256 << 20;  // a footprint larger than any cache

}  // namespace sec
