// Batch normalisation of each channel over all positions (Ioffe & Szegedy 2015), with PyTorch's conventions.
#pragma once

#include <string>
#include <utility>

#include "kernels/batch_norm.h"
#include "layers/parameters.h"

namespace sec::layers {

struct BatchNorm {
  std::string name;
  Parameter* weight = nullptr;        // gamma, (C)
  Parameter* bias = nullptr;          // beta, (C)
  State* running_mean = nullptr;      // (C)
  State* running_variance = nullptr;  // (C), unbiased
  std::int64_t channels = 0;
  float momentum = 0.1F;  // weight of the new batch in the running statistics
  float epsilon = 1e-5F;
};

// Registers the parameters NAME.weight (initially 1) and NAME.bias (0).
// Also registers the states NAME.running_mean (0) and NAME.running_var (1).
BatchNorm make_batch_norm(ParameterSet& set, const std::string& name, std::int64_t channels);

// Normalises x (N, L, H, C); the result has the same shape. Inference uses the running statistics.
// Training uses the statistics of the batch, and each call updates the running statistics.
// With a tape, inference records gradients too: those of a fixed scale and shift per channel.
// Throws Error on another shape, and on a training batch with a single position (which has no variance).
Var batch_norm(Pass& pass, const BatchNorm& layer, const Var& x);

// Throws Error unless x is (N, L, H, C) with the layer's number of channels.
void check_input(const BatchNorm& layer, const Var& x);

// The two training steps of batch norm, for fused layers.
// batch_statistics returns the mean and the biased variance of each channel, (C) each.
// running_update returns the operands of the update; throws Error on a batch with a single position.
std::pair<Tensor, Tensor> batch_statistics(Pass& pass, const Tensor& x);  // (N, L, H, C)
kernels::RunningUpdate running_update(const BatchNorm& layer, const Tensor& x, const Tensor& mean,
                                      const Tensor& variance);

}  // namespace sec::layers
