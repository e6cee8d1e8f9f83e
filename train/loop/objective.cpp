#include "train/loop/objective.h"

#include <cmath>

#include "engine/error.h"
#include "layers/loss.h"

namespace sec::train {

std::vector<float> class_weights(const Recipe& recipe, const BeatDataset& train) {
  if (!recipe.loss.weights.empty()) {
    return {recipe.loss.weights.begin(), recipe.loss.weights.end()};
  }
  if (recipe.loss.class_weights == "none") {
    return {};
  }
  const std::vector<ExampleId> beats = train.beats();
  std::vector<double> counts(recipe.classes.size());
  for (const ExampleId id : beats) {
    counts[static_cast<std::size_t>(train.beat(id).label)] += 1;
  }
  std::vector<float> weights;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    require(counts[c] > 0, "class weights: no training beat of class {}", recipe.classes[c]);
    const double inverse =
        static_cast<double>(beats.size()) / (static_cast<double>(counts.size()) * counts[c]);
    weights.push_back(
        static_cast<float>(recipe.loss.class_weights == "inverse" ? inverse : std::sqrt(inverse)));
  }
  return weights;
}

std::vector<float> decision_offsets(const Recipe& recipe, const BeatDataset& train) {
  const std::vector<SampledExample> beats = sampled_examples(train);
  const std::vector<double> drawn = drawn_shares(recipe.sampler, beats, recipe.classes.size());
  const std::vector<double> prior = drawn_shares(Recipe::Sampler(), beats, recipe.classes.size());
  std::vector<float> offsets;
  for (std::size_t c = 0; c < prior.size(); ++c) {
    require(prior[c] > 0, "decision: no training beat of class {}", recipe.classes[c]);
    offsets.push_back(static_cast<float>(recipe.decision.prior_power * std::log(prior[c] / drawn[c])));
  }
  return offsets;
}

Var objective(layers::Pass& pass, const Recipe& recipe, const Var& logits, const Tensor& targets,
              const Tensor& weights) {
  if (recipe.loss.kind == "cross_entropy") {
    return layers::softmax_cross_entropy(pass, static_cast<float>(recipe.loss.smoothing), logits, targets,
                                         weights);
  }
  if (recipe.loss.kind == "bce") {
    return layers::bce_with_logits(pass, logits, targets, weights);
  }
  return layers::focal_loss(pass, static_cast<float>(recipe.loss.focal_alpha),
                            static_cast<float>(recipe.loss.focal_gamma), logits, targets);
}

}  // namespace sec::train
