// Linked into builds without the cuda device.
#include "engine/error.h"
#include "train/scoring/auc.h"

namespace sec::train::cuda {

std::int64_t twice_pairs_won(Stream&, std::span<const float>, std::span<const float>) {
  fail("device cuda: this build has no kernels for it");
}

}  // namespace sec::train::cuda
