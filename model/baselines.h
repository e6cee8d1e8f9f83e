// The networks that SE-ECGNet's paper compares with, reimplemented as baselines.
// docs/baselines.md describes them in detail.
#pragma once

#include <memory>

#include "model/network.h"

namespace sec::model {

// ResNet34-1d: the 34-layer network of He et al. (arXiv 1512.03385) with kernels of 7 taps along time.
// The leads are the channels of its input.
class ResNet34 : public Network {
 public:
  // options.width is the number of channels of the first stage, 64 in the released network. Each later stage
  // has twice the channels of the stage before. Throws Error on options out of range.
  explicit ResNet34(const NetworkOptions& options);  // registers the parameters and does not allocate them
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

// ECGNet: four parallel convolutions of different widths, a deep residual network with kernels of 17 taps,
// and an LSTM that reads the input signal directly.
class EcgNet : public Network {
 public:
  // options.width is the number of channels W of the first layers, 16 in the released network. The LSTM has
  // 5 W / 2 hidden units. Throws Error on options out of range and on a length that is too short for the
  // poolings; the message names the shortest length.
  explicit EcgNet(const NetworkOptions& options);  // registers the parameters and does not allocate them
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

// BiRCNN: classifies a sequence of heartbeats.
// Two stacks of convolutions read each heartbeat, bidirectional LSTMs read the sequence of their outputs,
// and another LSTM reads the intervals between heartbeats.
class BiRcnn : public Network {
 public:
  // The input is options.beats heartbeats B of options.length / B samples each, concatenated in time.
  // The first 2 B covariates are the intervals, two per heartbeat; the other covariates go to the head.
  // options.width is the number of channels and of hidden units per direction, 128 in the released network.
  // options.dropout is the rate after each stack; between the layers of an LSTM the rate is half of it.
  // Throws Error on options out of range and on heartbeats that are too short for the convolutions; the
  // message names the shortest length.
  explicit BiRcnn(const NetworkOptions& options);  // registers the parameters and does not allocate them
  BiRcnn(const NetworkOptions& options, Stream& stream, std::uint64_t seed);
  ~BiRcnn() override;

  Var forward(layers::Pass& pass, const Var& x, const Var& covariates) override;
  const NetworkOptions& options() const override;
  layers::ParameterSet& parameters() override;
  std::string summary() const override;

 private:
  struct Layers;
  std::unique_ptr<Layers> layers_;
};

}  // namespace sec::model
