// Diagnoses a training step whose loss or gradient is not finite.
#pragma once

#include <string>

#include "model/network.h"
#include "train/data/loader.h"

namespace sec::train {

// One line that names the first cause in the order of the data flow, and the beats of the batch.
// Causes are weights that are not finite, an input, the first layer whose output is not
// finite (the forward pass is repeated to find it), and the first parameter whose gradient is not finite.
std::string diagnose_step(model::Network& network, const Dataset& examples, const Batch& batch,
                          Stream& stream, DType activations, std::uint64_t seed);

}  // namespace sec::train
