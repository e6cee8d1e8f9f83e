#include "train/loop/trainer.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <utility>

#include "engine/ranges.h"
#include "kernels/cpu/isa.h"
#include "model/networks.h"
#include "train/loop/diagnose.h"
#include "train/loop/kept_epochs.h"
#include "train/loop/model_file.h"
#include "train/loop/schedule.h"

namespace sec::train {
namespace {

constexpr double undefined = std::numeric_limits<double>::quiet_NaN();

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The class weights as a tensor (classes), or undefined if all are 1.
Tensor weight_tensor(const std::vector<float>& weights, Stream& stream) {
  return weights.empty() ? Tensor()
                         : Tensor::from(stream, {static_cast<std::int64_t>(weights.size())},
                                        std::span<const float>(weights));
}

std::optional<ResidentDataset> resident_examples(TrainerOptions& options, const TrainingData& data) {
  if (!options.resident) {
    return std::nullopt;
  }
  return std::make_optional<ResidentDataset>(data.train, options.recipe, options.stream);
}

// Replaces the network's weights and running statistics
// by their moving averages, and restores them when destroyed.
class WithAverages {
 public:
  WithAverages(layers::ParameterSet& set, const OptimizerState& optimizer, Stream& stream)
      : set_(set), stream_(stream) {
    if (optimizer.average.defined()) {
      values_ = set.values().clone(stream);
      states_ = set.states().clone(stream);
      set.values().copy_from(stream, optimizer.average);
      set.states().copy_from(stream, optimizer.average_states);
    }
  }
  ~WithAverages() {
    if (values_.defined()) {
      set_.values().copy_from(stream_, values_);
      set_.states().copy_from(stream_, states_);
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

CheckpointContext context_of(const TrainerOptions& options, const TrainingData& data) {
  CheckpointContext context{to_toml(options.recipe), data.fingerprint, data.decision_offsets};
  context.instruction_set = options.stream.device == Device::cpu ? kernels::cpu::isa_in_use() : "";
  context.program = options.program;
  context.run =
      run_id(options.recipe, context,
             fmt::format("{} {} {}", name_of(options.stream.device), options.stream.tf32 ? "tf32" : "f32",
                         options.activations == DType::f32 ? "f32" : "bf16"));
  return context;
}

// Updates the instruction sets of a run that resumes with the set `now`.
// Returns a warning if that is not the last one so far, else an empty text.
std::string continue_instruction_sets(std::string& sets, const std::string& now) {
  const std::string last = sets.substr(sets.rfind(' ') + 1);
  if (now.empty() || last == now) {
    return "";
  }
  const std::string before = std::exchange(sets, sets.empty() ? now : sets + ", " + now);
  return before.empty()
             ? ""
             : fmt::format(
                   "the run was computed with the instruction set {} and goes on with {}: its bits "
                   "differ from those of an uninterrupted run; SEC_CPU_ISA={} keeps to the former",
                   before, now, last);
}

}  // namespace

Trainer::Trainer(TrainerOptions options, TrainingData data)
    : options_(std::move(options)),
      data_(std::move(data)),
      context_(context_of(options_, data_)),
      network_(model::make_network(network_options(options_.recipe), options_.stream, seed())),
      optimizer_(make_optimizer_state(options_.recipe.train, network_->parameters(), options_.stream)),
      resident_(resident_examples(options_, data_)),
      step_(options_.recipe, *network_, optimizer_, weight_tensor(data_.class_weights, options_.stream),
            options_.stream, options_.capture, options_.activations, resident_ ? &*resident_ : nullptr) {}

Trainer::Trainer(const TrainerOptions& options, const BeatSplits& data)
    : Trainer(options, training_data(options.recipe, data)) {}

void Trainer::start() {
  const std::string& init = options_.recipe.network.init;
  if (!init.empty()) {
    load_initial_weights(init, *network_, options_.stream);
    // The moving averages must start from these weights too.
    optimizer_ = make_optimizer_state(options_.recipe.train, network_->parameters(), options_.stream);
  }
}

std::vector<std::string> Trainer::resume() {
  const std::filesystem::path last = options_.folder / "last.safetensors";
  const std::filesystem::path best = options_.folder / "best.safetensors";
  const CheckpointContext now = context_;
  Progress progress = load_training(last, *network_, optimizer_, context_, options_.stream);
  require_possible(progress, options_.recipe.train.epochs, count_epoch_steps(data_.train, options_.recipe),
                   options_.recipe.classes.size(), last.string());
  if (progress.best_epoch > 0 || std::filesystem::exists(best)) {
    require_chosen(best, context_, progress);
  }
  progress_ = std::move(progress);
  context_.run = context_.run.empty() ? now.run : context_.run;
  std::vector<std::string> warnings;
  if (const std::string warning = continue_instruction_sets(context_.instruction_set, now.instruction_set);
      !warning.empty()) {
    warnings.push_back(warning);
  }
  const std::string before = std::exchange(context_.program, now.program);
  if (!before.empty() && !now.program.empty() && before != now.program) {
    warnings.push_back(
        fmt::format("the run was computed by {} and goes on with {}: another build may give "
                    "other bits than an uninterrupted run",
                    before, now.program));
  }
  return warnings;
}

TrainingEnd Trainer::run() {
  Loader loader(data_.train, options_.recipe, seed(), progress_.step, options_.steps_at_once,
                resident_.has_value());
  epoch_steps_ = loader.epoch_steps();
  const Recipe::Train& train = options_.recipe.train;
  last_.total_steps = epoch_steps_ * train.epochs;
  // Whether the last epoch's steps are done but not its validation, as in a run stopped between the two.
  const auto epoch_pending = [&] {
    return static_cast<std::int64_t>(progress_.history.size()) < progress_.step / epoch_steps_;
  };
  if (progress_.step == 0) {
    save_last();  // so that a run that is killed before its first regular checkpoint can be resumed
  }
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
    // Steps are requested together only up to the end of an epoch or the next write of last.safetensors.
    take_steps(loader, std::min({options_.steps_at_once, epoch_steps_ - progress_.step % epoch_steps_,
                                 train.checkpoint_steps - progress_.step % train.checkpoint_steps,
                                 steps_to_profile_change()}));
    if (progress_.step % train.checkpoint_steps == 0 && !epoch_pending()) {
      save_last();
    }
  }
  return TrainingEnd::finished;
}

std::int64_t Trainer::steps_to_profile_change() const {
  const std::int64_t end = 1 + options_.profile.steps;
  if (options_.profile.steps == 0 || session_steps_ >= end) {
    return std::numeric_limits<std::int64_t>::max();
  }
  return session_steps_ < 1 ? 1 : end - session_steps_;
}

void Trainer::take_steps(Loader& loader, std::int64_t count) {
  const StepProfile& profile = options_.profile;
  const bool profiled = profile.steps > 0 && session_steps_ >= 1 && session_steps_ <= profile.steps;
  if (profiled && session_steps_ == 1) {
    profile.begin();
  }
  std::vector<Batch> batches;
  const double asked = now();
  {
    const Range range("wait for batches");
    for (std::int64_t i = 0; i < count; ++i) {
      batches.push_back(loader.next());
    }
  }
  const double started = now();
  epoch_wait_ += started - asked;
  std::vector<double> rates;
  for (const Batch& batch : batches) {
    rates.push_back(learning_rate(options_.recipe.train, epoch_steps_, batch.step));
  }
  const std::vector<StepResult> results = step_.take(batches, rates, profiled);
  const double seconds = (now() - started) / static_cast<double>(batches.size());
  for (std::size_t i = 0; i < batches.size(); ++i) {
    end_step(batches[i], rates[i], results[i], seconds);
  }
  if (profiled && session_steps_ == 1 + profile.steps) {
    profile.end();
  }
}

void Trainer::end_step(const Batch& batch, double rate, const StepResult& result, double seconds) {
  const auto& [loss, norm] = result;
  if (!std::isfinite(loss) || !std::isfinite(norm)) {
    const Batch made =
        resident_ ? training_batch(data_.train, options_.recipe, seed(), batch.step, batch.beats) : batch;
    fail("step {} (epoch {}): the {} is not finite: {}", batch.step + 1, batch.epoch + 1,
         std::isfinite(loss) ? "gradient" : "loss",
         diagnose_step(*network_, data_.train, made, options_.stream, options_.activations, seed()));
  }

  const auto samples = static_cast<std::int64_t>(batch.beats.size());
  epoch_seconds_ += seconds;
  session_seconds_ += seconds;
  epoch_samples_ += samples;
  session_samples_ += samples;
  ++session_steps_;
  progress_.epoch_loss += loss;
  progress_.step = batch.step + 1;
  last_.epoch = batch.epoch + 1;
  last_.step = progress_.step;
  last_.loss = loss;
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

void Trainer::end_epoch() {
  const double started = now();
  const Recipe::Train& train = options_.recipe.train;
  EpochRecord record;
  record.validation_loss = record.validation_accuracy = record.validation_macro_f1 = undefined;
  record.epoch = static_cast<int>(progress_.history.size()) + 1;
  record.step = progress_.step;
  record.learning_rate = learning_rate(train, epoch_steps_, progress_.step - 1);
  record.train_loss = progress_.epoch_loss / static_cast<double>(epoch_steps_);
  {
    const WithAverages averages(network_->parameters(), optimizer_, options_.stream);
    Classifier classifier = this->classifier();
    data_.validate(classifier, record);
    const double score = chosen_score(record, train.choose_by);
    record.best = score > progress_.best_score;
    if (record.best) {
      progress_.best_score = score;
      progress_.epochs_without_gain = 0;
    } else {
      ++progress_.epochs_without_gain;
    }
    if (record.best || train.choose == "last") {
      progress_.best_epoch = record.epoch;
      save_weights(options_.folder / "best.safetensors", *network_, context_,
                   {record.epoch, progress_.step, progress_.best_score}, options_.stream);
    }
    if (train.keep_epochs > 0 && record.epoch % train.keep_epochs == 0) {
      save_weights(options_.folder / kept_epoch_name(record.epoch), *network_, context_,
                   {record.epoch, progress_.step, score}, options_.stream);
    }
  }
  validation_seconds_ = now() - started;
  record.samples_per_second = epoch_samples_ > 0 ? static_cast<double>(epoch_samples_) / epoch_seconds_ : 0;
  record.seconds = epoch_seconds_ + validation_seconds_;
  loader_wait_ = epoch_wait_ > 0 ? epoch_wait_ / (epoch_wait_ + epoch_seconds_) : 0;
  epoch_samples_ = 0;
  epoch_seconds_ = 0;
  epoch_wait_ = 0;
  progress_.epoch_loss = 0;
  progress_.history.push_back(record);
  if (drops_rate(train, record.epoch)) {
    reload_best();
  }
  progress_.finished =
      record.epoch >= train.epochs || (train.patience > 0 && progress_.epochs_without_gain >= train.patience);
  if (options_.on_epoch) {
    options_.on_epoch(record);
  }
}

// Reloads the best weights. The optimizer's moments are kept; the moving averages restart from these weights.
void Trainer::reload_best() {
  load_chosen_weights(options_.folder / "best.safetensors", *network_, context_, progress_, options_.stream);
  if (optimizer_.average.defined()) {
    optimizer_.average.copy_from(options_.stream, network_->parameters().values());
    optimizer_.average_states.copy_from(options_.stream, network_->parameters().states());
  }
}

void Trainer::save_last() {
  const Range range("checkpoint");
  save_training(options_.folder / "last.safetensors", *network_, optimizer_, context_, progress_,
                options_.stream);
}

Classifier Trainer::load_chosen() {
  load_chosen_weights(options_.folder / "best.safetensors", *network_, context_, progress_, options_.stream);
  return classifier();
}

Classifier Trainer::classifier() {
  return {*network_, options_.recipe, data_.decision_offsets, options_.stream,
          std::make_shared<GraphForward>(*network_, options_.stream, options_.activations, options_.capture)};
}

void Trainer::decide_above(const std::vector<float>& thresholds) {
  std::vector<float> offsets;
  for (const float threshold : thresholds) {
    offsets.push_back(-threshold);
  }
  replace_decision(options_.folder / "best.safetensors", offsets);
}

}  // namespace sec::train
