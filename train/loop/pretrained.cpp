#include "train/loop/pretrained.h"

#include <dlfcn.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "io/files/json.h"
#include "io/files/read_file.h"
#include "io/models/half.h"
#include "io/models/safetensors.h"
#include "train/loop/checkpoint.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using json = io::Json;

constexpr std::uintmax_t largest_metrics = 64'000'000;  // bytes

// The program, and the library that holds this function if that is another file.
std::vector<fs::path> own_files() {
  std::vector<fs::path> files;
  std::error_code error;
  if (const fs::path program = fs::read_symlink("/proc/self/exe", error); !error) {
    files.push_back(program);
  }
  Dl_info info = {};
  if (::dladdr(reinterpret_cast<const void*>(&pretrained_models), &info) != 0 && info.dli_fname != nullptr) {
    const fs::path library = fs::weakly_canonical(info.dli_fname, error);
    if (!error && library.has_parent_path()) {
      files.push_back(library);
    }
  }
  return files;
}

// The metrics of a run, which sectrain wrote.
json read_metrics(const fs::path& run) {
  const fs::path file = run / "metrics.json";
  json metrics = json::parse_or_null(io::read_file(file, largest_metrics));
  const auto has = [&](const char* key) { return metrics.is_object() && metrics.contains(key); };
  for (const char* key : {"title", "program", "created", "device", "seed", "best_epoch", "records",
                          "evaluations", "calibration", "classes", "protocol", "synthetic"}) {
    require(has(key), "{}: no \"{}\": expected the metrics of a training on heartbeats", file.string(), key);
  }
  return metrics;
}

// What is kept of the scores of a split: figures as fractions, and intervals.
json short_scores(const json& evaluation) {
  json classes = json::object();
  for (const auto& [name, one] : evaluation["classes"].items()) {
    json scores = {{"beats", one["beats"]}, {"Se", one["Se"]}, {"+P", one["+P"]}, {"F1", one["F1"]}};
    if (evaluation.contains("f1_interval_95")) {
      scores["F1_interval_95"] = evaluation["f1_interval_95"]["classes"][name];
    }
    classes[name] = scores;
  }
  return {{"name", evaluation["name"]},
          {"accuracy", evaluation["accuracy"]},
          {"macro_f1", evaluation["macro_f1"]},
          {"classes", classes}};
}

// Adds what a run's metrics say of it to the metadata of its model.
void describe_run(const json& metrics, std::map<std::string, std::string>& metadata) {
  const auto records = [&](const char* split) { return metrics["records"][split]; };
  const json provenance = {{"program", metrics["program"]},       {"created", metrics["created"]},
                           {"device", metrics["device"]},         {"seed", metrics["seed"]},
                           {"best_epoch", metrics["best_epoch"]}, {"train", records("train")},
                           {"validation", records("validation")}, {"test", records("test")}};
  json scores = json::array();
  const std::int64_t scored = std::clamp<std::int64_t>(std::ssize(metrics["classes"]), 3, 5);
  for (const json& evaluation :
       metrics["evaluations"]) {  // each split is scored with three, four and five classes
    if (evaluation["class_count"].get<std::int64_t>() == scored) {
      scores.push_back(short_scores(evaluation));
    }
  }
  metadata["title"] = metrics["title"].get<std::string>();
  metadata["provenance"] = provenance.dump();
  metadata["scores"] = scores.dump();
  json calibration = json::object();
  for (const auto& [name, one] : metrics["calibration"].items()) {
    json kept = {{"ece", one["ece"]}};
    if (one.contains("temperature")) {
      kept["temperature"] = one["temperature"];
      kept["ece_at_temperature"] = one["tempered"]["ece"];
    }
    calibration[name] = kept;
  }
  metadata["calibration"] = calibration.dump();
}

std::string percent(const json& value) {
  return value.is_number() ? fmt::format("{:.1f}", 100 * value.get<double>()) : "–";
}

