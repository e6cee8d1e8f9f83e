// Events that the fiber engine reports to a program that records what a block does step by step: the threads meet, or a
// copy by cp.async arrives. The functions are weak symbols: null in programs that define none of them.
// engine/simt/observer.h has the events that counters need, too.
#pragma once

#include "engine/simt/runtime.h"

namespace sec::simt::observer {

// All threads of the block have reached this barrier, and none has passed it.
[[gnu::weak]] void block_met(const char* name, const Site& site);
// The lanes of `warp` named in operands.mask have reached a collective. Its results are complete, and no lane goes on yet.
[[gnu::weak]] void lanes_met(const char* name, const Site& site, unsigned warp, Complete complete,
                             const WarpOperands& operands);
// The running thread has waited for this copy, which is carried out next.
[[gnu::weak]] void copy_arrived(const AsyncCopy& copy);

}  // namespace sec::simt::observer
