#include "tools/secinspect/model.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "io/files/json.h"
#include "io/files/read_file.h"
#include "train/loop/checkpoint.h"
#include "train/loop/model_file.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using train::Recipe;

constexpr std::uintmax_t largest_metrics = 64 << 20;  // bytes

std::vector<std::string> usual_leads(std::int64_t count) {
  if (count == 8) {
    return {"I", "II", "V1", "V2", "V3", "V4", "V5", "V6"};
  }
  if (count == 12) {
    return {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
  }
  return {};
}

// A state dict says only its shapes. It is taken for a network of whole recordings of 10 s.
Recipe recipe_of(const train::StoredNetwork& stored, const fs::path& file, const Options& options) {
  const model::NetworkOptions& o = stored.network->options();
  Recipe recipe;
  recipe.title = file.stem().string();
  recipe.data.task = "recordings";
  recipe.data.length = o.length;
  recipe.data.leads = options.leads.empty() ? usual_leads(o.leads) : options.leads;
  require(!recipe.data.leads.empty() || options.record.empty(),
          "{}: does not say which {} lead(s) it reads: give --leads", file.string(), o.leads);
  recipe.input.amplitudes = train::amplitudes_of(stored, file);
  recipe.loss.kind = "bce";
  recipe.network.model = o.model;
  recipe.classes.clear();
  for (std::int64_t c = 1; c <= o.classes; ++c) {
    recipe.classes.push_back(fmt::format("class {}", c));
  }
  if (o.covariates == 2) {
    recipe.input.covariates = {"age", "sex"};
  }
  return recipe;
}

// The temperature of the first evaluation in metrics.json beside the weights.
std::optional<double> temperature_beside(const fs::path& file) {
  const fs::path metrics = file.parent_path() / "metrics.json";
  if (!fs::exists(metrics)) {
    return std::nullopt;
  }
  const io::Json json = io::Json::parse_or_null(io::read_file(metrics, largest_metrics));
  if (!json.is_object() || !json.contains("calibration")) {
    return std::nullopt;
  }
  const io::Json& calibration = json.at("calibration");
  const auto read = [](const io::Json& one) -> std::optional<double> {
    const bool has = one.is_object() && one.contains("temperature") && one.at("temperature").is_number();
    return has ? std::optional(one.at("temperature").get<double>()) : std::nullopt;
  };
  if (calibration.is_object()) {
    for (const auto& [name, one] : calibration.items()) {
      if (const auto found = read(one)) {
        return found;
      }
    }
  }
  return std::nullopt;
}

}  // namespace

int InspectedModel::decide(std::span<const float> logits) const {
  int chosen = 0;
  double best = -INFINITY;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const double value = static_cast<double>(logits[c]) + (offsets.empty() ? 0.0F : offsets[c]);
    if (value > best) {
      best = value;
      chosen = static_cast<int>(c);
    }
  }
  return chosen;
}

std::vector<double> InspectedModel::probabilities(std::span<const float> logits) const {
  const double t = temperature.value_or(1);
  std::vector<double> values;
  double sum = 0;
  double top = -INFINITY;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const double offset = softmax() && !offsets.empty() ? offsets[c] : 0.0F;
    values.push_back((static_cast<double>(logits[c]) + offset) / t);
    top = std::max(top, values.back());
  }
  for (double& value : values) {
    value = softmax() ? std::exp(value - top) : 1 / (1 + std::exp(-value));
    sum += value;
  }
  if (softmax()) {
    std::ranges::for_each(values, [sum](double& value) { value /= sum; });
  }
  return values;
}

InspectedModel load_model(const Options& options, Stream& stream) {
  InspectedModel result;
  result.file = train::weights_file(options.model);
  train::StoredNetwork stored = train::read_model(result.file, options.length, stream);
  if (stored.metadata.contains("recipe")) {
    train::WeightsInfo info = train::read_weights_info(result.file);
    result.recipe = std::move(info.recipe);
    result.offsets = std::move(info.decision_offsets);
    result.temperature = result.recipe.whole_recordings() ? std::nullopt : temperature_beside(result.file);
    const std::size_t reads = result.recipe.data.leads.size();
    require(options.leads.empty() || options.leads.size() == reads,
            "--leads {}: names {} {}, the model reads {} ({})", fmt::join(options.leads, ","),
            options.leads.size(), options.leads.size() == 1 ? "lead" : "leads", reads,
            fmt::join(result.recipe.data.leads, ", "));
    if (!options.leads.empty()) {
      result.recipe.data.leads = options.leads;
    }
  } else {
    result.recipe = recipe_of(stored, result.file, options);
  }
  result.recipe.data.verify = options.verify;
  result.network = std::move(stored.network);
  return result;
}

}  // namespace sec::tools
