#include "train/scoring/graph_forward.h"

namespace sec::train {

GraphForward::GraphForward(model::Network& network, const Stream& stream, DType activations, bool record)
    : network_(network),
      stream_(stream),
      activations_(activations),
      record_(record && stream.device != Device::cpu) {}

std::vector<float> GraphForward::logits(std::int64_t n, std::span<const float> x,
                                        std::span<const float> covariates) {
  const model::NetworkOptions& o = network_.options();
  const Shape x_shape{n, o.length, o.leads, 1};
  const Shape covariates_shape{n, o.covariates};
  // Layers keep what they have made of their weights: with others a pass is another.
  const std::uint64_t version = network_.parameters().values().version();
  if (version != version_) {
    recording_.reset();
    last_size_ = 0;
    version_ = version;
  }
  const bool recorded = recording_ && x_.shape() == x_shape;
  const bool again = n == last_size_;
  last_size_ = n;
  if (recorded) {
    x_.assign(stream_, x);
    if (o.covariates > 0) {
      covariates_.assign(stream_, covariates);
    }
  } else {
    const Tensor input = Tensor::from(stream_, x_shape, x);
    const Tensor more = o.covariates > 0 ? Tensor::from(stream_, covariates_shape, covariates) : Tensor();
    if (!record_ || !again) {
      return forward(input, more).to_vector(stream_);
    }
    recording_.reset();
    x_ = input;
    covariates_ = more;
    logits_ = Tensor::empty({n, o.classes}, DType::f32, stream_.device);
    recording_ = capture(stream_, [this] {
      const Tensor y = forward(x_, covariates_);
      copy_bytes(stream_, logits_.write().data, stream_.device, y.read().data, stream_.device,
                 static_cast<std::size_t>(y.count()) * sizeof(float));
    });
  }
  recording_->replay(stream_);
  return logits_.to_vector(stream_);
}

Tensor GraphForward::forward(const Tensor& x, const Tensor& covariates) {
  layers::Pass pass;
  pass.stream = stream_;
  pass.activations = activations_;
  return network_.forward(pass, x, covariates).value;
}

}  // namespace sec::train
