// BiRCNN, a baseline of SE-ECGNet's paper: the heartbeats of a sequence each through two stacks of wide
// convolutions, bidirectional LSTMs over the sequence and over its intervals. docs/baselines.md describes it.
#pragma once

#include <memory>

#include "model/network.h"

namespace sec::model {

class BiRcnn : public Network {
 public:
  // options.beats heartbeats B of options.length / B samples each, one after the other; of the covariates the
  // first 2 B are the intervals, two a heartbeat, and the others go to the head. options.width: channels, and
  // hidden units a direction, 128 as released. options.dropout: behind each stack, half of it between the
  // layers of an LSTM. Throws Error on options out of range, and on heartbeats too short for the
  // convolutions, naming the shortest.
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
