#include "tools/secinspect/page_content.h"

#include <algorithm>
#include <cmath>

#include "io/databases/open_recording.h"
#include "io/files/standard_streams.h"
#include "io/recording/lead_names.h"
#include "model/networks.h"
#include "tools/secinspect/epochs.h"
#include "tools/secinspect/kernel_list.h"
#include "tools/secinspect/similar_beats.h"
#include "train/inspect/arrays.h"
#include "train/inspect/dump.h"
#include "train/inspect/page_data.h"
#include "train/inspect/what_if.h"
#include "train/inspect/window.h"

namespace sec::tools {
namespace {

using io::Json;
using namespace sec::train;

constexpr double seconds_around_beat = 4;          // of the recording, shown before and after a beat
constexpr std::size_t searched_for_default = 500;  // beats among which one that stands out is looked for

Json model_json(InspectedModel& model, const Observation& observation, double rate) {
  const model::NetworkOptions& o = model.network->options();
  std::int64_t macs = 0;
  for (const ObservedNode& node : observation.nodes) {
    macs += node.macs;
  }
  Json json = {{"name", model::network_title(o.model)},
               {"file", model.file.filename().string()},
               {"task", model.recipe.data.task},
               {"leads", model.recipe.data.leads},
               {"rate", rate},
               {"length", o.length},
               {"classes", model.recipe.classes},
               {"width", o.width},
               {"parameters", model.network->parameters().count()},
               {"macs", macs},
               {"decision", model.softmax() ? "softmax" : "sigmoid"},
               {"logit_offsets", model.offsets}};
  json["temperature"] = model.temperature ? Json(*model.temperature) : Json();
  return json;
}

// The time of each operation, if the device is cpu.
std::vector<double> seconds_on_cpu(InspectedModel& model, Stream& stream, const NetworkInput& input) {
  constexpr int repeats = 5;
  return stream.device == Device::cpu ? operation_seconds(*model.network, stream, input, repeats)
                                      : std::vector<double>();
}

// What is shown of the file itself: the leads that the network reads, in mV, at their own rate.
struct ShownRecord {
  double rate = 0, begin = 0, end = 0;
  std::vector<std::string> names;
  std::vector<std::vector<float>> leads;
  std::string date;
};

// The part of a recording from `from` to `to` seconds, cut to what there is.
ShownRecord read_shown(const std::filesystem::path& path, const std::vector<std::string>& wanted, double from,
                       double to) {
  const auto reader = io::open_recording(path);
  const io::ReaderInfo& info = reader->info();
  const std::vector<std::string> names = io::names_of(info.leads);
  std::vector<std::size_t> chosen;
  if (std::ranges::find(wanted, "other") != wanted.end()) {
    chosen = io::select_leads(names, path.string(), wanted);
  } else {  // a limb lead that the program computed from others is not in the file
    for (const std::string& name : wanted) {
      if (const auto found = io::find_lead(names, name, path.string())) {
        chosen.push_back(*found);
      }
    }
  }
  ShownRecord shown;
  const auto begin = std::clamp<std::int64_t>(std::llround(from * info.rate), 0, info.samples);
  const auto end = std::clamp<std::int64_t>(std::llround(to * info.rate), begin, info.samples);
  const int per_frame = chosen.empty() ? 1 : info.samples_per_frame[chosen.front()];
  shown.rate = info.rate * per_frame;
  shown.begin = static_cast<double>(begin) / info.rate;
  shown.end = static_cast<double>(end) / info.rate;
  shown.date =
      info.start_date + (info.start_date.empty() || info.start_time.empty() ? "" : " ") + info.start_time;
  std::erase_if(chosen, [&](std::size_t lead) { return info.samples_per_frame[lead] != per_frame; });
  std::vector<std::vector<float>> signals(names.size());
  std::vector<std::span<float>> spans(names.size());
  for (const std::size_t lead : chosen) {
    signals[lead].resize(static_cast<std::size_t>((end - begin) * per_frame));
    spans[lead] = signals[lead];
  }
  reader->read(begin, end - begin, spans);
  for (const std::size_t lead : chosen) {
    shown.names.push_back(names[lead]);
    shown.leads.push_back(std::move(signals[lead]));
  }
  return shown;
}

Json record_json(const Options& options, const ShownRecord& shown, double window_begin, double window_end) {
  Json leads = Json::array();
  for (std::size_t i = 0; i < shown.leads.size(); ++i) {
    leads.push_back(
        {{"name", shown.names[i]}, {"mV", i16_array(shown.leads[i], {std::ssize(shown.leads[i])})}});
  }
  std::string title = "A recording";
  if (options.identify) {
    title = options.record.filename().string() + (shown.date.empty() ? "" : ", " + shown.date);
  }
  return {{"title", title},
          {"rate", shown.rate},
          {"begin_s", shown.begin},
          {"leads", leads},
          {"window", Json::array({window_begin, window_end})}};
}

Json input_json(const InspectedInput& inspected, const Recipe& recipe, const model::NetworkOptions& o) {
  std::vector<std::string> channels = recipe.input.channels;
  if (recipe.whole_recordings()) {
    channels.clear();
    std::ranges::transform(inspected.channels, std::back_inserter(channels), &InputChannel::name);
  }
  Json covariates = Json::array();
  for (std::size_t k = 0; k < inspected.input.covariates.size(); ++k) {
    covariates.push_back({{"name", inspected.covariates.at(k)}, {"value", inspected.input.covariates[k]}});
  }
  return {{"channels", channels},
          {"values", f32_array(inspected.input.x, {o.length, o.leads})},
          {"rate", inspected.rate},
          {"begin_s", inspected.begin},
          {"covariates", covariates}};
}

// The picture of one class by every method and baseline.
void add_attributions(InspectedModel& model, Stream& stream, const InspectedInput& inspected, int label,
                      bool beats, Json& pictures) {
  const model::NetworkOptions& o = model.network->options();
  const Target target = target_for(label, static_cast<std::size_t>(o.classes));
  const PathOptions path = beats ? PathOptions() : PathOptions{.steps = 32, .most_steps = 128};
  std::vector<std::pair<std::string, const NetworkInput*>> baselines = {{"flat", &inspected.flat}};
  if (inspected.usual) {
    baselines.insert(baselines.begin(), {"usual beat", &*inspected.usual});
  }
  for (const auto& [name, baseline] : baselines) {
    const Attribution gradients =
        integrated_gradients(*model.network, stream, inspected.input, *baseline, target, path);
    Json picture = attribution_json("integrated gradients", name, target, gradients, o);
    picture["deletion"] =
        deletion_json(deletion_curve(*model.network, stream, inspected.input, *baseline, target, gradients));
    pictures.push_back(std::move(picture));
    const Attribution occluded =
        occlusion(*model.network, stream, inspected.input, *baseline, target, inspected.patches);
    picture = attribution_json("occlusion", name, target, occluded, o);
    picture["deletion"] =
        deletion_json(deletion_curve(*model.network, stream, inspected.input, *baseline, target, occluded));
    pictures.push_back(std::move(picture));
    if (name == baselines.front().first) {
      const RandomisedWeights random =
          randomised_weights(o, stream, inspected.input, *baseline, target, gradients, beats ? 5 : 1);
      picture = attribution_json("randomised weights", name, target, random.first, o);
      picture["rank_correlation"] = random.correlation;
      pictures.push_back(std::move(picture));
    }
  }
}

void add_grad_cam(const Observation& observation, int label, const model::NetworkOptions& o, Json& pictures) {
  const int node = trunk_end(observation);
  pictures.push_back({{"method", "grad-cam"},
                      {"baseline", ""},
                      {"class", label},
                      {"node", node},
                      {"values", f32_array(grad_cam(observation, node), {o.length, o.leads})}});
}

struct Decision {
  std::vector<float> logits;
  int chosen = 0;
  std::vector<int>
      classes;  // whose attributions are shown: the chosen one and its rival or the annotated one
};

Decision decision_of(InspectedModel& model, Stream& stream, const InspectedInput& inspected) {
  Decision decision;
  decision.logits = logits_of(*model.network, stream, inspected.input);
  require(std::ranges::all_of(decision.logits, [](float logit) { return std::isfinite(logit); }),
          "{}: the network's logits are not finite", model.file.string());
  decision.chosen = model.decide(decision.logits);
  decision.classes = {decision.chosen};
  const auto annotated = std::ranges::find(model.recipe.classes, inspected.reference);
  if (model.softmax()) {
    int other = static_cast<int>(annotated - model.recipe.classes.begin());
    if (annotated == model.recipe.classes.end() || other == decision.chosen) {
      std::vector<float> rest = decision.logits;
      rest[static_cast<std::size_t>(decision.chosen)] = -INFINITY;
      other = model.decide(rest);
    }
    if (other != decision.chosen) {
      decision.classes.push_back(other);
    }
  }
  return decision;
}

Json result_json(const InspectedModel& model, const Decision& decision, const InspectedInput& inspected) {
  return {{"logits", decision.logits},
          {"probabilities", model.probabilities(decision.logits)},
          {"chosen", decision.chosen},
          {"reference", inspected.reference.empty() ? Json() : Json(inspected.reference)}};
}

// The parts of the page that need no record: model, nodes, memory, stem, scales, gates, attribution, kernels.
Json inspected_page(const Options& options, InspectedModel& model, Stream& stream,
                    const InspectedInput& inspected, const std::vector<UsualGates>& usual) {
  const model::NetworkOptions& o = model.network->options();
  const Decision decision = decision_of(model, stream, inspected);
  const bool beats = !model.recipe.whole_recordings();
  Json pictures = Json::array();
  Json page;
  for (const int label : decision.classes) {
    const Target target = target_for(label, static_cast<std::size_t>(o.classes));
    Tensor gradients = model.network->parameters().gradients();
    gradients.zero(stream);
    const Observation observation = observe(*model.network, stream, inspected.input, target.weights);
    if (label == decision.chosen) {
      if (!options.dump.empty()) {
        dump(observation, model.network->parameters(), stream, options.dump);
      }
      page = {{"format", 1},
              {"model", model_json(model, observation, inspected.rate)},
              {"input", input_json(inspected, model.recipe, o)},
              {"result", result_json(model, decision, inspected)},
              {"nodes", nodes_json(observation, inspected.rate, true)},
              {"memory", memory_json(observation)},
              {"stem", stem_json(observation, stream, inspected.rate)},
              {"gates", gates_json(observation, usual)}};
      add_kernels(observation, seconds_on_cpu(model, stream, inspected.input), page);
      Json scales = Json::array();
      for (const Contribution& part : contributions(observation, stream)) {
        scales.push_back({{"name", part.name}, {"logit", part.logits}});
      }
      page["scales"] = std::move(scales);
    }
    add_attributions(model, stream, inspected, label, beats, pictures);
    add_grad_cam(observation, label, o, pictures);
  }
  page["attribution"] = std::move(pictures);
  add_kept_epochs(model, stream, inspected, decision.chosen, page);
  return page;
}

// The beat to show if the user names no time: the first that is not put into the first class.
std::size_t beat_that_stands_out(const BeatDataset& dataset, InspectedModel& model, Stream& stream) {
  std::vector<ExampleId> ids = dataset.beats(true);
  ids.resize(std::min(ids.size(), searched_for_default));
  const std::vector<float> logits = train::logits_of(*model.network, stream, inputs_of(dataset, ids));
  const auto classes = static_cast<std::size_t>(model.network->options().classes);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (model.decide(std::span(logits).subspan(i * classes, classes)) != 0) {
      return i;
    }
  }
  return ids.size() / 2;
}

// The beats between two times with the class that the network gives them.
Json shown_beats(const BeatDataset& dataset, InspectedModel& model, Stream& stream, double begin,
                 double end) {
  std::vector<ExampleId> ids;
  std::vector<double> times;
  for (const ExampleId id : dataset.beats(true)) {
    const double time = static_cast<double>(dataset.beat(id).sample) / dataset.record(id).source_rate;
    if (time >= begin && time < end) {
      ids.push_back(id);
      times.push_back(time);
    }
  }
  const std::vector<float> logits = train::logits_of(*model.network, stream, inputs_of(dataset, ids));
  const auto classes = static_cast<std::size_t>(model.network->options().classes);
  Json beats = Json::array();
  for (std::size_t i = 0; i < ids.size(); ++i) {
    const auto row = std::span(logits).subspan(i * classes, classes);
    const int chosen = model.decide(row);
    beats.push_back({{"t", times[i]},
                     {"class", model.recipe.classes[static_cast<std::size_t>(chosen)]},
                     {"probability", model.probabilities(row)[static_cast<std::size_t>(chosen)]}});
  }
  return beats;
}

Json beat_page(const Options& options, InspectedModel& model, Stream& stream) {
  const Recipe& recipe = model.recipe;
  BeatRecord loaded = load_any_record(options.record, recipe, options.find_beats);
  for (const std::string& warning : loaded.warnings) {
    io::tell("warning: {}\n", warning);
  }
  const BeatDataset dataset(recipe, {std::move(loaded)});
  const BeatRecord& record = dataset.records().front();
  const std::size_t index = options.at.empty()
                                ? beat_that_stands_out(dataset, model, stream)
                                : beat_near(record, seconds_of(options.at), options.record.string());
  const ExampleId id{0, static_cast<std::int32_t>(index)};
  const InspectedInput inspected = inspected_beat(dataset, id, recipe);
  const ReferenceBeats reference = reference_beats(dataset, id, model, stream);
  Json page = inspected_page(options, model, stream, inspected, reference.usual);
  const double length = static_cast<double>(model.network->options().length) / recipe.data.rate;
  const double from = std::min(inspected.beat - seconds_around_beat, inspected.begin);
  const double to = std::max(inspected.beat + seconds_around_beat, inspected.begin + length);
  const ShownRecord shown = read_shown(options.record, record.lead_names, from, to);
  page["record"] = record_json(options, shown, inspected.begin, inspected.begin + length);
  page["record"]["beats"] = shown_beats(dataset, model, stream, shown.begin, shown.end);
  page["record"]["beat"] = inspected.beat;
  page["measures"] = recipe.input.rhythm;
  const Json beat = recipe.input.beats == 1 ? beat_json(record, index, recipe) : Json();
  if (!beat.is_null()) {
    page["rhythm"] = beat.at("rhythm");
  }
  if (runs_in_page(*model.network, recipe)) {
    std::vector<ExampleId> checked = dataset.beats(true);
    const std::size_t step =
        std::max<std::size_t>(1, checked.size() / static_cast<std::size_t>(std::max(1, options.check)));
    std::vector<ExampleId> some;
    for (std::size_t i = 0; i < checked.size() && std::ssize(some) < options.check; i += step) {
      some.push_back(checked[i]);
    }
    page["what_if"] = {{"network", network_json(model.network->options())},
                       {"weights", weights_json(*model.network, stream)},
                       {"beat", beat},
                       {"check", check_json(*model.network, stream, inputs_of(dataset, some))}};
  } else {
    page["what_if"] = {{"computed", computed_json(*model.network, stream, changes_of(inspected))}};
  }
  add_similar_beats(options, model, stream, dataset, id, reference, page);
  return page;
}

Json recording_page(const Options& options, InspectedModel& model, Stream& stream) {
  require(options.at.empty() || model.recipe.data.crop > 0,
          "--at {}: {} classifies whole recordings, not beats", options.at, model.file.string());
  const double length = model.recipe.data.seconds;
  const double at = options.at.empty() ? length / 2 : seconds_of(options.at);
  require(at <= length, "--at {}: {} is classified by its first {:g} s", options.at, options.record.string(),
          length);
  const InspectedInput inspected = inspected_recording(options.record, model.recipe, at);
  Json page = inspected_page(options, model, stream, inspected, {});
  const double seconds = model.recipe.data.seconds;
  page["record"] =
      record_json(options, read_shown(options.record, model.recipe.data.leads, 0, seconds), 0, seconds);
  page["what_if"] = {{"computed", computed_json(*model.network, stream, changes_of(inspected))}};
  return page;
}

}  // namespace

Json network_page(InspectedModel& model, Stream& stream) {
  const model::NetworkOptions& o = model.network->options();
  const NetworkInput zero{1, std::vector<float>(static_cast<std::size_t>(o.length * o.leads)),
                          std::vector<float>(static_cast<std::size_t>(o.covariates))};
  std::vector<float> target(static_cast<std::size_t>(o.classes));
  target.front() = 1;
  const Observation observation = observe(*model.network, stream, zero, target);
  const double rate =
      model.recipe.whole_recordings() ? model.recipe.recording_rate() : model.recipe.data.rate;
  Json page = {{"format", 1},
               {"model", model_json(model, observation, rate)},
               {"nodes", nodes_json(observation, rate, false)},
               {"stem", stem_json(observation, stream, rate)}};
  add_kernels(observation, seconds_on_cpu(model, stream, zero), page);
  return page;
}

Json record_page(const Options& options, InspectedModel& model, Stream& stream) {
  return model.recipe.whole_recordings() ? recording_page(options, model, stream)
                                         : beat_page(options, model, stream);
}

}  // namespace sec::tools
