// Work on all cores of the host. Indices are handed out to threads as they become free, so the work of one
// index must not depend on which thread runs it: kernels write disjoint outputs per index, and reductions
// keep one partial result per index and add these up in order. Results then have the same bits for any number
// of threads.
#pragma once

#include <cstdint>
#include <type_traits>

namespace sec {

// The number of threads that parallel_for uses, the caller's included. 0 restores the default: one per core.
// Throws Error on a negative number. Not to be called while work is running.
void set_threads(int count);
int threads();

namespace detail {
using Body = void (*)(void* closure, std::int64_t index);
void run_parallel(std::int64_t count, Body body, void* closure);
}  // namespace detail

// Calls function(i) for every i in [0, count), returns when all are done, and rethrows the
// exception of the lowest index that threw: the same whatever the threads. A call from inside a running
// parallel_for runs its indices on the calling thread.
template <typename Function>
void parallel_for(std::int64_t count, Function&& function) {
  using F = std::remove_reference_t<Function>;
  detail::run_parallel(
      count, [](void* closure, std::int64_t index) { (*static_cast<F*>(closure))(index); }, &function);
}

}  // namespace sec
