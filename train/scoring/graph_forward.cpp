#include "train/scoring/graph_forward.h"

namespace sec::train {

GraphForward::GraphForward(model::Network& network, const Stream& stream, DType activations, bool capture)
    : network_(network),
      stream_(stream),
      activations_(activations),
      capture_(capture && stream.device != Device::cpu) {}

std::vector<float> GraphForward::logits(std::int64_t n, std::span<const float> x,
                                        std::span<const float> covariates) {
  const model::NetworkOptions& o = network_.options();
  const Shape x_shape{n, o.length, o.leads, 1};
  const Shape covariates_shape{n, o.covariates};
  // Layers cache data derived from their weights, so a graph is valid for one version of the weights.
  const std::uint64_t version = network_.parameters().values().version();
  if (version != version_) {
    graph_.reset();
    last_size_ = 0;
    version_ = version;
  }
  const bool captured = graph_ && x_.shape() == x_shape;
  const bool again = n == last_size_;
  last_size_ = n;
  if (captured) {
    x_.assign(stream_, x);
    if (o.covariates > 0) {
      covariates_.assign(stream_, covariates);
    }
  } else {
    const Tensor input = Tensor::from(stream_, x_shape, x);
    const Tensor more = o.covariates > 0 ? Tensor::from(stream_, covariates_shape, covariates) : Tensor();
    if (!capture_ || !again) {
      return forward(input, more).to_vector(stream_);
    }
    graph_.reset();
    x_ = input;
    covariates_ = more;
    logits_ =
        {};  // allocated in the capture, whose plan only holds the memory that the previous pass released
    graph_ = capture(stream_, [this] { logits_ = forward(x_, covariates_); });
  }
  graph_->replay(stream_);
  return logits_.to_vector(stream_);
}

Tensor GraphForward::forward(const Tensor& x, const Tensor& covariates) {
  layers::Pass pass;
  pass.stream = stream_;
  pass.activations = activations_;
  return network_.forward(pass, x, covariates).value;
}

}  // namespace sec::train
