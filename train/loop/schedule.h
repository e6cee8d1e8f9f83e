// The learning rate as a function of the training step.
#pragma once

#include <cstdint>

#include "train/recipe/recipe.h"

namespace sec::train {

// The learning rate of step `step`, counted from 0, in a run of options.epochs epochs of `epoch_steps` steps.
// During warm-up the rate rises linearly, and reaches options.rate at the last step. After that, by schedule:
//   "constant"  the rate stays;
//   "step"      the rate is multiplied by step_factor at each (possibly fractional) epoch in step_epochs;
//   "cosine"    the rate falls to final_rate along half a cosine wave over the steps after warm-up.
double learning_rate(const Recipe::Train& options, std::int64_t epoch_steps, std::int64_t step);

// Whether the best weights are reloaded after `epoch` epochs.
// With step_reload this happens where the rate drops, except at the end of the run.
bool drops_rate(const Recipe::Train& options, std::int64_t epoch);

}  // namespace sec::train
