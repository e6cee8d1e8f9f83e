// SE-ECGNet (arXiv 2012.05510): a stem and a trunk that look at each lead alone, three branches with kernels
// of 3, 5 and 7 that first look at each lead and then at all leads together, squeeze-and-excite gates in
// every block, and a linear head over the concatenated branches. docs/network.md draws it.
#pragma once

#include <memory>
#include <string>

#include "model/network.h"

namespace sec::model {

// Its width: channels C of the 2-D part; the 1-D part has C * H. Tied as in the authors' code.
using SeEcgNetOptions = NetworkOptions;

class SeEcgNet : public Network {
 public:
  // Registers and allocates all parameters. Throws Error if the length is too short for the strides (naming
  // the shortest that works) or an option is out of range.
  SeEcgNet(const SeEcgNetOptions& options, Stream& stream, std::uint64_t seed);
  ~SeEcgNet() override;

  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override;
  const SeEcgNetOptions& options() const override;
  layers::ParameterSet& parameters() override;
  std::string summary() const override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sec::model
