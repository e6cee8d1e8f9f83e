// One training step (forward, loss, backward, clipping, optimizer, moving averages) as a recording. Shapes do
// not change from step to step, so neither does what the device is asked to do: the first step runs kernel by
// kernel and leaves the arena all memory it needs, the second is captured, and from then on a step is a
// replay over the same memory. What does change lies in device memory: the batch, and the step's values.
// Several steps can be asked for at once: their batches are brought to the device first, and the host then
// waits for the last one only.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/stream.h"
#include "kernels/optimizer.h"
#include "model/network.h"
#include "train/data/loader.h"
#include "train/loop/optimizer.h"
#include "train/loop/resident.h"

namespace sec::train {

struct StepResult {
  double loss = 0;
  double gradient_norm = 0;  // before clipping; not finite if any element of the gradient is not
};

class TrainingStep {
 public:
  // `recipe`, `network` and `optimizer` must outlive the step. Without `capture` every step runs kernel by
  // kernel, to the same bits: for profilers and debuggers. On cuda a recording needs an OwnedStream.
  TrainingStep(const Recipe& recipe, model::Network& network, OptimizerState& optimizer,
               Tensor class_weights,  // (classes), or undefined: all 1
               const Stream& stream, bool capture, DType activations = DType::f32,
               // The examples that batches are gathered from, by their indices; without, batches bring their
               // own. Must outlive the step.
               const ResidentDataset* resident = nullptr);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  // Takes the steps batch.step of the run, one after the other, at these learning rates, and waits for their
  // results. From a step whose gradient is not finite on, parameters stay as they were, and gradients are
  // left as that step had them. A batch of another size than the last one is run kernel by kernel, and a new
  // recording begins. Throws Error if the step holds something that cannot be recorded.
  std::vector<StepResult> take(std::span<const Batch> batches, std::span<const double> rates);
  StepResult take(const Batch& batch, double rate) { return take({&batch, 1}, {&rate, 1})[0]; }

 private:
  // What differs from step to step.
  struct Operands {
    Tensor x;           // (N, L, H, 1)
    Tensor covariates;  // (N, K), or undefined
    Tensor targets;     // (N) i32 or (N, classes)
    Tensor index;       // (N) i32 of resident examples, instead of all of these
    Tensor values;      // a StepValues, as i32
  };
  void upload(const Batch& batch, double rate, Operands& to);
  bool enter(const Operands& operands);  // false if they have not their predecessors' shapes
  void run(const Operands& operands);
  void compute();

  const Recipe& recipe_;
  model::Network& network_;
  OptimizerState& optimizer_;
  Tensor class_weights_;
  Stream stream_;
  bool capture_;
  DType activations_;
  const ResidentDataset* resident_;

  std::vector<Operands> waiting_;  // of the steps that were asked for, in order
  Operands now_;                   // of the step under way, each at one address for the life of a recording
  Tensor one_, zero_;              // (1)
  Tensor result_;                  // (2): the step's loss, and its gradient's sum of squares
  Tensor results_;                 // (steps, 2)

  bool warm_ = false;  // a step of this shape has run
  std::optional<Graph> graph_;
};

}  // namespace sec::train
