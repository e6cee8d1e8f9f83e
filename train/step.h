// One training step (forward, loss, backward, clipping, optimizer, moving averages) as a recording. Shapes do
// not change from step to step, so neither does what the device is asked to do: the first step runs kernel by
// kernel and leaves the arena all memory it needs, the second is captured, and from then on a step is a
// replay over the same memory. What does change lies in device memory: the batch, and the step's values.
#pragma once

#include <memory>
#include <optional>

#include "engine/stream.h"
#include "kernels/optimizer.h"
#include "model/network.h"
#include "train/loader.h"
#include "train/optimizer.h"

namespace sec::train {

struct StepResult {
  double loss = 0;
  double gradient_norm = 0;  // before clipping; not finite if any element of the gradient is not
};

class TrainingStep {
 public:
  // `recipe`, `network` and `optimizer` must outlive the step. Without `record` every step runs kernel by
  // kernel, to the same bits: for profilers and debuggers. On cuda a recording needs an OwnedStream.
  TrainingStep(const Recipe& recipe, model::Network& network, OptimizerState& optimizer,
               Tensor class_weights,  // (classes), or undefined: all 1
               const Stream& stream, bool record, DType activations = DType::f32);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  // Takes the step batch.step of the run at this learning rate, and waits for its result. If the gradient is
  // not finite the parameters stay as they were. A batch of another size than the last one is run kernel by
  // kernel, and a new recording begins. Throws Error if the step holds something that cannot be recorded.
  StepResult take(const Batch& batch, double rate);

 private:
  bool upload(const Batch& batch);  // false if the batch has not its predecessor's shape
  void compute();

  const Recipe& recipe_;
  model::Network& network_;
  OptimizerState& optimizer_;
  Tensor class_weights_;
  Stream stream_;
  bool record_;
  DType activations_;

  // The step's operands, each at one address for the life of a recording.
  Tensor x_;                         // (N, L, H, 1)
  Tensor covariates_;                // (N, K), or undefined
  Tensor targets_;                   // (N) i32 or (N, classes)
  std::shared_ptr<Storage> values_;  // StepValues
  Tensor one_;                       // (1): the gradient of the loss
  Tensor result_;                    // (2): the loss, and the gradient's sum of squares

  bool warm_ = false;  // a step of this shape has run
  std::optional<Graph> recording_;
};

}  // namespace sec::train
