#include "train/trainer.h"

#include <chrono>
#include <cmath>
#include <limits>

#include "engine/ranges.h"
#include "layers/accumulate.h"
#include "train/diagnose.h"
#include "train/objective.h"
#include "train/predict.h"
#include "train/sampler.h"
#include "train/schedule.h"

namespace sec::train {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

model::SeEcgNetOptions network_options(const Recipe& recipe, const Inputs& inputs) {
  model::SeEcgNetOptions options;
  options.leads = inputs.leads();
  options.length = inputs.length();
  options.classes = static_cast<std::int64_t>(recipe.classes.size());
  options.covariates = inputs.covariates();
  options.width = recipe.network.width;
  options.tied = recipe.network.tied;
  options.dropout = recipe.network.dropout;
  return options;
}

void copy(Tensor to, const Tensor& from, Stream& stream) {
  copy_bytes(stream, to.write().data, to.device(), from.read().data, from.device(),
             static_cast<std::size_t>(from.count()) * sizeof(float));
}

// While it lives the network has its moving averages in place of its weights and running statistics.
class WithAverages {
 public:
  WithAverages(layers::ParameterSet& set, const OptimizerState& optimizer, Stream& stream)
      : set_(set), stream_(stream) {
    if (optimizer.average.defined()) {
      values_ = set.values().clone(stream);
      states_ = set.states().clone(stream);
      copy(set.values(), optimizer.average, stream);
      copy(set.states(), optimizer.average_states, stream);
    }
  }
  ~WithAverages() {
    if (values_.defined()) {
      copy(set_.values(), values_, stream_);
      copy(set_.states(), states_, stream_);
    }
  }
  WithAverages(const WithAverages&) = delete;
  WithAverages& operator=(const WithAverages&) = delete;

 private:
  layers::ParameterSet& set_;
  Stream& stream_;
  Tensor values_;
  Tensor states_;
};

}  // namespace

Trainer::Trainer(TrainerOptions options, const Dataset& data)
    : options_(std::move(options)),
      data_(data),
      context_{to_toml(options_.recipe), data.fingerprint, decision_offsets(options_.recipe, data.train)},
      network_(network_options(options_.recipe, data.train), options_.stream, seed()),
      optimizer_(make_optimizer_state(options_.recipe.train, network_.parameters(), options_.stream)),
      offsets_(context_.decision_offsets) {
  const std::vector<float> weights = class_weights(options_.recipe, data.train);
  if (!weights.empty()) {
    class_weights_ = Tensor::from(options_.stream, {static_cast<std::int64_t>(weights.size())},
                                  std::span<const float>(weights));
  }
}

void Trainer::resume() {
  progress_ =
      load_training(options_.folder / "last.safetensors", network_, optimizer_, context_, options_.stream);
}

TrainingEnd Trainer::run() {
  Loader loader(data_.train, options_.recipe, seed(), progress_.step);
  epoch_steps_ = loader.epoch_steps();
  const Recipe::Train& train = options_.recipe.train;
  last_.total_steps = epoch_steps_ * train.epochs;
  // A run that was stopped after an epoch's last step but before its end has that end before it.
  const auto epoch_pending = [&] {
    return static_cast<std::int64_t>(progress_.history.size()) < progress_.step / epoch_steps_;
  };
  while (!progress_.finished) {
    if (epoch_pending()) {
      end_epoch();
      save_last();
      continue;
    }
    if (options_.stop != nullptr && options_.stop->load()) {
      save_last();
      return TrainingEnd::interrupted;
    }
    step(loader.next());
    if (progress_.step % train.checkpoint_steps == 0 && !epoch_pending()) {
      save_last();
    }
  }
  return TrainingEnd::finished;
}

