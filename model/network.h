// The interface of all networks, for training, scoring and model files. model/networks.h creates networks.
#pragma once

#include <string>
#include <vector>

#include "layers/linear.h"
#include "layers/parameters.h"

namespace sec::model {

// The architecture of a network: input and output sizes, width and variant.
struct NetworkOptions {
  std::int64_t leads = 8;      // H
  std::int64_t length = 5000;  // L, samples
  std::int64_t classes = 34;
  std::int64_t covariates = 0;  // K, additional inputs of the head
  std::int64_t width = 32;      // number of channels; each network class documents of which layers
  bool tied = true;             // se-ecgnet: the blocks of a stage share one downsample
  double dropout = 0.2;
  std::string model = "se-ecgnet";  // the network's name, see networks.h
  std::int64_t beats = 1;           // bircnn: number of heartbeats in `length`
};

class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // Returns the logits (N, classes). Throws Error if an input's shape does not fit the options.
  virtual Var forward(layers::Pass& pass,
                      const Var& x,                // (N, L, H, 1), mV
                      const Var& covariates) = 0;  // (N, K), undefined if K is 0

  virtual const NetworkOptions& options() const = 0;
  virtual layers::ParameterSet& parameters() = 0;

  // A table with one line per layer and a line of totals. Columns: name, output shape, parameters, MACs.
  virtual std::string summary() const = 0;

 protected:
  Network() = default;
};

// Throws Error unless the options are for `model` and in range. The message starts with `title`.
void check_options(const NetworkOptions& options, const char* model, const char* title);

// The head of a network: concatenates features (N, C1), (N, C2), ... and applies a linear layer.
// The head computes in f32 for any type of features, because differences between logits are small.
Var head(layers::Pass& pass, const layers::Linear& layer, std::vector<Var> features);

// Returns the batch size N. Throws Error, starting with `title`, if a shape does not fit the options.
std::int64_t check_inputs(const NetworkOptions& options, const char* title, const Var& x,
                          const Var& covariates);

}  // namespace sec::model
