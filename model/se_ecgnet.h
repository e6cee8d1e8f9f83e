// SE-ECGNet (arXiv 2012.05510): a stem and a trunk that look at each lead alone, three branches with kernels
// of 3, 5 and 7 that first look at each lead and then at all leads together, squeeze-and-excite gates in
// every block, and a linear head over the concatenated branches. docs/network.md draws it.
#pragma once

#include <memory>
#include <string>

#include "layers/parameters.h"

namespace sec::model {

struct SeEcgNetOptions {
  std::int64_t leads = 8;      // H
  std::int64_t length = 5000;  // L, samples
  std::int64_t classes = 34;
  std::int64_t covariates = 0;  // K further inputs of the head
  std::int64_t width = 32;      // C, channels of the 2-D part; the 1-D part has C * H
  bool tied = true;             // the blocks of a stage share one downsample module, as in the authors' code
  double dropout = 0.2;
};

class SeEcgNet {
 public:
  // Registers and allocates all parameters. Throws Error if the length is too short for the strides (naming
  // the shortest that works) or an option is out of range.
  SeEcgNet(const SeEcgNetOptions& options, Stream& stream, std::uint64_t seed);
  ~SeEcgNet();
  SeEcgNet(const SeEcgNet&) = delete;
  SeEcgNet& operator=(const SeEcgNet&) = delete;

  // The logits (N, classes). Throws Error if a shape does not fit the options.
  Var forward(layers::Pass& pass,
              const Var& x,            // (N, L, H, 1), mV
              const Var& covariates);  // (N, K), or an undefined tensor where K = 0

  const SeEcgNetOptions& options() const;
  layers::ParameterSet& parameters();

  // One line a layer: name, output shape for one sample, parameters, MACs; and the sums.
  std::string summary() const;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sec::model
