// One step of the recipe's optimizer over the flat buffers of a network.
#pragma once

#include <cstdint>

#include "layers/parameters.h"
#include "train/recipe.h"

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

// The norm of the flat gradient; not finite if any element is not. Waits for the device.
double gradient_norm(layers::ParameterSet& set, Stream& stream);

// Updates parameters, moments and averages from the flat gradient. `step` counts from 0. The moving average's
// decay is min(average_decay, (step + 1) / (step + 11)), so that it forgets the random start; the running
// statistics of batch norm are averaged alike, because they belong to the weights they were taken under.
void optimizer_step(const Recipe::Train& options, layers::ParameterSet& set, OptimizerState& state,
                    double rate, double gradient_norm, std::int64_t step, Stream& stream);

}  // namespace sec::train
