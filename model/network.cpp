#include "model/network.h"

#include "layers/pointwise.h"

namespace sec::model {

void check_options(const NetworkOptions& options, const char* model, const char* title) {
  const auto& [leads, length, classes, covariates, width, tied, dropout, named, beats] = options;
  require(named == model, "{}: expected the options of {}, got those of {}", title, model, named);
  require(leads > 0, "{}: expected at least 1 lead, got {}", title, leads);
  require(length > 0, "{}: expected at least 1 sample, got {}", title, length);
  require(classes > 0, "{}: expected at least 1 class, got {}", title, classes);
  require(covariates >= 0, "{}: expected 0 or more covariates, got {}", title, covariates);
  require(width > 0, "{}: expected a width of at least 1 channel, got {}", title, width);
  require(dropout >= 0 && dropout < 1, "{}: expected a dropout in [0, 1), got {}", title, dropout);
  require(beats > 0 && (beats == 1 || named == "bircnn"), "{}: expected 1 heartbeat, got {}", title, beats);
}

Var head(layers::Pass& pass, const layers::Linear& layer, std::vector<Var> features) {
  for (Var& part : features) {
    part = layers::cast(pass, part, DType::f32);
  }
  return layers::linear(pass, layer, layers::concat(pass, features));
}

std::int64_t check_inputs(const NetworkOptions& options, const char* title, const Var& x,
                          const Var& covariates) {
  const auto& o = options;
  const std::int64_t n = x.shape().rank() == 4 ? x.shape()[0] : 0;
  require(n > 0 && x.shape() == Shape({n, o.length, o.leads, 1}),
          "{}: expected an input (N, {}, {}, 1), got {}", title, o.length, o.leads, x.shape().text());
  require(o.covariates > 0 ? covariates.shape() == Shape({n, o.covariates}) : !covariates.value.defined(),
          "{}: expected covariates ({}, {}), got {}", title, n, o.covariates, covariates.shape().text());
  return n;
}

}  // namespace sec::model
