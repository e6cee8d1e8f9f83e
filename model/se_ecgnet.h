// SE-ECGNet (arXiv 2012.05510). A stem and a trunk process each lead separately.
// Three branches follow, with kernels of 3, 5 and 7 taps:
// 2-D blocks process each lead separately, 1-D blocks process all leads together.
// Every block has squeeze-and-excite gates. A linear head reads the concatenated outputs of the branches.
// docs/network.md has a diagram.
#pragma once

#include <memory>
#include <string>

#include "model/network.h"

namespace sec::model {

// `width` is the number of channels C of the 2-D part. The 1-D part has C * H channels.
// The authors' code ties the downsamples of a stage, so `tied` is true by default.
using SeEcgNetOptions = NetworkOptions;

class SeEcgNet : public Network {
 public:
  // Registers all parameters without allocating them: their shapes alone are known. Throws Error if an option is out of range or the length is
  // shorter than the stem's kernel; the message names the shortest length.
  explicit SeEcgNet(const SeEcgNetOptions& options);
  // Allocates the parameters, too, and draws their initial values.
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
