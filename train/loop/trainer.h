// The training loop: turns batches into training steps, and writes checkpoints.
#pragma once

#include <atomic>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>

#include "train/data/loader.h"
#include "train/loop/checkpoint.h"
#include "train/loop/step.h"
#include "train/loop/training_data.h"
#include "train/scoring/predict.h"

namespace sec::train {

struct StepReport {
  std::int64_t epoch = 0;        // counts from 1
  std::int64_t step = 0;         // steps of the whole run so far
  std::int64_t total_steps = 0;  // steps of the whole run, if it does not stop early
  double loss = 0;
  double learning_rate = 0;
  double gradient_norm = 0;
  double samples_per_second = 0;  // of training since the program started
  double seconds_left = 0;        // estimate for all remaining epochs
};

// Some steps of a training are to be profiled. They follow the first step since the program started,
// which allocates memory, and run kernel by kernel with the same results.
// What happens between them, such as a validation, is included.
struct StepProfile {
  std::int64_t steps = 0;            // 0: none
  std::function<void()> begin, end;  // called before the first and after the last of these steps
};

struct TrainerOptions {
  Recipe recipe;
  Stream stream;                   // on cuda it must belong to an OwnedStream if `capture` is set
  DType activations = DType::f32;  // type of the activations between layers, see layers/pass.h
  bool capture = true;             // capture steps and forward passes as graphs, see train/loop/step.h
  std::int64_t steps_at_once = 1;  // steps enqueued on the device before waiting for their results
  bool resident = false;           // keep the training examples in device memory, see train/loop/resident.h
  std::filesystem::path folder;    // folder of best.safetensors and last.safetensors
  std::string program;             // name and version, for a warning when another build resumes the run
  const std::atomic<bool>* stop = nullptr;  // if set to true, training stops after the current steps
  std::function<void(const StepReport&)> on_step;
  std::function<void(const EpochRecord&)> on_epoch;
  StepProfile profile;
};

enum class TrainingEnd { finished, interrupted };

class Trainer {
 public:
  // The objects that `data` refers to must outlive the trainer.
  Trainer(TrainerOptions options, TrainingData data);
  Trainer(const TrainerOptions& options, const BeatSplits& data);

  // Starts a new run from the weights in recipe.network.init, if given. Throws Error unless they fit.
  void start();

  // Resumes the run of folder/last.safetensors. Returns warnings if the run was begun by another build
  // or with another instruction set: its bits then differ from those of an uninterrupted run.
  // Throws Error as load_training() does, if its progress contradicts the recipe or the data,
  // and as require_chosen() does on best.safetensors.
  std::vector<std::string> resume();

  // Trains until all epochs are done, patience ends the run, or a stop is requested.
  // A new run writes its first last.safetensors before its first step.
  // Afterwards last.safetensors holds the state of the run, and best.safetensors the chosen weights. With
  // train.keep_epochs the weights of epochs are kept beside them (train/loop/kept_epochs.h).
  // Throws Error, naming step, layer and beats, if a loss or gradient is not finite;
  // both files are then left as they were after the last checkpoint.
  TrainingEnd run();

  // Loads the chosen weights (best.safetensors), and returns the network as a classifier.
  Classifier load_chosen();

  // Stores thresholds of the logits in best.safetensors, for programs that use the weights.
  void decide_above(const std::vector<float>& thresholds);

  model::Network& network() { return *network_; }
  Progress& progress() { return progress_; }
  // The share of the last epoch's steps that the loop waited for batches, since the program started.
  double loader_wait() const { return loader_wait_; }
  // The instruction sets of the cpu's kernels that computed the run, as "avx2"; empty on other devices.
  const std::string& instruction_set() const { return context_.instruction_set; }

 private:
  Classifier classifier();
  // The number of further steps after which profiling begins or ends; a large number if neither will.
  std::int64_t steps_to_profile_change() const;
  void take_steps(Loader& loader, std::int64_t count);
  void end_step(const Batch& batch, double rate, const StepResult& result, double seconds);
  void end_epoch();
  void save_last();
  void reload_best();

  std::uint64_t seed() const { return static_cast<std::uint64_t>(options_.recipe.seed); }

  TrainerOptions options_;
  TrainingData data_;
  CheckpointContext context_;
  std::unique_ptr<model::Network> network_;
  OptimizerState optimizer_;
  std::optional<ResidentDataset> resident_;
  TrainingStep step_;
  Progress progress_;
  std::int64_t epoch_steps_ = 0;
  StepReport last_;
  double epoch_seconds_ = 0;          // time of this epoch's steps since the program started
  double epoch_wait_ = 0;             // time that this epoch's steps waited for batches
  double loader_wait_ = 0;            // of the last epoch
  double session_seconds_ = 0;        // time of all steps since the program started
  double validation_seconds_ = 0;     // time of the last validation
  std::int64_t epoch_samples_ = 0;    // samples of this epoch since the program started
  std::int64_t session_samples_ = 0;  // samples since the program started
  std::int64_t session_steps_ = 0;
};

}  // namespace sec::train