std::string score_row(const json& scores) {
  std::string row = fmt::format("| {} | {}", scores["name"].get<std::string>(), percent(scores["accuracy"]));
  for (const char* name : {"S", "V"}) {
    for (const char* figure : {"Se", "+P", "F1"}) {
      const json& classes = scores["classes"];
      row += " | " + (classes.contains(name) ? percent(classes[name][figure]) : std::string("–"));
    }
  }
  return row + " |\n";
}

const std::string& value_of(const io::SafetensorsFile& model, const std::string& key,
                            const std::string& file) {
  const auto found = model.metadata.find(key);
  require(found != model.metadata.end(), "{}: no \"{}\" in its metadata: not written by secmodel pretrained",
          file, key);
  return found->second;
}

}  // namespace

std::vector<fs::path> pretrained_folders() {
  std::vector<fs::path> folders;
  for (const fs::path& file : own_files()) {
    folders.push_back(file.parent_path().parent_path() / "share/sec/pretrained");
  }
  folders.emplace_back(SEC_PRETRAINED);
  std::error_code error;
  std::erase_if(folders, [&](const fs::path& folder) { return !fs::is_directory(folder, error); });
  return folders;
}

std::vector<std::string> pretrained_models() {
  std::vector<std::string> names;
  for (const fs::path& folder : pretrained_folders()) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
      if (entry.path().extension() == ".safetensors") {
        names.push_back(entry.path().stem().string());
      }
    }
  }
  std::ranges::sort(names);
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

std::optional<fs::path> pretrained_file(const fs::path& path) {
  const std::string text = path.string();
  if (!text.starts_with(pretrained_prefix)) {
    return std::nullopt;
  }
  const std::vector<std::string> names = pretrained_models();
  const std::string name = text.substr(std::string_view(pretrained_prefix).size());
  require(std::ranges::find(names, name) != names.end(), "{}: no such model; {}", text,
          names.empty() ? "there are none beside this program"
                        : fmt::format("there {} {}{}", names.size() == 1 ? "is" : "are", pretrained_prefix,
                                      fmt::join(names, fmt::format(", {}", pretrained_prefix))));
  for (const fs::path& folder : pretrained_folders()) {
    if (const fs::path file = folder / (name + ".safetensors"); fs::exists(file)) {
      return file;
    }
  }
  fail("{}: was removed while it was looked for", text);
}

io::SafetensorsFile give_away(const fs::path& run, const GiveAway& options) {
  const fs::path weights = run / "best.safetensors";
  const json metrics = read_metrics(run);
  require(!metrics["synthetic"].get<bool>(), "{}: was trained on synthetic signals: not a model to give away",
          run.string());
  io::SafetensorsFile file = io::read_safetensors(weights);
  require_weights_of(file, weights, network_options(read_weights_info(weights).recipe));
  for (auto& [name, tensor] : file.tensors) {
    if (tensor.shape.size() < 2) {
      continue;  // biases, scales and running statistics are few, and some of their values are tiny
    }
    std::vector<io::f16> halves;
    for (const float value : tensor.as<float>(name)) {
      halves.emplace_back(value);
      require(std::isfinite(static_cast<float>(halves.back())), "{}: {} of tensor {} is too large for f16",
              weights.string(), value, name);
    }
    tensor = io::StoredTensor::of<io::f16>(tensor.shape, halves);
  }
  try {
    describe_run(metrics, file.metadata);
  } catch (const io::JsonError& error) {
    fail("{}: not the metrics of a training on heartbeats: {}", (run / "metrics.json").string(),
         error.what());
  }
  file.metadata["data_licence"] = options.data_licence;
  if (!options.figures.empty()) {
    file.metadata["figures"] = options.figures;
  }
  renew_checksum(file);
  return file;
}

