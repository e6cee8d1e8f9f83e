// One step of the recipe's optimizer over the flat buffers of a network.
#pragma once

#include <cstdint>

#include "kernels/optimizer.h"
#include "layers/parameters.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// What an optimizer and the weights' moving average remember between steps; each (P) f32 but the states.
struct OptimizerState {
  Tensor first_moment;    // adam, adamw; sgd: the velocity
  Tensor second_moment;   // adam, adamw; undefined for sgd
  Tensor average;         // of the parameters; undefined without train.average_decay
  Tensor average_states;  // (S) f32, of the running statistics; undefined without train.average_decay
};

// Zero moments, and averages that start from the network's present values.
OptimizerState make_optimizer_state(const Recipe::Train& options, layers::ParameterSet& set, Stream& stream);

// What a step is given, `step` counting from 0. The moving average's decay is min(average_decay, (step + 1) /
// (step + 11)), so that it forgets the random start.
kernels::StepValues step_values(const Recipe::Train& options, double rate, std::int64_t step);

// Clips the flat gradient to clip_norm and updates parameters, moments and averages from it; writes the sum
// of its squares. Nothing is updated if that is not finite, but averages. The running statistics of batch
// norm are averaged as the parameters are, because they belong to the weights they were taken under. Waits
// for nothing.
void optimizer_step(const Recipe::Train& options, layers::ParameterSet& set, OptimizerState& state,
                    const kernels::StepValues* now,  // on the stream's device
                    Tensor sum_of_squares,           // (1) f32
                    Stream& stream);

}  // namespace sec::train