void Trainer::step(const Batch& batch) {
  const Range range("step");
  const double started = now();
  const Recipe::Train& train = options_.recipe.train;
  Stream& stream = options_.stream;
  layers::ParameterSet& set = network_.parameters();
  Tensor gradients = set.gradients();
  zero_bytes(stream, gradients.write().data, static_cast<std::size_t>(gradients.count()) * sizeof(float));

  Tape tape(stream, layers::accumulate);
  layers::Pass pass;
  pass.stream = stream;
  pass.tape = &tape;
  pass.training = true;
  pass.seed = seed();
  pass.step = static_cast<std::uint32_t>(batch.step);
  const Var logits = network_.forward(pass, input_tensor(batch, data_.train, stream),
                                      covariate_tensor(batch, data_.train, stream));
  const Var loss = objective(pass, options_.recipe, logits, batch, class_weights_);
  const std::vector<float> one = {1.0F};
  tape.backward(loss, Tensor::from(stream, loss.shape(), std::span<const float>(one)));

  const double norm = gradient_norm(set, stream);
  const double value = loss.value.to_vector(stream)[0];
  if (!std::isfinite(value) || !std::isfinite(norm)) {
    fail("step {} (epoch {}): the {} is not finite: {}", batch.step + 1, batch.epoch + 1,
         std::isfinite(value) ? "gradient" : "loss",
         diagnose_step(network_, data_.train, batch, stream, seed()));
  }
  const double rate = learning_rate(train, epoch_steps_, batch.step);
  optimizer_step(train, set, optimizer_, rate, norm, batch.step, stream);

  const double seconds = now() - started;
  const auto samples = static_cast<std::int64_t>(batch.beats.size());
  epoch_seconds_ += seconds;
  session_seconds_ += seconds;
  epoch_samples_ += samples;
  session_samples_ += samples;
  ++session_steps_;
  progress_.epoch_loss += value;
  progress_.step = batch.step + 1;
  last_.epoch = batch.epoch + 1;
  last_.step = progress_.step;
  last_.loss = value;
  last_.learning_rate = rate;
  last_.gradient_norm = norm;
  last_.samples_per_second = static_cast<double>(session_samples_) / session_seconds_;
  const auto steps_left = static_cast<double>(last_.total_steps - progress_.step);
  last_.seconds_left = steps_left * session_seconds_ / static_cast<double>(session_steps_) +
                       validation_seconds_ * std::ceil(steps_left / static_cast<double>(epoch_steps_));
  if (options_.on_step) {
    options_.on_step(last_);
  }
}

void Trainer::validate(EpochRecord& record) {
  record.validation_loss = record.validation_accuracy = record.validation_macro_f1 = undefined;
  const std::vector<BeatId> beats = data_.validation.beats();
  if (beats.empty()) {
    return;
  }
  Classifier classifier{network_, options_.recipe, offsets_, options_.stream};
  const Prediction prediction = predict(classifier, data_.validation, beats);
  Confusion confusion(options_.recipe.classes);
  for (std::size_t i = 0; i < beats.size(); ++i) {
    confusion.add(data_.validation.beat(beats[i]).label, prediction.labels[i]);
  }
  const Scores scores = score(confusion);
  record.validation_loss = mean_loss(prediction, beats, data_.validation, options_.recipe);
  record.validation_accuracy = scores.accuracy;
  record.validation_macro_f1 = scores.macro_f1;
  for (const ClassScore& c : scores.classes) {
    record.validation_f1.push_back(c.f1);
  }
}

void Trainer::end_epoch() {
  const double started = now();
  const Recipe::Train& train = options_.recipe.train;
  EpochRecord record;
  record.epoch = static_cast<int>(progress_.history.size()) + 1;
  record.step = progress_.step;
  record.learning_rate = learning_rate(train, epoch_steps_, progress_.step - 1);
  record.train_loss = progress_.epoch_loss / static_cast<double>(epoch_steps_);
  {
    const WithAverages averages(network_.parameters(), optimizer_, options_.stream);
    validate(record);
    record.best = record.validation_macro_f1 > progress_.best_score;
    if (record.best) {
      progress_.best_score = record.validation_macro_f1;
      progress_.epochs_without_gain = 0;
    } else {
      ++progress_.epochs_without_gain;
    }
    if (record.best || train.choose == "last") {
      progress_.best_epoch = record.epoch;
      save_weights(options_.folder / "best.safetensors", network_, context_, progress_, options_.stream);
    }
  }
  validation_seconds_ = now() - started;
  record.samples_per_second = epoch_samples_ > 0 ? static_cast<double>(epoch_samples_) / epoch_seconds_ : 0;
  record.seconds = epoch_seconds_ + validation_seconds_;
  epoch_samples_ = 0;
  epoch_seconds_ = 0;
  progress_.epoch_loss = 0;
  progress_.history.push_back(record);
  progress_.finished =
      record.epoch >= train.epochs || (train.patience > 0 && progress_.epochs_without_gain >= train.patience);
  if (options_.on_epoch) {
    options_.on_epoch(record);
  }
}

void Trainer::save_last() {
  const Range range("checkpoint");
  save_training(options_.folder / "last.safetensors", network_, optimizer_, context_, progress_,
                options_.stream);
}

Classifier Trainer::load_chosen() {
  load_weights(options_.folder / "best.safetensors", network_, options_.stream);
  return {network_, options_.recipe, offsets_, options_.stream};
}

}  // namespace sec::train
