// Writes an observation as NumPy files.
#pragma once

#include <filesystem>

#include "train/inspect/observe.h"

namespace sec::train {

// Into FOLDER, which is made: activations/NAME.npy with the values of every node (gates are the nodes of operation
// "excite"), gradients/NAME.npy with the target's gradient by them, parameters/NAME.npy with its gradient by every
// parameter, and nodes.json, which lists name, operation, inputs and shape in forward order. Arrays are f32 in the
// engine's layout: (N, L, H, C) or (N, C); weights (K, Ci, Co) and (in, out).
// Throws Error naming the file that cannot be written.
void dump(const Observation& observation, layers::ParameterSet& parameters, Stream& stream,
          const std::filesystem::path& folder);

}  // namespace sec::train
