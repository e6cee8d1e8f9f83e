#include "tools/secmodel/onnx_metadata.h"

#include <cmath>

#include "io/files/json.h"
#include "train/data/crops.h"
#include "train/loop/checkpoint.h"

namespace sec::tools {
namespace {

using io::Json;

bool has_recipe(const train::StoredNetwork& model) {
  return model.metadata.contains("recipe") && model.metadata.contains("decision");
}

Json normalisation_of(const train::Recipe& recipe) {
  const train::Recipe::Data& data = recipe.data;
  const train::Recipe::Input& input = recipe.input;
  if (recipe.whole_recordings()) {
    return {
        {"seconds", data.seconds},
        {"length", data.length},
        {"crop_begins", train::crop_begins(recipe)},  // samples; a crop has the length of the graph's input
        {"crops", recipe.decision.crops},             // how the logits of the crops are joined
        {"resampling", "fourier"},
        {"amplitudes", input.amplitudes},
        {"covariates", input.covariates}};
  }
  return {{"before_s", data.before},        {"after_s", data.after},        {"wander", data.wander},
          {"channels", input.channels},     {"normalise", input.normalise}, {"past_beats", input.past_beats},
          {"long_beats", input.long_beats}, {"clip", input.clip},           {"beats", input.beats},
          {"covariates", input.covariates}};
}

}  // namespace

std::vector<std::string> classes_of(const train::StoredNetwork& model, const std::filesystem::path& file) {
  return has_recipe(model) ? train::read_weights_info(file).recipe.classes : std::vector<std::string>();
}

std::map<std::string, std::string> onnx_metadata(const train::StoredNetwork& model,
                                                 const std::filesystem::path& file) {
  if (!has_recipe(model)) {
    return {};
  }
  const train::WeightsInfo info = train::read_weights_info(file);
  const train::Recipe& recipe = info.recipe;
  const bool whole = recipe.whole_recordings();
  std::map<std::string, std::string> metadata = {
      {"task", recipe.data.task},
      {"classes", Json(recipe.classes).dump()},
      {"leads", Json(recipe.data.leads).dump()},
      {"rate_hz", Json(whole ? recipe.recording_rate() : recipe.data.rate).dump()},
      {"logit_offsets", Json(info.decision_offsets).dump()},
      {"decision", whole ? "every class with logit + logit_offset > 0"
                         : "the class with the largest logit + logit_offset"},
      {"normalisation", normalisation_of(recipe).dump()},
      {"recipe", train::to_toml(recipe)}};
  if (whole) {
    std::vector<double> thresholds;
    for (const float offset : info.decision_offsets) {
      thresholds.push_back(1 / (1 + std::exp(static_cast<double>(offset))));
    }
    metadata["thresholds"] = Json(thresholds).dump();
  }
  return metadata;
}

}  // namespace sec::tools
