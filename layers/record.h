// How layers record their operations on a pass's tape. If the pass has no tape, nothing is recorded or saved.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "layers/pass.h"

namespace sec::layers {

// Saves a tensor for the backward pass. Without a tape the tensor is not kept.
inline Saved saved(const Pass& pass, const Tensor& tensor) {
  return pass.tape != nullptr ? Saved(tensor) : Saved();
}

// Returns the output `y` of an operation, recorded with Tape::record if the pass has a tape.
// `backward` receives the gradient of y and adds the gradients of `inputs`; its captures use saved().
template <typename Backward>
Var record(Pass& pass, const char* name, Tensor y, const std::vector<Var>& inputs, Backward&& backward,
           TimeWindow window = {}) {
  if (pass.tape == nullptr) {
    return y;
  }
  return pass.tape->record(name, std::move(y), inputs, std::forward<Backward>(backward), window);
}

// Like record(), for a group of operations that run together: calls Tape::record_group.
template <typename Backward>
std::vector<Var> record_group(Pass& pass, const char* name, std::vector<Tensor> y,
                              const std::vector<Var>& inputs, Backward&& backward,
                              const std::vector<TimeWindow>& windows = {}) {
  if (pass.tape == nullptr) {
    return {y.begin(), y.end()};
  }
  return pass.tape->record_group(name, std::move(y), inputs, std::forward<Backward>(backward), windows);
}

// Throws Error, naming the layer, unless `same` holds for exactly one layer of the group.
// A group computes the gradients of its layers in parallel, so no two layers may share a parameter.
template <typename Layer, typename Same>
void require_once(const std::vector<const Layer*>& group, const char* kind, const std::string& name,
                  Same same) {
  require(std::ranges::count_if(group, same) == 1,
          "{} {}: appears twice in one group, whose gradients are computed in parallel", kind, name);
}

}  // namespace sec::layers
