// A network's forward pass in inference mode, as a recording where that saves something. Batches come in one
// size again and again, with others between them. A size that comes twice in a row is recorded, and its
// recording replayed whenever the size comes again, until another one is recorded; all else runs kernel by
// kernel, to the same bits. On cpu nothing is recorded: there is nothing to gain.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/stream.h"
#include "model/network.h"

namespace sec::train {

class GraphForward {
 public:
  // `network` must outlive it; its weights may change between batches. `activations`: see layers/pass.h.
  // Without `record` every batch runs kernel by kernel. On cuda a recording needs an OwnedStream.
  GraphForward(model::Network& network, const Stream& stream, DType activations, bool record);
  GraphForward(const GraphForward&) = delete;
  GraphForward& operator=(const GraphForward&) = delete;

  // The logits (N, classes). Throws Error if the pass holds something that cannot be recorded.
  std::vector<float> logits(std::int64_t n,
                            std::span<const float> x,            // (N, L, H)
                            std::span<const float> covariates);  // (N, K)

 private:
  Tensor forward(const Tensor& x, const Tensor& covariates);

  model::Network& network_;
  Stream stream_;
  DType activations_;
  bool record_;

  std::uint64_t version_ = 0;  // of the weights that were used last
  std::int64_t last_size_ = 0;
  std::optional<Graph> recording_;
  // The recording's.
  Tensor x_;           // (N, L, H, 1)
  Tensor covariates_;  // (N, K), or undefined
  Tensor logits_;      // (N, classes)
};

}  // namespace sec::train
