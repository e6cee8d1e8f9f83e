// What training, scoring and files need of a network, whichever it is. model/networks.h makes one.
#pragma once

#include <string>
#include <vector>

#include "layers/linear.h"
#include "layers/parameters.h"

namespace sec::model {

// The sizes of every network's input and output, and what it is made of.
struct NetworkOptions {
  std::int64_t leads = 8;      // H
  std::int64_t length = 5000;  // L, samples
  std::int64_t classes = 34;
  std::int64_t covariates = 0;  // K further inputs of the head
  std::int64_t width = 32;      // channels, each network says of what
  bool tied = true;             // se-ecgnet: the blocks of a stage share one downsample module
  double dropout = 0.2;
  std::string model = "se-ecgnet";  // which network
  std::int64_t beats = 1;           // bircnn: heartbeats, one after the other in `length`
};

class Network {
 public:
  virtual ~Network() = default;
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  // The logits (N, classes). Throws Error if a shape does not fit the options.
  virtual Var forward(layers::Pass& pass,
                      const Var& x,                // (N, L, H, 1), mV
                      const Var& covariates) = 0;  // (N, K), or an undefined tensor where K = 0

  virtual const NetworkOptions& options() const = 0;
  virtual layers::ParameterSet& parameters() = 0;

  // One line a layer: name, output shape for one sample, parameters, MACs; and the sums.
  virtual std::string summary() const = 0;

 protected:
  Network() = default;
};

// For networks. Throws Error, beginning with `title`, unless the options are for `model` and in range.
void check_options(const NetworkOptions& options, const char* model, const char* title);

// What networks end with: features (N, C1), (N, C2), ... side by side, and a linear layer, to the logits. In
// f32, whatever the type of the features: logits are few, and their differences small.
Var head(layers::Pass& pass, const layers::Linear& layer, std::vector<Var> features);

// N, of inputs that fit the options; else throws Error.
std::int64_t check_inputs(const NetworkOptions& options, const char* title, const Var& x,
                          const Var& covariates);

}  // namespace sec::model
