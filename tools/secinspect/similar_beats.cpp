#include "tools/secinspect/similar_beats.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "engine/error.h"
#include "io/files/read_file.h"
#include "io/files/text_table.h"
#include "train/data/beats.h"
#include "train/data/patient.h"
#include "train/inspect/arrays.h"
#include "train/inspect/window.h"

namespace sec::tools {
namespace {

using io::Json;
using namespace sec::train;
namespace fs = std::filesystem;

constexpr std::size_t beats_per_class = 60;           // of a recording, as reference
constexpr std::size_t training_per_class = 24;        // of each training record
constexpr std::size_t shown_beats = 8;                // neighbours, and mistakes
constexpr std::uintmax_t largest_metrics = 64 << 20;  // bytes

// Up to `count` of the indices, evenly spread.
std::vector<ExampleId> spread(const std::vector<ExampleId>& ids, std::size_t count) {
  std::vector<ExampleId> some;
  const std::size_t all = ids.size();
  for (std::size_t i = 0; i < std::min(all, count); ++i) {
    some.push_back(ids[i * all / std::min(all, count)]);
  }
  return some;
}

// Evenly spread beats of each record and class; a beat without a class counts as one of class -1, four times as often.
std::vector<ExampleId> by_class(const BeatDataset& dataset, ExampleId without, std::size_t count) {
  std::map<std::pair<std::int32_t, int>, std::vector<ExampleId>> classes;
  for (const ExampleId id : dataset.beats(true)) {
    if (id.record != without.record || id.beat != without.beat) {
      classes[{id.record, dataset.beat(id).label}].push_back(id);
    }
  }
  std::vector<ExampleId> chosen;
  for (const auto& [key, ids] : classes) {
    const std::vector<ExampleId> some = spread(ids, key.second < 0 ? 4 * count : count);
    chosen.insert(chosen.end(), some.begin(), some.end());
  }
  return chosen;
}

// The beat's window of the first lead, in mV.
std::vector<float> picture_of(const BeatDataset& dataset, ExampleId id) {
  std::vector<float> window(static_cast<std::size_t>(dataset.window_length()));
  cut_window(dataset.record(id).signals.front(), dataset.beat(id).centre - dataset.before(), window);
  return window;
}

Json picture_json(const Options& options, const BeatDataset& dataset, ExampleId id) {
  const std::vector<float> window = picture_of(dataset, id);
  Json json = {{"lead", i16_array(window, {std::ssize(window)})}};
  if (options.identify) {
    const BeatRecord& record = dataset.record(id);
    json["label"] = fmt::format("{} at {:.1f} s", record.name,
                                static_cast<double>(dataset.beat(id).sample) / record.source_rate);
  }
  return json;
}

struct Reference {
  const BeatDataset& dataset;
  const std::vector<ExampleId>& ids;
  const std::vector<int>& decided;
  const GatesAndFeatures& values;
};

std::vector<int> decisions(const InspectedModel& model, const std::vector<float>& logits) {
  const std::size_t classes = model.recipe.classes.size();
  std::vector<int> decided;
  for (std::size_t i = 0; i < logits.size(); i += classes) {
    decided.push_back(model.decide(std::span(logits).subspan(i, classes)));
  }
  return decided;
}

std::string class_text(const InspectedModel& model, const Beat& beat) {
  return beat.label >= 0  ? model.recipe.classes[static_cast<std::size_t>(beat.label)]
         : beat.aami >= 0 ? io::beat_class_names[static_cast<std::size_t>(beat.aami)]
                          : "not annotated";
}

Json neighbours_json(const Options& options, const InspectedModel& model, const Reference& reference,
                     const std::vector<float>& features) {
  const std::size_t width = features.size();
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < reference.ids.size(); ++i) {
    double squares = 0;
    for (std::size_t f = 0; f < width; ++f) {
      const double difference = static_cast<double>(reference.values.features[i * width + f]) - features[f];
      squares += difference * difference;
    }
    order.emplace_back(std::sqrt(squares), i);
  }
  std::ranges::sort(order);
  order.resize(std::min(order.size(), shown_beats));
  Json list = Json::array();
  for (const auto& [distance, i] : order) {
    Json one = picture_json(options, reference.dataset, reference.ids[i]);
    one["class"] = class_text(model, reference.dataset.beat(reference.ids[i]));
    one["predicted"] = model.recipe.classes[static_cast<std::size_t>(reference.decided[i])];
    one["distance"] = distance;
    list.push_back(std::move(one));
  }
  return list;
}

// The records of a split of the run, from metrics.json beside the weights; empty if there is none.
std::vector<std::string> records_of_run(const InspectedModel& model, const char* split) {
  const fs::path metrics = model.file.parent_path() / "metrics.json";
  if (!fs::exists(metrics)) {
    return {};
  }
  const Json json = Json::parse_or_null(io::read_file(metrics, largest_metrics));
  try {
    return json.at("records").at(split).get<std::vector<std::string>>();
  } catch (const io::JsonError&) {
    fail("{}: expected the records of the run's splits", metrics.string());
  }
}

// A wrong prediction in predictions.csv.
struct Mistake {
  std::string record, truth, decision;
  double time = 0, probability = 0;
};

std::vector<Mistake> mistakes_of_run(const InspectedModel& model) {
  const fs::path path = model.file.parent_path() / "predictions.csv";
  if (!fs::exists(path)) {
    return {};
  }
  const io::TextTable table = io::read_text_table(path);
  const std::size_t split = table.column("split");
  const std::size_t recording = table.column("recording");
  const std::size_t time = table.column("time_s");
  const std::size_t truth = table.column("truth");
  const std::size_t decision = table.column("decision");
  const std::size_t right = table.column("right");
  std::map<std::string, std::vector<Mistake>> by_split;
  for (const io::TextRow& row : table.rows) {
    if (row.fields[right] == "yes" || row.fields[split] == "train") {
      continue;
    }
    const std::size_t column = table.column("probability " + row.fields[decision]);
    by_split[row.fields[split]].push_back({row.fields[recording], row.fields[truth], row.fields[decision],
                                           std::strtod(row.fields[time].c_str(), nullptr),
                                           std::strtod(row.fields[column].c_str(), nullptr)});
  }
  std::vector<Mistake> mistakes = by_split.contains("validation") ? by_split["validation"] : by_split["test"];
  std::ranges::stable_sort(mistakes, std::ranges::greater(), &Mistake::probability);
  mistakes.resize(std::min(mistakes.size(), shown_beats));
  return mistakes;
}

Json mistakes_json(const Options& options, const InspectedModel& model) {
  Json list = Json::array();
  std::map<std::string, BeatDataset> loaded;
  for (const Mistake& mistake : mistakes_of_run(model)) {
    auto found = loaded.find(mistake.record);
    if (found == loaded.end()) {
      std::vector<BeatRecord> one;
      one.push_back(load_record(options.data, mistake.record, model.recipe));
      found = loaded.emplace(mistake.record, BeatDataset(model.recipe, std::move(one))).first;
    }
    const BeatDataset& dataset = found->second;
    const auto beat = beat_near(dataset.records().front(), mistake.time, mistake.record);
    Json one = picture_json(options, dataset, {0, static_cast<std::int32_t>(beat)});
    one["class"] = mistake.truth;
    one["predicted"] = mistake.decision;
    one["probability"] = mistake.probability;
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace

ReferenceBeats reference_beats(const BeatDataset& dataset, ExampleId shown, InspectedModel& model,
                               Stream& stream) {
  ReferenceBeats result;
  result.ids = by_class(dataset, shown, beats_per_class);
  result.values = gates_and_features(*model.network, stream, inputs_of(dataset, result.ids));
  result.decided = decisions(model, result.values.logits);
  for (std::size_t i = 0; i < result.ids.size(); ++i) {
    const int label = dataset.beat(result.ids[i]).label;
    result.labels.push_back(label >= 0 ? label : result.decided[i]);
  }
  for (std::size_t c = 0; c < model.recipe.classes.size(); ++c) {
    if (auto usual =
            usual_gates(result.values, result.labels, static_cast<int>(c), model.recipe.classes[c])) {
      result.usual.push_back(std::move(*usual));
    }
  }
  return result;
}

void add_similar_beats(const Options& options, InspectedModel& model, Stream& stream,
                       const BeatDataset& dataset, ExampleId shown, const ReferenceBeats& reference,
                       Json& page) {
  const std::vector<float> features =
      gates_and_features(*model.network, stream, inputs_of(dataset, {&shown, 1})).features;
  const std::vector<std::string> names =
      options.data.empty() ? std::vector<std::string>() : records_of_run(model, "train");
  if (names.empty()) {
    page["neighbours"] = neighbours_json(
        options, model, {dataset, reference.ids, reference.decided, reference.values}, features);
    page["neighbours_from"] = "recording";
    return;
  }
  const BeatDataset training(model.recipe, load_records(options.data, names, model.recipe));
  const std::vector<ExampleId> ids = by_class(training, {-1, -1}, training_per_class);
  const GatesAndFeatures values = gates_and_features(*model.network, stream, inputs_of(training, ids));
  const std::vector<int> decided = decisions(model, values.logits);
  page["neighbours"] = neighbours_json(options, model, {training, ids, decided, values}, features);
  page["neighbours_from"] = "training";
  page["mistakes"] = mistakes_json(options, model);
}

}  // namespace sec::tools
