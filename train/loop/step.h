// A training step (forward, loss, backward, clipping, optimizer, moving averages) as a CUDA graph.
// All steps have the same shapes, so they launch the same kernels.
// The first step runs kernel by kernel and allocates all memory in the arena, the second is captured,
// and later steps replay the graph on the same memory. Values that change, which are the batch
// and the step's values, are read from device memory. Several steps can be requested at once:
// their batches are uploaded first, and the host waits only for the last.
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
  double gradient_norm = 0;  // before clipping; not finite if an element of the gradient is not finite
};

class TrainingStep {
 public:
  // `recipe`, `network` and `optimizer` must outlive this object. Without `capture` every step runs kernel by
  // kernel with bitwise equal results, for profilers and debuggers. On cuda a capture needs an OwnedStream.
  TrainingStep(const Recipe& recipe, model::Network& network, OptimizerState& optimizer,
               Tensor class_weights,  // (classes), or undefined for weights of 1
               const Stream& stream, bool capture, DType activations = DType::f32,
               // Examples in device memory from which batches are gathered by index.
               // Without it, each batch carries its examples. Must outlive this object.
               const ResidentDataset* resident = nullptr);
  TrainingStep(const TrainingStep&) = delete;
  TrainingStep& operator=(const TrainingStep&) = delete;

  // Runs the steps batch.step in order at these learning rates, and waits for their results.
  // If the gradient of a step is not finite,
  // neither that step nor later ones change the parameters, and the gradients of that step are kept.
  // A batch whose size differs from the last one runs kernel by kernel, and the next one is captured anew.
  // With `eager` these steps run kernel by kernel, with the same results; a graph that exists is kept.
  // The batches must stay as they are until the call returns.
  // Throws Error if a step contains something that cannot be captured.
  std::vector<StepResult> take(std::span<const Batch> batches, std::span<const double> rates,
                               bool eager = false);
  StepResult take(const Batch& batch, double rate) { return take({&batch, 1}, {&rate, 1})[0]; }

 private:
  // The device tensors whose values differ between steps.
  struct Operands {
    Tensor x;           // (N, L, H, 1)
    Tensor covariates;  // (N, K), or undefined
    Tensor targets;     // (N) i32 or (N, classes)
    Tensor index;       // (N) i32, indices of resident examples, instead of the three above
    Tensor values;      // the words of a StepValues, i32
    PinnedVector<std::int32_t> host_values;  // the same on the host, unchanged until their upload is done
  };
  void upload(const Batch& batch, double rate, Operands& to);
  bool enter(const Operands& operands);  // copies them to now_; returns false if their shapes have changed
  void run(const Operands& operands, bool eager);
  void compute();

  const Recipe& recipe_;
  model::Network& network_;
  OptimizerState& optimizer_;
  Tensor class_weights_;
  Stream stream_;
  bool capture_;
  DType activations_;
  const ResidentDataset* resident_;

  std::vector<Operands> waiting_;  // operands of the requested steps, in order
  Operands now_;       // operands of the current step, at fixed addresses as long as the graph lives
  Tensor one_, zero_;  // (1)
  Tensor result_;      // (2), the loss and the sum of squares of the gradient of a step
  Tensor results_;     // (steps, 2)

  bool warm_ = false;  // whether a step with the current shapes has run
  std::optional<Graph> graph_;
};

}  // namespace sec::train
