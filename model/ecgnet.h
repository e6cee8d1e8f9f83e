// ECGNet, a baseline of SE-ECGNet's paper: four convolutions of different widths side by side in time, a deep
// residual network of wide kernels, and an LSTM over the signal beside it. docs/baselines.md describes it.
#pragma once

#include <memory>

#include "model/network.h"

namespace sec::model {

class EcgNet : public Network {
 public:
  // options.width: channels of the first layers, 16 as released; the LSTM has 5 / 2 of that, 40. Throws Error
  // on options out of range, and on a length too short for the poolings, naming the shortest.
  EcgNet(const NetworkOptions& options, Stream& stream, std::uint64_t seed);
  ~EcgNet() override;

  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override;
  const NetworkOptions& options() const override;
  layers::ParameterSet& parameters() override;
  std::string summary() const override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sec::model
