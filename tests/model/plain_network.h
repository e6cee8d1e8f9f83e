// SE-ECGNet in plain double-precision loops, written from its description and independent of layers/ and
// model/: what the engine's network is compared with, and what finite differences are taken of.
#pragma once

#include "model/se_ecgnet.h"
#include "tests/layers/plain.h"

namespace sec::plain {

struct Mode {
  bool training = false;
  std::uint64_t seed = 0;  // of dropout
  std::uint32_t step = 0;
};

// The logits (N, classes). In training the running statistics in `states` are updated.
Array se_ecgnet(const model::SeEcgNetOptions& options, const Arrays& parameters, Arrays& states,
                const Mode& mode, const Array& x, const Array& covariates);

// Moves running statistics of mean and unbiased variance by a tenth towards those of `x`.
void update_running(Array& mean, Array& variance, const Array& x);

}  // namespace sec::plain
