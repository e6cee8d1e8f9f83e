// Batch norm, ReLU, dropout and a convolution, the unit of a pre-activation network (He et al. 2016).
// It runs as one fused operation if the device supports that (kernels/pre_activation.h), otherwise unfused.
#pragma once

#include <string>
#include <vector>

#include "layers/batch_norm.h"
#include "layers/conv.h"
#include "layers/record.h"

namespace sec::layers {

// A tensor (N, L, H, C) with statistics that its producer computed along the way.
// The statistics save the next operation a pass over the tensor.
struct VarWithStats : Var {
  Tensor mean, variance;  // (C) f32, batch statistics; undefined if not computed
  Tensor squeeze;         // (N, C), the mean over positions; undefined if not computed

  VarWithStats() = default;
  VarWithStats(Var var) : Var(std::move(var)) {}           // NOLINT(google-explicit-constructor): no stats
  VarWithStats(Tensor tensor) : Var(std::move(tensor)) {}  // NOLINT(google-explicit-constructor)
};

// Records `y` as the outputs of a group and sets their nodes; see layers/record.h.
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

// Whether the pass fuses layers with `c_in` input channels and `c_out` output channels.
bool is_fused(const Pass& pass, std::int64_t c_in, std::int64_t c_out);

// Computes the missing statistics of all x. Inputs that share a tensor share its statistics.
void ensure_statistics(Pass& pass, std::vector<VarWithStats>& x);

// The operation that the caller will apply to the outputs. Its statistics are computed along the way.
enum class Next { nothing, batch_norm, squeeze };

// Runs a group: layer i on input x[i], (N, L, H, Ci) to (N, Lo, H, Co).
std::vector<VarWithStats> pre_activation_convs(Pass& pass,
                                               const std::vector<const PreActivationConv*>& layers,
                                               const std::vector<VarWithStats>& x, Next next);

// Runs one layer, without statistics of the output.
Var pre_activation_conv(Pass& pass, const PreActivationConv& layer, const Var& x);

}  // namespace sec::layers
