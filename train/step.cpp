#include "train/step.h"

#include <cmath>

#include "engine/ranges.h"
#include "layers/accumulate.h"
#include "train/objective.h"

namespace sec::train {
namespace {

// Copies host values into `tensor` where it has that shape, else into a new one. Whether it kept its place.
template <typename T>
bool place(Tensor& tensor, const Shape& shape, std::span<const T> values, Stream& stream) {
  if (tensor.defined() && tensor.shape() == shape) {
    tensor.assign(stream, values);
    return true;
  }
  tensor = Tensor::from(stream, shape, values);
  return false;
}

}  // namespace

TrainingStep::TrainingStep(const Recipe& recipe, model::Network& network, OptimizerState& optimizer,
                           Tensor class_weights, const Stream& stream, bool record, DType activations)
    : recipe_(recipe),
      network_(network),
      optimizer_(optimizer),
      class_weights_(std::move(class_weights)),
      stream_(stream),
      record_(record),
      activations_(activations),
      values_(allocate(stream.device, sizeof(kernels::StepValues))),
      one_(Tensor::from(stream_, {1}, std::vector<float>{1})),
      result_(Tensor::zeros(stream_, {2})) {}

StepResult TrainingStep::take(const Batch& batch, double rate) {
  const Range range("step");
  if (!upload(batch)) {
    recording_.reset();
    warm_ = false;
  }
  const kernels::StepValues values = step_values(recipe_.train, rate, batch.step);
  copy_bytes(stream_, values_->data, stream_.device, &values, Device::cpu, sizeof values);
  if (!record_ || !warm_) {
    compute();
    warm_ = true;
  } else {
    if (!recording_) {
      recording_ = capture(stream_, [this] { compute(); });
    }
    recording_->replay(stream_);
  }
  const std::vector<float> result = result_.to_vector(stream_);
  return {result[0], std::sqrt(static_cast<double>(result[1]))};
}

bool TrainingStep::upload(const Batch& batch) {
  const model::NetworkOptions& o = network_.options();
  const auto n = static_cast<std::int64_t>(batch.labels.size());
  bool kept = place(x_, {n, o.length, o.leads, 1}, std::span(batch.x), stream_);
  if (o.covariates > 0) {
    kept = place(covariates_, {n, o.covariates}, std::span(batch.covariates), stream_) && kept;
  }
  if (recipe_.loss.kind == "cross_entropy") {
    return place(targets_, {n}, std::span(batch.labels), stream_) && kept;
  }
  const std::vector<float> rows = batch.targets.empty() ? one_hot(batch.labels, o.classes) : batch.targets;
  return place(targets_, {n, o.classes}, std::span(rows), stream_) && kept;
}

// What is recorded: nothing here depends on the host's values, or waits for the device.
void TrainingStep::compute() {
  const auto* const values = static_cast<const kernels::StepValues*>(values_->data);
  layers::ParameterSet& set = network_.parameters();
  Tensor gradients = set.gradients();
  zero_bytes(stream_, gradients.write().data, static_cast<std::size_t>(gradients.count()) * sizeof(float));

  Tape tape(stream_, layers::accumulate);
  layers::Pass pass;
  pass.stream = stream_;
  pass.tape = &tape;
  pass.training = true;
  pass.activations = activations_;
  pass.seed = static_cast<std::uint64_t>(recipe_.seed);
  pass.step_at = &values->step;
  const Var logits = network_.forward(pass, x_, covariates_);
  const Var loss = objective(pass, recipe_, logits, targets_, class_weights_);
  tape.backward(loss, one_);
  copy_bytes(stream_, result_.slice(0, 1).write().data, stream_.device, loss.value.read().data,
             stream_.device, sizeof(float));
  optimizer_step(recipe_.train, set, optimizer_, values, result_.slice(1, 1), stream_);
}

}  // namespace sec::train
