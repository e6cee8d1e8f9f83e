// Reference implementation of SE-ECGNet in double precision, independent of layers/ and model/.
// Tests compare the engine's network with the reference and compute finite differences from it.
#pragma once

#include "model/se_ecgnet.h"
#include "tests/layers/plain.h"

namespace sec::plain {

struct Mode {
  bool training = false;
  std::uint64_t seed = 0;  // seed of dropout
  std::uint32_t step = 0;
};

// Returns the logits (N, classes). In training mode, updates the running statistics in `states`.
Array se_ecgnet(const model::SeEcgNetOptions& options, const Arrays& parameters, Arrays& states,
                const Mode& mode, const Array& x, const Array& covariates);

// Moves the running mean and unbiased variance a tenth of the way to those of `x`.
void update_running(Array& mean, Array& variance, const Array& x);

}  // namespace sec::plain
