// A table of a network's layers: output shape, parameters and multiply-accumulates.
#pragma once

#include <string>
#include <vector>

#include "layers/blocks.h"
#include "layers/lstm.h"
#include "layers/pool.h"

namespace sec::model {

// Tracks the shape of one sample through the layers. Call the methods in the order of the forward pass.
// Multiply-accumulates (MACs) are counted for convolutions, linear layers and LSTMs.
class Summary {
 public:
  struct Line {
    std::string name;
    Shape output;             // for one sample: (L, H, C) or (C)
    std::int64_t parameters;  // number of parameters; 0 if an earlier line counts them
    std::int64_t macs;
    bool shared;  // true if an earlier line has the same layer
  };

  // Starts with a sample of shape (L, H, C).
  explicit Summary(const Shape& sample) : now_(sample) {}

  void conv(const layers::Conv& layer);
  void batch_norm(const layers::BatchNorm& layer);
  void linear(const layers::Linear& layer);
  void lstm(const layers::Lstm& layer, std::int64_t steps);  // one line per direction; keeps sample()
  void pool(const layers::PoolOptions& options);             // adds no line, changes sample()
  void squeeze_excite(const layers::SqueezeExcite& layer);
  void block_2d(const layers::Block2d& block);
  void block_1d(const layers::Block1d& block);

  const Shape& sample() const { return now_; }
  void set_sample(const Shape& sample) { now_ = sample; }  // used for views and parallel paths

  const std::vector<Line>& lines() const { return lines_; }
  std::string text() const;  // the table with a line of totals

 private:
  void pre_activation_conv(const layers::PreActivationConv& layer);
  void add(std::string name, const Shape& output, const std::vector<const layers::Parameter*>& held,
           std::int64_t macs);

  Shape now_;
  std::vector<Line> lines_;
  std::vector<const layers::Parameter*> seen_;
};

}  // namespace sec::model
