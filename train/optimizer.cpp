#include "train/optimizer.h"

#include <algorithm>
#include <cmath>

#include "kernels/table.h"

namespace sec::train {

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

double gradient_norm(layers::ParameterSet& set, Stream& stream) {
  Tensor sum = Tensor::empty({1}, DType::f32, stream.device);
  kernels::on(stream).optimizer.sum_of_squares(stream, set.gradients().read(), sum.write());
  return std::sqrt(static_cast<double>(sum.to_vector(stream)[0]));
}

void optimizer_step(const Recipe::Train& options, layers::ParameterSet& set, OptimizerState& state,
                    double rate, double gradient_norm, std::int64_t step, Stream& stream) {
  const kernels::OptimizerKernels& kernel = kernels::on(stream).optimizer;
  const bool clipped = options.clip_norm > 0 && gradient_norm > options.clip_norm;
  const auto scale = static_cast<float>(clipped ? options.clip_norm / gradient_norm : 1.0);
  Tensor values = set.values();
  if (options.optimizer == "sgd") {
    kernels::SgdOptions sgd;
    sgd.rate = static_cast<float>(rate);
    sgd.momentum = static_cast<float>(options.momentum);
    sgd.weight_decay = static_cast<float>(options.weight_decay);
    sgd.nesterov = options.nesterov;
    sgd.gradient_scale = scale;
    kernel.sgd(stream, sgd, set.gradients().read(), values.write(), state.first_moment.write());
  } else {
    kernels::AdamOptions adam;
    adam.rate = static_cast<float>(rate);
    adam.beta1 = static_cast<float>(options.beta1);
    adam.beta2 = static_cast<float>(options.beta2);
    adam.epsilon = static_cast<float>(options.epsilon);
    adam.weight_decay = static_cast<float>(options.weight_decay);
    adam.decoupled = options.optimizer == "adamw";
    adam.gradient_scale = scale;
    adam.step = step + 1;
    kernel.adam(stream, adam, set.gradients().read(), values.write(), state.first_moment.write(),
                state.second_moment.write());
  }
  if (options.average_decay > 0) {
    const auto steps = static_cast<double>(step);
    const auto decay = static_cast<float>(std::min(options.average_decay, (steps + 1) / (steps + 11)));
    kernel.moving_average(stream, decay, set.values().read(), state.average.write());
    kernel.moving_average(stream, decay, set.states().read(), state.average_states.write());
  }
}

}  // namespace sec::train
