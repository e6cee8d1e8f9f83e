// ResNet34-1d, a baseline of SE-ECGNet's paper: He et al.'s 34 layers (arXiv 1512.03385) along time, 7-wide,
// with the leads as the input's channels. docs/baselines.md describes it.
#pragma once

#include <memory>

#include "model/network.h"

namespace sec::model {

class ResNet34 : public Network {
 public:
  // options.width: channels of the first stage, 64 as released; each later stage has twice as many. Throws
  // Error on options out of range.
  ResNet34(const NetworkOptions& options, Stream& stream, std::uint64_t seed);
  ~ResNet34() override;

  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override;
  const NetworkOptions& options() const override;
  layers::ParameterSet& parameters() override;
  std::string summary() const override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sec::model
