#include "train/loop/step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "engine/ranges.h"
#include "kernels/table.h"
#include "layers/accumulate.h"
#include "train/loop/objective.h"

namespace sec::train {
namespace {

constexpr std::int64_t values_words = sizeof(kernels::StepValues) / sizeof(std::int32_t);

// Copies host values into `tensor` if its shape fits, else into a new tensor.
template <typename T>
void place(Tensor& tensor, const Shape& shape, std::span<const T> values, Stream& stream) {
  if (tensor.defined() && tensor.shape() == shape) {
    tensor.assign(stream, values);
  } else {
    tensor = Tensor::from(stream, shape, values);
  }
}

void copy(Tensor& to, const Tensor& from, Stream& stream) {
  copy_bytes(stream, to.write().data, stream.device, from.read().data, stream.device,
             static_cast<std::size_t>(from.count()) * size_of(from.type()));
}

// Copies `from` into `to` on the device. Returns false if `to` had another shape and was replaced.
bool enter(Tensor& to, const Tensor& from, Stream& stream) {
  if (!from.defined()) {
    return true;
  }
  if (to.defined() && to.shape() == from.shape()) {
    copy(to, from, stream);
    return true;
  }
  to = from.clone(stream);
  return false;
}

bool is_finite(const StepResult& result) {
  return std::isfinite(result.loss) && std::isfinite(result.gradient_norm);
}

}  // namespace

TrainingStep::TrainingStep(const Recipe& recipe, model::Network& network, OptimizerState& optimizer,
                           Tensor class_weights, const Stream& stream, bool capture, DType activations,
                           const ResidentDataset* resident)
    : recipe_(recipe),
      network_(network),
      optimizer_(optimizer),
      class_weights_(std::move(class_weights)),
      stream_(stream),
      capture_(capture),
      activations_(activations),
      resident_(resident),
      one_(Tensor::from(stream_, {1}, std::vector<float>{1})),
      zero_(Tensor::zeros(stream_, {1})),
      result_(Tensor::zeros(stream_, {2})) {}

std::vector<StepResult> TrainingStep::take(std::span<const Batch> batches, std::span<const double> rates,
                                           bool eager) {
  const Range range("step");
  const auto count = static_cast<std::int64_t>(batches.size());
  require(count > 0 && rates.size() == batches.size(), "steps: {} batches but {} learning rates", count,
          rates.size());
  if (waiting_.size() < batches.size()) {
    waiting_.resize(batches.size());
    results_ = Tensor::empty({count, 2}, DType::f32, stream_.device);
  }
  {
    const Range uploads("upload");
    for (std::size_t i = 0; i < batches.size(); ++i) {
      upload(batches[i], rates[i], waiting_[i]);
    }
  }
  result_.zero(stream_);
  for (std::int64_t i = 0; i < count; ++i) {
    run(waiting_[static_cast<std::size_t>(i)], eager);
    Tensor to = results_.slice(i, 1);
    copy(to, result_, stream_);
  }
  const std::vector<float> values = results_.to_vector(stream_);
  std::vector<StepResult> results;
  for (std::size_t i = 0; i < batches.size(); ++i) {
    results.push_back({values[2 * i], std::sqrt(static_cast<double>(values[2 * i + 1]))});
  }
  const auto failed = std::find_if_not(results.begin(), results.end(), is_finite);
  if (failed < results.end() - 1) {
    result_.zero(stream_);
    enter(waiting_[static_cast<std::size_t>(failed - results.begin())]);
    compute();
  }
  return results;
}

void TrainingStep::upload(const Batch& batch, double rate, Operands& to) {
  const kernels::StepValues values = step_values(recipe_.train, rate, batch.step);
  const auto words = std::bit_cast<std::array<std::int32_t, values_words>>(values);
  to.host_values.assign(words.begin(), words.end());
  place(to.values, {values_words}, std::span<const std::int32_t>(to.host_values), stream_);
  if (resident_ != nullptr) {
    for (const std::int32_t i : batch.index) {
      require(i >= 0 && i < resident_->size(), "steps: example {} is not one of {}", i, resident_->size());
    }
    place(to.index, {std::ssize(batch.index)}, std::span<const std::int32_t>(batch.index), stream_);
    return;
  }
  const model::NetworkOptions& o = network_.options();
  const auto n = static_cast<std::int64_t>(batch.labels.size());
  place(to.x, {n, o.length, o.leads, 1}, std::span(batch.x), stream_);
  if (o.covariates > 0) {
    place(to.covariates, {n, o.covariates}, std::span(batch.covariates), stream_);
  }
  if (recipe_.loss.kind == "cross_entropy") {
    place(to.targets, {n}, std::span(batch.labels), stream_);
  } else if (batch.targets.empty()) {
    const PinnedVector<float> rows = one_hot(batch.labels, o.classes);
    place(to.targets, {n, o.classes}, std::span(rows), stream_);
  } else {
    place(to.targets, {n, o.classes}, std::span(batch.targets), stream_);
  }
}

bool TrainingStep::enter(const Operands& operands) {
  bool kept = train::enter(now_.x, operands.x, stream_);
  kept = train::enter(now_.covariates, operands.covariates, stream_) && kept;
  kept = train::enter(now_.targets, operands.targets, stream_) && kept;
  kept = train::enter(now_.index, operands.index, stream_) && kept;
  return train::enter(now_.values, operands.values, stream_) && kept;
}

// Enqueues a step without waiting for it.
void TrainingStep::run(const Operands& operands, bool eager) {
  if (!enter(operands)) {
    graph_.reset();
    warm_ = false;
  }
  if (!capture_ || !warm_ || eager) {
    compute();
    warm_ = true;
    return;
  }
  if (!graph_) {
    graph_ = capture(stream_, [this] { compute(); });
  }
  graph_->replay(stream_);
  // A replay writes tensors without marking them as changed, so mark the weights here.
  network_.parameters().values().write();
  network_.parameters().states().write();
}

// The part of a step that is captured. It reads no values on the host and does not wait for the device.
void TrainingStep::compute() {
  const auto* const values = static_cast<const kernels::StepValues*>(now_.values.read().data);
  layers::ParameterSet& set = network_.parameters();
  Tensor gradients = set.gradients();
  gradients.zero(stream_);

  RangePath part;
  part.move_to({{"forward", ""}});
  Tape tape(stream_, layers::accumulate);
  layers::Pass pass;
  pass.stream = stream_;
  pass.tape = &tape;
  pass.training = true;
  pass.activations = activations_;
  pass.seed = static_cast<std::uint64_t>(recipe_.seed);
  pass.step_at = &values->step;
  const auto batch = resident_ != nullptr ? resident_->gather(stream_, now_.index, values)
                                          : ResidentDataset::Gathered{now_.x, now_.covariates, now_.targets};
  const Var logits = network_.forward(pass, batch.x, batch.covariates);
  const Var loss = objective(pass, recipe_, logits, batch.targets, class_weights_);
  part.move_to({{"backward", ""}});
  // The gradient of the loss is 1 + 0 * (sum of squares of the previous step's gradient).
  // It is NaN after a step of this take() whose gradient was not finite, so that later steps update nothing.
  Tensor seed = Tensor::empty({1}, DType::f32, stream_.device);
  const kernels::PointwiseKernels& pointwise = kernels::table(stream_).pointwise;
  pointwise.gate(stream_, {1, 1, 1}, result_.slice(1, 1).read(), zero_.read(), seed.write());
  pointwise.accumulate(stream_, one_.read(), seed.write());
  tape.backward(loss, std::move(seed));
  Tensor to = result_.slice(0, 1);
  copy(to, loss.value, stream_);
  part.move_to({{"optimizer", ""}});
  optimizer_step(recipe_.train, set, optimizer_, values, result_.slice(1, 1), stream_);
}

}  // namespace sec::train
