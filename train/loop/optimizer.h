// One step of the recipe's optimizer over the flat buffers of a network.
#pragma once

#include <cstdint>

#include "kernels/optimizer.h"
#include "layers/parameters.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// The state of an optimizer and of moving averages between steps.
// P is the number of parameters, S the number of running statistics.
struct OptimizerState {
  Tensor first_moment;    // (P) f32, adam and adamw: first moment; sgd: velocity
  Tensor second_moment;   // (P) f32, adam and adamw: second moment; sgd: undefined
  Tensor average;         // (P) f32, of the parameters; undefined without train.average_decay
  Tensor average_states;  // (S) f32, of the running statistics; undefined without train.average_decay
};

// Moments of zero, and averages that start from the network's current values.
OptimizerState make_optimizer_state(const Recipe::Train& options, layers::ParameterSet& set, Stream& stream);

// The values of step `step`, counted from 0. The decay of the moving average is min(average_decay,
// (step + 1) / (step + 11)), so that the average forgets the random initial weights.
kernels::StepValues step_values(const Recipe::Train& options, double rate, std::int64_t step);

// Clips the flat gradient to clip_norm, updates parameters, moments and averages,
// and writes the sum of the gradient's squares. If that sum is not finite, only averages are updated.
// The running statistics of batch norm are averaged like the parameters,
// because they belong to the weights that produced them. Asynchronous.
void optimizer_step(const Recipe::Train& options, layers::ParameterSet& set, OptimizerState& state,
                    const kernels::StepValues* now,  // on the stream's device
                    Tensor sum_of_squares,           // (1) f32
                    Stream& stream);

}  // namespace sec::train
