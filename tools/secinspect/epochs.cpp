#include "tools/secinspect/epochs.h"

#include <algorithm>
#include <cmath>

#include "model/networks.h"
#include "train/inspect/attribution.h"
#include "train/inspect/page_data.h"
#include "train/loop/checkpoint.h"
#include "train/loop/kept_epochs.h"

namespace sec::tools {
namespace {

using io::Json;
using namespace sec::train;

// Limits that keep pages small and quick to make.
constexpr std::size_t most_beat_epochs = 24;
constexpr std::size_t most_recording_epochs = 8;
constexpr PathOptions beat_path = {.steps = 32, .most_steps = 128};
constexpr PathOptions recording_path = {.steps = 8, .most_steps = 8};

// At most `most` of the epochs, evenly, with the last one.
std::vector<KeptEpoch> some_of(const std::vector<KeptEpoch>& kept, std::size_t most) {
  const std::size_t count = std::min(kept.size(), most);
  std::vector<KeptEpoch> some;
  for (std::size_t i = 1; i <= count; ++i) {
    some.push_back(kept[i * kept.size() / count - 1]);
  }
  return some;
}

// What attribution gives to each input channel and each covariate.
Json attribution_of(const Attribution& attribution, std::int64_t leads) {
  std::vector<double> channels(static_cast<std::size_t>(leads));
  for (std::size_t i = 0; i < attribution.x.size(); ++i) {
    channels[i % channels.size()] += static_cast<double>(attribution.x[i]);
  }
  return {{"channels", channels},
          {"covariates", attribution.covariates},
          {"sum", attribution.sum},
          {"logit_difference", attribution.difference}};
}

}  // namespace

void add_kept_epochs(InspectedModel& model, Stream& stream, const InspectedInput& inspected, int label,
                     Json& page) {
  const std::vector<KeptEpoch> kept = kept_epochs(model.file.parent_path());
  if (kept.empty()) {
    return;
  }
  const bool beats = !model.recipe.whole_recordings();
  const model::NetworkOptions& o = model.network->options();
  const WeightsInfo run = read_weights_info(model.file);
  const Target target = target_for(label, static_cast<std::size_t>(o.classes));
  const NetworkInput& baseline = inspected.usual ? *inspected.usual : inspected.flat;
  const std::unique_ptr<model::Network> network = model::make_network(o, stream, 0);
  Json list = Json::array();
  for (const KeptEpoch& one : some_of(kept, beats ? most_beat_epochs : most_recording_epochs)) {
    const WeightsInfo info = read_weights_info(one.file);
    require(info.run == run.run, "{}: holds the weights of another run ({}, {} is of {})", one.file.string(),
            info.run, model.file.filename().string(), run.run);
    require(info.chosen.epoch == one.epoch, "{}: holds the weights of epoch {}", one.file.string(),
            info.chosen.epoch);
    load_weights(one.file, *network, stream);
    network->parameters().gradients().zero(stream);
    const Observation observation = observe(*network, stream, inspected.input, target.weights);
    const Attribution attribution = integrated_gradients(*network, stream, inspected.input, baseline, target,
                                                         beats ? beat_path : recording_path);
    Json epoch = {{"epoch", one.epoch},
                  {"logits", observation.logits},
                  {"probabilities", model.probabilities(observation.logits)},
                  {"chosen", model.decide(observation.logits)},
                  {"stem", stem_json(observation, stream, inspected.rate)},
                  {"gates", gates_json(observation, {})},
                  {"attribution", attribution_of(attribution, o.leads)}};
    epoch["score"] = info.chosen.validation_score;  // NaN becomes null
    list.push_back(std::move(epoch));
  }
  page["epochs"] = {{"kept", kept.size()},
                    {"chosen", run.chosen.epoch},
                    {"class", label},
                    {"baseline", inspected.usual ? "usual beat" : "flat"},
                    {"list", std::move(list)}};
}

}  // namespace sec::tools
