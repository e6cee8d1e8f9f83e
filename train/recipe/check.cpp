// Checks that the values of a recipe's keys fit each other.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <span>
#include <utility>

#include "engine/error.h"
#include "io/recording/annotation_codes.h"
#include "io/scoring/aami.h"
#include "train/recipe/recipe.h"

namespace sec::train {
namespace {

bool has(const std::vector<std::string>& list, const std::string& item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

// The keys that only one of the two tasks uses.
constexpr const char* beat_keys[] = {"data.train",
                                     "data.validation",
                                     "data.test",
                                     "data.strict_patients",
                                     "data.rate",
                                     "data.before",
                                     "data.after",
                                     "data.wander",
                                     "input.channels",
                                     "input.beats",
                                     "input.normalise",
                                     "input.past_beats",
                                     "input.long_beats",
                                     "input.clip",
                                     "sampler.kind",
                                     "sampler.majority_cap",
                                     "sampler.epoch_samples",
                                     "sampler.class_power",
                                     "sampler.record_power",
                                     "loss.smoothing",
                                     "loss.class_weights",
                                     "decision.prior_power"};
constexpr const char* recording_keys[] = {
    "data.source",          "data.label_set", "data.label_file", "data.class_file",  "data.signal_folder",
    "data.seconds",         "data.length",    "data.crop",       "data.crop_step",   "data.unlabelled",
    "data.validation_fold", "data.test_fold", "data.stratify",   "input.amplitudes", "decision.thresholds",
    "decision.crops",       "train.choose_by"};

// Requires that keys that the recipe's task does not use have their defaults.
void require_default(const Recipe& recipe, const std::string& file) {
  Recipe copy = recipe;
  Recipe standard;
  for (const auto& [name, database] : recipe.data.databases) {
    standard.data.databases.try_emplace(name);
  }
  const std::vector<RecipeKey> keys = recipe_keys(copy);
  const std::vector<RecipeKey> defaults = recipe_keys(standard);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    require(has_use_for(recipe, keys[i].name) || value_text(keys[i]) == value_text(defaults[i]),
            "{}: {} has no meaning with data.task = \"{}\"", file, keys[i].name, recipe.data.task);
  }
}

void require_distinct(const std::vector<std::string>& list, const char* key, const std::string& file) {
  for (const std::string& name : list) {
    require(std::count(list.begin(), list.end(), name) == 1, "{}: {}: {} is listed twice", file, key, name);
  }
}

// Only BiRCNN takes a sequence of several beats, and it needs the intervals between them as covariates.
void check_sequences(const Recipe& r, const std::string& file) {
  const bool sequences = r.network.model == "bircnn";
  require(r.input.beats % 2 == 1,
          "{}: input.beats: expected an odd number, so that there is a middle beat, got {}", file,
          r.input.beats);
  require(r.input.beats == 1 || sequences, "{}: input.beats = {} needs network.model = \"bircnn\"", file,
          r.input.beats);
  require(!sequences || (!r.input.covariates.empty() && r.input.covariates[0] == "intervals"),
          "{}: network.model = \"bircnn\" needs \"intervals\" as the first of input.covariates", file);
}

// The part of "KEY=VALUE" before and after the last "=".
std::pair<std::string, std::string> pair_of(const std::string& text, const std::string& place,
                                            const char* form) {
  const std::size_t equals = text.rfind('=');
  require(equals != std::string::npos && equals > 0 && equals + 1 < text.size(), "{}: \"{}\", expected {}",
          place, text, form);
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void check_databases(const Recipe& r, const std::string& file) {
  double shares = 0;
  for (const auto& [name, d] : r.data.databases) {
    const std::string place = fmt::format("{}: data.databases.{}", file, name);
    require(d.leads.empty() || d.leads.size() == r.data.leads.size(),
            "{}.leads: {} lead(s) for the {} of data.leads ({})", place, d.leads.size(), r.data.leads.size(),
            fmt::join(r.data.leads, ", "));
    require(std::isnan(d.share) || r.sampler.kind == "weighted", "{}.share needs sampler.kind = \"weighted\"",
            place);
    shares += std::isnan(d.share) ? 0 : d.share;
    std::set<std::string> symbols;
    for (const std::string& text : d.classes) {
      const auto [symbol, beat_class] = pair_of(text, place + ".classes", "SYMBOL=CLASS, such as \"J=S\"");
      require(io::code_of(symbol).has_value(), "{}.classes: \"{}\": {} is no symbol of the MIT format", place,
              text, symbol);
      require(has(io::beat_class_names, beat_class),
              "{}.classes: \"{}\": expected an AAMI class (N, S, V, F or Q), got {}", place, text,
              beat_class);
      require(symbols.insert(symbol).second, "{}.classes: {} is listed twice", place, symbol);
    }
    std::set<std::string> records;
    for (const std::string& text : d.patients) {
      const auto [record, patient] = pair_of(text, place + ".patients", "RECORD=PATIENT");
      require(records.insert(record).second, "{}.patients: record {} is listed twice", place, record);
    }
  }
  require(shares <= 1, "{}: data.databases: the shares add up to {:g}, expected at most 1", file, shares);
}

void check_beats(const Recipe& r, const std::string& file) {
  check_databases(r, file);
  require(!r.data.train.empty(), "{}: data.train: no records to train on", file);
  require(!r.input.channels.empty(), "{}: input.channels: expected at least one channel", file);
  require(r.window_length() > 0, "{}: data.before + data.after: the window is empty", file);
  check_sequences(r, file);
  require(r.classes.size() >= 2, "{}: classes: expected at least two", file);
  for (const std::string& name : r.classes) {
    require(has(io::beat_class_names, name), "{}: classes: expected AAMI classes (N, S, V, F, Q), got \"{}\"",
            file, name);
  }
  const Recipe::Data& d = r.data;
  require(has({"records", "folds", "file", "beats"}, d.protocol),
          "{}: data.protocol = \"{}\" has no meaning with data.task = \"beats\"", file, d.protocol);
  require(
      d.protocol != "records" || !d.validation.empty() || (r.train.choose != "best" && r.train.patience == 0),
      "{}: data.validation is empty, but train.choose = \"best\" and train.patience need it", file);
}

void check_source(const Recipe::Data& d, const std::string& file) {
  require(d.source == "ptbxl" || d.label_set == "superclass",
          "{}: data.label_set has no meaning with data.source = \"{}\"", file, d.source);
  const bool named = d.source == "tianchi" || d.source == "table";
  require(named || d.label_file.empty(), "{}: data.label_file has no meaning with data.source = \"{}\"", file,
          d.source);
  require(!named || !d.label_file.empty(), "{}: data.source = \"{}\" needs data.label_file", file, d.source);
  require(d.source == "tianchi" || d.class_file.empty(),
          "{}: data.class_file has no meaning with data.source = \"{}\"", file, d.source);
  require(d.source != "ptbxl" || has({"", "records500", "records100"}, d.signal_folder),
          "{}: data.signal_folder: \"{}\", expected records500 or records100 of PTB-XL", file,
          d.signal_folder);
}

void check_crops(const Recipe& r, const std::string& file) {
  const Recipe::Data& d = r.data;
  require(d.crop == 0 || d.crop <= d.seconds, "{}: data.crop = {:g} s is longer than data.seconds = {:g}",
          file, d.crop, d.seconds);
  require(d.crop == 0 || r.crop_length() > 0, "{}: data.crop = {:g} s has no sample at {:g} Hz", file, d.crop,
          r.recording_rate());
  require(d.crop_step == 0 || d.crop > 0, "{}: data.crop_step needs data.crop", file);
  require(d.crop_step == 0 || (d.crop_step <= d.crop && std::llround(d.crop_step * r.recording_rate()) > 0),
          "{}: data.crop_step = {:g} s, expected at least one sample and at most data.crop = {:g} s", file,
          d.crop_step, d.crop);
  require(r.decision.crops == "mean" || d.crop > 0, "{}: decision.crops needs data.crop", file);
}

void check_recordings(const Recipe& r, const std::string& file) {
  const Recipe::Data& d = r.data;
  check_crops(r, file);
  require(d.databases.empty(), "{}: data.databases has no meaning with data.task = \"recordings\"", file);
  check_source(d, file);
  require(r.network.model != "bircnn", "{}: network.model = \"bircnn\" needs data.task = \"beats\"", file);
  require(r.classes.empty() || d.class_file.empty(), "{}: classes and data.class_file contradict each other",
          file);
  require(d.leads != Recipe().data.leads, "{}: data.leads: name the leads of the network's input", file);
  require_distinct(d.leads, "data.leads", file);
  require_distinct(r.input.covariates, "input.covariates", file);
  for (const std::string& name : r.input.covariates) {
    require(name == "age" || name == "sex",
            "{}: input.covariates: \"{}\", expected age and sex of recordings", file, name);
  }
  require(has({"hash", "folds", "strat_folds", "tianchi-paper", "file"}, d.protocol),
          "{}: data.protocol = \"{}\" has no meaning with data.task = \"recordings\", which has hash, folds, "
          "strat_folds, tianchi-paper and file",
          file, d.protocol);
  require(d.protocol != "strat_folds" || d.source == "ptbxl" || d.source == "table",
          "{}: data.protocol = \"strat_folds\": data.source = \"{}\" has no folds", file, d.source);
  require(d.validation_fold != d.test_fold, "{}: data.validation_fold and data.test_fold are the same", file);
  require(
      d.protocol != "tianchi-paper" || d.allow_leakage,
      "{}: data.protocol = \"tianchi-paper\" reports scores of the split that chose the weights: it needs "
      "data.allow_leakage = true",
      file);
  require(d.protocol != "hash" || d.validation_share > 0 ||
              (r.train.choose != "best" && r.train.patience == 0 && r.decision.thresholds == "half"),
          "{}: data.validation_share is 0, but train.choose = \"best\", train.patience and "
          "decision.thresholds = \"validation\" need a validation split",
          file);
  require(r.loss.kind != "cross_entropy",
          "{}: loss.kind = \"cross_entropy\" needs exactly one class; recordings have several "
          "labels: use focal or bce",
          file);
}

}  // namespace

bool has_use_for(const Recipe& recipe, std::string_view key) {
  const std::span<const char* const> others =
      recipe.whole_recordings() ? std::span<const char* const>(beat_keys) : recording_keys;
  return std::ranges::none_of(others, [&](const char* name) { return key == name; });
}

void require_consistent(const Recipe& r, const std::string& file) {
  require_default(r, file);
  if (r.whole_recordings()) {
    check_recordings(r, file);
  } else {
    check_beats(r, file);
  }
  require(!r.data.leads.empty(), "{}: data.leads: no lead selected", file);
  require_distinct(r.classes, "classes", file);
  require(r.loss.weights.empty() || r.loss.weights.size() == r.classes.size(),
          "{}: loss.weights: {} weights for {} classes", file, r.loss.weights.size(), r.classes.size());
  require(r.loss.weights.empty() || r.loss.class_weights == "none",
          "{}: loss.weights and loss.class_weights = \"{}\" contradict each other", file,
          r.loss.class_weights);
  require(r.loss.kind == "cross_entropy" || r.loss.smoothing == 0,
          "{}: loss.smoothing needs loss.kind = \"cross_entropy\"", file);
  require(r.loss.kind != "focal" || (r.loss.weights.empty() && r.loss.class_weights == "none"),
          "{}: the focal loss takes no class weights; it has loss.focal_alpha", file);
  const Recipe::Data& d = r.data;
  require((d.protocol == "file") == !d.split_file.empty(),
          "{}: data.split_file and data.protocol = \"file\" need each other", file);
  require(d.fold <= d.folds, "{}: data.fold: {} of {} folds", file, d.fold, d.folds);
  const bool by_share = d.protocol == "beats" || d.protocol == "hash";
  require(!by_share || d.validation_share + d.test_share < 1,
          "{}: data.validation_share and data.test_share leave nothing to train on", file);
  require(
      d.protocol != "beats" || d.validation_share > 0 || (r.train.choose != "best" && r.train.patience == 0),
      "{}: data.validation is empty, but train.choose = \"best\" and train.patience need it", file);
}

}  // namespace sec::train