std::string model_card(const io::SafetensorsFile& model, const std::string& name, const std::string& file) {
  const json provenance = json::parse_or_null(value_of(model, "provenance", file));
  const json scores = json::parse_or_null(value_of(model, "scores", file));
  const json calibration = json::parse_or_null(value_of(model, "calibration", file));
  const auto list = [&](const char* split) {
    return fmt::format("{}", fmt::join(provenance[split].get<std::vector<std::string>>(), " "));
  };
  const json network = json::parse_or_null(value_of(model, "network", file));
  std::string text = fmt::format(
      "# pretrained:{}\n\n{}: a network that assigns heartbeats to the AAMI classes of ANSI/AAMI EC57. This page is "
      "written by `secmodel pretrained` from the metadata of `{}.safetensors`.\n\n"
      "```\nsecinfer --model pretrained:{} RECORD\n```\n\n## What it was trained on\n\n"
      "| | |\n|---|---|\n| recordings that trained | {} |\n| recordings of the validation | {} |\n"
      "| recordings of the scores | {} |\n| licence of the recordings | {} |\n| seed, epoch | {}, {} |\n"
      "| made by | {}, {}, {} |\n| weights | {}, width {}; matrices and kernels as f16, vectors as f32 |\n\n",
      name, value_of(model, "title", file), name, name, list("train"), list("validation"), list("test"),
      value_of(model, "data_licence", file), provenance["seed"].get<std::int64_t>(),
      provenance["best_epoch"].get<std::int64_t>(), provenance["program"].get<std::string>(),
      provenance["device"].get<std::string>(), provenance["created"].get<std::string>(),
      network["name"].get<std::string>(), network["width"].get<std::int64_t>());
  text +=
      "## Scores\n\nIn per cent, of beats at annotated R peaks. The first rows are those of the training run, before its weights "
      "became f16; the others are of this file.\n\n"
      "| recordings | accuracy | S Se | S +P | S F1 | V Se | V +P | V F1 |\n|---|---|---|---|---|---|---|---|\n";
  for (const json& one : scores) {
    text += score_row(one);
  }
  const auto figures = model.metadata.find("figures");
  if (figures != model.metadata.end()) {
    const json more = json::parse_or_null(figures->second);
    for (const json& one : more["databases"]) {
      text += score_row(one);
    }
    if (more.contains("noise") && more["noise"].size() > 0) {
      text +=
          "\nWith noise, by the noise stress test of EC57 (records 118 and 119, which are both among those above that "
          "trained or validated), beats found by `secinfer`:\n\n| signal-to-noise ratio | QRS Se | QRS +P | V Se "
          "| V +P | S Se | S +P |\n|---|---|---|---|---|---|---|\n";
      for (const auto& [ratio, gross] : more["noise"].items()) {
        text += "| " + ratio;
        for (const char* kind : {"QRS", "V", "S"}) {
          for (const char* figure : {"Se", "+P"}) {
            const json& value = gross[kind][figure];
            text +=
                " | " + (value.is_number() ? fmt::format("{:.1f}", value.get<double>()) : std::string("–"));
          }
        }
        text += " |\n";
      }
    }
  }
  text += "\n## Calibration\n\n";
  for (const auto& [split, one] : calibration.items()) {
    text += fmt::format("- {}: expected calibration error {:.3f}", split, one["ece"].get<double>());
    if (one.contains("temperature")) {
      text += fmt::format("; {:.3f} with the logits divided by {:.3f}",
                          one["ece_at_temperature"].get<double>(), one["temperature"].get<double>());
    }
    text += "\n";
  }
  text +=
      "\n## What it must not be used for\n\n"
      "- It is no medical device, and no basis for any decision about a patient.\n"
      "- It knows the patients and leads of the recordings above. Other leads, children and pacemakers are unknown to it.\n"
      "- It answers only with the classes that it was trained on. Paced and unclassifiable beats (Q) get one of those; "
      "atrial fibrillation and other rhythms are not recognised as such.\n"
      "- Supraventricular beats of patients unlike those above are often missed: see S Se.\n";
  return text;
}

}  // namespace sec::train
