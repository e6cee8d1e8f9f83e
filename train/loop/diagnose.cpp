#include "train/loop/diagnose.h"

#include <algorithm>
#include <cmath>

#include "layers/accumulate.h"
#include "train/scoring/predict.h"

namespace sec::train {
namespace {

bool all_finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); });
}

std::vector<ExampleId> spoilt_inputs(const Dataset& examples, const Batch& batch) {
  const auto cells = batch.x.size() / batch.beats.size();
  const auto k = static_cast<std::size_t>(examples.covariates());
  const auto finite = [](float v) { return std::isfinite(v); };
  std::vector<ExampleId> beats;
  for (std::size_t n = 0; n < batch.beats.size(); ++n) {
    const auto x = std::span(batch.x).subspan(n * cells, cells);
    const auto covariates = std::span(batch.covariates).subspan(n * k, k);
    if (!std::ranges::all_of(x, finite) || !std::ranges::all_of(covariates, finite)) {
      beats.push_back(batch.beats[n]);
    }
  }
  return beats;
}

// The name of the first parameter among an operation's inputs, or empty if there is none.
std::string parameter_among(layers::ParameterSet& set, const std::vector<Var>& inputs) {
  for (const Var& input : inputs) {
    for (const layers::Parameter& p : set.parameters()) {
      if (input.value.defined() && input.value.read().data == p.value.read().data) {
        return p.name;
      }
    }
  }
  return {};
}

// Describes the first operation of the forward pass whose output is not finite.
// Empty if all outputs are finite.
std::string first_bad_layer(model::Network& network, const Dataset& examples, const Batch& batch,
                            Stream& stream, DType activations, std::uint64_t seed) {
  std::string found;
  std::string last_layer = "the input";
  Tape tape(stream, layers::accumulate);
  tape.watch([&](const Tape::Operation& operation) {
    const std::string parameter = parameter_among(network.parameters(), operation.inputs);
    if (found.empty() && !all_finite(operation.value.to_vector(stream))) {
      found = parameter.empty() ? fmt::format("{} after {}", operation.name, last_layer)
                                : fmt::format("{} with {}", operation.name, parameter);
      found += fmt::format(", output {}", operation.value.shape().text());
    }
    last_layer = parameter.empty() ? last_layer : parameter;
  });
  layers::Pass pass;
  pass.fused = false;  // separate operations, so that the failing one can be named
  pass.stream = stream;
  pass.activations = activations;
  pass.tape = &tape;
  pass.training = true;
  pass.seed = seed;
  pass.step = static_cast<std::uint32_t>(batch.step);
  network.forward(pass, input_tensor(batch, examples, stream), covariate_tensor(batch, examples, stream));
  return found;
}

}  // namespace

std::string diagnose_step(model::Network& network, const Dataset& examples, const Batch& batch,
                          Stream& stream, DType activations, std::uint64_t seed) {
  for (const layers::Parameter& p : network.parameters().parameters()) {
    if (!all_finite(p.value.to_vector(stream))) {
      return fmt::format("the weights {} are not finite; batch: {}", p.name, examples.text(batch.beats));
    }
  }
  const std::vector<ExampleId> spoilt = spoilt_inputs(examples, batch);
  if (!spoilt.empty()) {
    return "the input is not finite for " + examples.text(spoilt);
  }
  const std::string layer = first_bad_layer(network, examples, batch, stream, activations, seed);
  if (!layer.empty()) {
    return fmt::format("the first layer whose output is not finite is {}; batch: {}", layer,
                       examples.text(batch.beats));
  }
  for (const layers::Parameter& p : network.parameters().parameters()) {
    if (!all_finite(p.gradient.to_vector(stream))) {
      return fmt::format("all layers' outputs are finite, but the gradient of {} is not; batch: {}", p.name,
                         examples.text(batch.beats));
    }
  }
  return "the loss alone is not finite; batch: " + examples.text(batch.beats);
}

}  // namespace sec::train
