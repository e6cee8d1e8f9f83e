// A network's layers as a table: what each puts out, holds and costs.
#pragma once

#include <string>
#include <vector>

#include "layers/blocks.h"
#include "layers/lstm.h"
#include "layers/pool.h"

namespace sec::model {

// Follows one sample through the layers, in the order of the forward pass. Multiply-accumulates (MACs) are
// those of convolutions and linear layers.
class Summary {
 public:
  struct Line {
    std::string name;
    Shape output;             // for one sample: (L, H, C) or (C)
    std::int64_t parameters;  // 0 if an earlier line holds them
    std::int64_t macs;
    bool shared;  // an earlier line used the same layer
  };

  // Starts with a sample (L, H, C).
  explicit Summary(const Shape& sample) : now_(sample) {}

  void conv(const layers::Conv& layer);
  void batch_norm(const layers::BatchNorm& layer);
  void linear(const layers::Linear& layer);
  void lstm(const layers::Lstm& layer, std::int64_t steps);  // beside the sample, a line a direction
  void pool(const layers::PoolOptions& options);             // no line: it holds nothing
  void squeeze_excite(const layers::SqueezeExcite& layer);
  void block_2d(const layers::Block2d& block);
  void block_1d(const layers::Block1d& block);

  const Shape& sample() const { return now_; }
  void set_sample(const Shape& sample) { now_ = sample; }  // after a view or a pooling

  const std::vector<Line>& lines() const { return lines_; }
  std::string text() const;  // the lines, and the sums

 private:
  void pre_activation_conv(const layers::PreActivationConv& layer);
  void add(std::string name, const Shape& output, const std::vector<const layers::Parameter*>& held,
           std::int64_t macs);

  Shape now_;
  std::vector<Line> lines_;
  std::vector<const layers::Parameter*> seen_;
};

}  // namespace sec::model
