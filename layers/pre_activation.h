// Batch norm, ReLU, dropout and a convolution: what a pre-activation network (He et al. 2016) is made of, as
// one operation where the device has it (kernels/pre_activation.h), else one after another.
#pragma once

#include <string>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/record.h"

namespace sec::layers {

// A tensor (N, L, H, C) with what the operation that made it knows of it, which saves the next one a pass.
struct VarWithStats : Var {
  Tensor mean, variance;  // (C) f32, over the batch; undefined if not known
  Tensor squeeze;         // (N, C), over a sample's positions; undefined if not known

  VarWithStats() = default;
  VarWithStats(Var var) : Var(std::move(var)) {}           // NOLINT(google-explicit-constructor): any tensor
  VarWithStats(Tensor tensor) : Var(std::move(tensor)) {}  // NOLINT(google-explicit-constructor)
};

// Records `y` as the outputs of one group (layers/record.h).
template <typename Backward>
void record_group(Pass& pass, const char* name, std::vector<VarWithStats>& y, const std::vector<Var>& inputs,
                  Backward&& backward) {
  if (pass.tape == nullptr) {
    return;
  }
  std::vector<Tensor> values;
  for (const VarWithStats& output : y) {
    values.push_back(output.value);
  }
  const std::vector<Var> recorded =
      record_group(pass, name, std::move(values), inputs, std::forward<Backward>(backward));
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i].node = recorded[i].node;
  }
}

// conv(dropout(relu(bn(x)))).
struct PreActivationConv {
  BatchNorm bn;
  Conv conv;
  double dropout = 0;
};

// Whether the pass runs what turns `c_in` channels into `c_out` as one operation.
bool is_fused(const Pass& pass, std::int64_t c_in, std::int64_t c_out);

// Fills in the statistics of x that are not known, those of one tensor once.
void ensure_statistics(Pass& pass, std::vector<VarWithStats>& x);

// What the caller will do with the outputs, so that it can be summed on the way.
enum class Next { nothing, batch_norm, squeeze };

// Each layer on its own input, the convolutions side by side. (N, L, H, Ci) to (N, Lo, H, Co).
std::vector<VarWithStats> pre_activation_convs(Pass& pass,
                                               const std::vector<const PreActivationConv*>& layers,
                                               const std::vector<VarWithStats>& x, Next next);

Var pre_activation_conv(Pass& pass, const PreActivationConv& layer, const Var& x);

}  // namespace sec::layers
