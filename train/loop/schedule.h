// The learning rate, as a function of the step.
#pragma once

#include <cstdint>

#include "train/recipe/recipe.h"

namespace sec::train {

// The rate of step `step` (from 0) of a run of options.epochs epochs of `epoch_steps` steps. During warm-up
// it rises linearly, reaching the schedule's value with its last step. Then
//   "constant"  it stays;
//   "step"      it is multiplied by step_factor at the start of each epoch in step_epochs (may be
//   fractional); "cosine"    it falls to final_rate as half a cosine wave over the steps after warm-up.
double learning_rate(const Recipe::Train& options, std::int64_t epoch_steps, std::int64_t step);

// Whether weights are reloaded (step_reload) after `epoch` epochs: the rate drops there, and more follow.
bool drops_rate(const Recipe::Train& options, std::int64_t epoch);

}  // namespace sec::train
