// Batch normalisation over all positions of each channel (Ioffe & Szegedy 2015), with PyTorch's conventions.
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
  float momentum = 0.1F;  // of the new batch in the running statistics
  float epsilon = 1e-5F;
};

// Registers NAME.weight of 1, NAME.bias of 0, and the states NAME.running_mean of 0, NAME.running_var of 1.
BatchNorm make_batch_norm(ParameterSet& set, const std::string& name, std::int64_t channels);

// (N, L, H, C) to the same shape. In training the batch's own statistics normalise and the running ones are
// updated, once per call; otherwise the running ones normalise. Throws Error on another shape, on a training
// batch of one position (it has no variance), and if asked to record a gradient outside training.
Var batch_norm(Pass& pass, const BatchNorm& layer, const Var& x);

// What it throws on.
void check_input(const Pass& pass, const BatchNorm& layer, const Var& x);

// Its two steps of training, for whoever normalises on the way: mean and biased variance of each channel, (C)
// each; and the operands of the running statistics' update. The latter throws Error on a batch of one
// position.
std::pair<Tensor, Tensor> batch_statistics(Pass& pass, const Tensor& x);  // (N, L, H, C)
kernels::RunningUpdate running_update(const BatchNorm& layer, const Tensor& x, const Tensor& mean,
                                      const Tensor& variance);

}  // namespace sec::layers
