// What a training network looks like from inside at the end of an epoch: a line of log.jsonl that secinspect --watch draws.
#pragma once

#include <string>

#include "train/inspect/observe.h"

namespace sec::train {

// {"event": "state", "epoch", "step", "loader_wait", "gradient_norms": {layer: norm}, "dead_channels": {layer: count},
// "gates": {"mean", "lowest", "highest"}}, without the newline.
// A layer is what parameters are called before their last part: "conv1" of "conv1.weight". Gradients are those that the
// last step left; without a step they are left out. A channel of a batch norm is dead if shift + 3 |scale| < 0: of normalised
// values, at most 1 in 700 passes a ReLU. Gates are those of `input`, mean over its samples: of all channels, and of the
// squeeze-and-excite gates with the lowest and the highest mean. `loader_wait` is the
// share of the epoch that the training waited for batches. But for this time, lines of equal trainings are equal.
std::string state_line(model::Network& network, Stream& stream, const NetworkInput& input, int epoch,
                       std::int64_t step, double loader_wait);

}  // namespace sec::train
