// Parallel loops over the cores of the host. Free threads fetch the next index.
// The work of an index must not depend on the thread that runs it.
// Kernels therefore write disjoint outputs per index,
// and reductions keep one partial result per index and add the partial results in order.
// Results are then bitwise equal for any number of threads.
#pragma once

#include <cstdint>
#include <type_traits>

namespace sec {

// Sets the number of threads that parallel_for uses, including the caller.
// 0 means one thread per core, the default. Throws Error on a negative number.
// Must not be called while a parallel_for is running.
void set_threads(int count);
int threads();

namespace detail {
using Body = void (*)(void* closure, std::int64_t index);
void run_parallel(std::int64_t count, Body body, void* closure);
}  // namespace detail

// Calls function(i) for every i in [0, count) and returns when all calls are done.
// If several calls throw, the exception of the lowest index is rethrown.
// A nested call, from inside a running parallel_for, runs its indices on the calling thread.
template <typename Function>
void parallel_for(std::int64_t count, Function&& function) {
  using F = std::remove_reference_t<Function>;
  detail::run_parallel(
      count, [](void* closure, std::int64_t index) { (*static_cast<F*>(closure))(index); }, &function);
}

}  // namespace sec
