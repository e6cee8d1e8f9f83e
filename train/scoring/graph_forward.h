// A network's forward pass in inference mode, replayed as a CUDA graph where that saves launch time.
// A batch size that comes twice in a row is captured as a graph. Later batches of that size replay the graph.
// It lasts until another size is captured. Batches of other sizes run kernel by kernel.
// Results are bitwise equal. The cpu device captures nothing: it has no launch overhead to save.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "engine/stream.h"
#include "model/network.h"

namespace sec::train {

class GraphForward {
 public:
  // `network` must outlive this object; its weights may change between batches.
  // `activations`: see layers/pass.h.
  // Without `capture` every batch runs kernel by kernel. On cuda a capture needs an OwnedStream.
  GraphForward(model::Network& network, const Stream& stream, DType activations, bool capture);
  GraphForward(const GraphForward&) = delete;
  GraphForward& operator=(const GraphForward&) = delete;

  // Returns the logits (N, classes). Throws Error if the pass contains something that cannot be captured.
  std::vector<float> logits(std::int64_t n,
                            std::span<const float> x,            // (N, L, H)
                            std::span<const float> covariates);  // (N, K)

 private:
  Tensor forward(const Tensor& x, const Tensor& covariates);

  model::Network& network_;
  Stream stream_;
  DType activations_;
  bool capture_;

  std::uint64_t version_ = 0;   // version of the weights that the last batch used
  std::int64_t last_size_ = 0;  // size of the last batch
  std::optional<Graph> graph_;
  // Inputs and output of the graph, at fixed addresses.
  Tensor x_;           // (N, L, H, 1)
  Tensor covariates_;  // (N, K), or undefined
  Tensor logits_;      // (N, classes)
};

}  // namespace sec::train
