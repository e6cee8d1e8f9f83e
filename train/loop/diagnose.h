// Why a training step is not finite.
#pragma once

#include <string>

#include "model/network.h"
#include "train/data/loader.h"

namespace sec::train {

// One line: the first cause found in order of the data flow: weights that are not finite, an input that is
// not, the first layer whose output is not (by running the step's forward pass again), or the first
// parameter whose gradient is not; and the batch's beats as record and samples.
std::string diagnose_step(model::Network& network, const Dataset& examples, const Batch& batch,
                          Stream& stream, DType activations, std::uint64_t seed);

}  // namespace sec::train
