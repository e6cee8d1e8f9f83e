#include "train/loop/optimizer.h"

#include <algorithm>

#include "kernels/table.h"

namespace sec::train {
namespace {

kernels::AdamOptions adam_options(const Recipe::Train& options) {
  return {.beta1 = static_cast<float>(options.beta1),
          .beta2 = static_cast<float>(options.beta2),
          .epsilon = static_cast<float>(options.epsilon),
          .weight_decay = static_cast<float>(options.weight_decay),
          .decoupled = options.optimizer == "adamw",
          .clip_norm = static_cast<float>(options.clip_norm)};
}

kernels::SgdOptions sgd_options(const Recipe::Train& options) {
  return {.momentum = static_cast<float>(options.momentum),
          .weight_decay = static_cast<float>(options.weight_decay),
          .nesterov = options.nesterov,
          .clip_norm = static_cast<float>(options.clip_norm)};
}

}  // namespace

OptimizerState make_optimizer_state(const Recipe::Train& options, layers::ParameterSet& set, Stream& stream) {
  OptimizerState state;
  state.first_moment = Tensor::zeros(stream, {set.count()});
  if (options.optimizer != "sgd") {
    state.second_moment = Tensor::zeros(stream, {set.count()});
  }
  if (options.average_decay > 0) {
    state.average = set.values().clone(stream);
    state.average_states = set.states().clone(stream);
  }
  return state;
}

kernels::StepValues step_values(const Recipe::Train& options, double rate, std::int64_t step) {
  kernels::StepValues values = kernels::adam_values(adam_options(options), rate, step);
  const auto steps = static_cast<double>(step);
  values.average_decay = static_cast<float>(std::min(options.average_decay, (steps + 1) / (steps + 11)));
  return values;
}

void optimizer_step(const Recipe::Train& options, layers::ParameterSet& set, OptimizerState& state,
                    const kernels::StepValues* now, Tensor sum_of_squares, Stream& stream) {
  const kernels::OptimizerKernels& kernel = kernels::table(stream).optimizer;
  const ConstSpan gradients = set.gradients().read();
  Tensor values = set.values();
  kernel.sum_of_squares(stream, gradients, sum_of_squares.write());
  const bool averaging = options.average_decay > 0;
  const Span average = averaging ? state.average.write() : Span();
  if (options.optimizer == "sgd") {
    kernel.sgd(stream, sgd_options(options), now, sum_of_squares.read(), gradients, values.write(),
               state.first_moment.write(), average);
  } else {
    kernel.adam(stream, adam_options(options), now, sum_of_squares.read(), gradients, values.write(),
                state.first_moment.write(), state.second_moment.write(), average);
  }
  if (averaging) {
    kernel.moving_average(stream, now, set.states().read(), state.average_states.write());
  }
}

}  // namespace sec::train
