#include "train/loop/model_file.h"

#include "io/files/json.h"
#include "model/networks.h"
#include "train/loop/checkpoint.h"
#include "train/loop/pretrained.h"

namespace sec::train {
namespace {

using json = io::Json;

constexpr const char* counts_key = "num_batches_tracked";
constexpr const char* amplitudes_key = "amplitudes";

bool is_ours(const io::SafetensorsFile& file) {
  const auto format = file.metadata.find("format");
  return format != file.metadata.end() && format->second.starts_with("sec ");
}

const std::string& metadata(const io::SafetensorsFile& file, const std::string& path,
                            const std::string& key) {
  const auto found = file.metadata.find(key);
  require(found != file.metadata.end(), "{}: no \"{}\" in its metadata", path, key);
  return found->second;
}

model::NetworkOptions stored_options(const io::SafetensorsFile& file, const std::string& path) {
  try {
    const json network = json::parse(metadata(file, path, "network"));
    const std::string model = model::network_titled(network.at("name").get<std::string>(), path);
    model::NetworkOptions options;
    options.leads = network.at("leads").get<decltype(options.leads)>();
    options.length = network.at("length").get<decltype(options.length)>();
    options.classes = network.at("classes").get<decltype(options.classes)>();
    options.covariates = network.at("covariates").get<decltype(options.covariates)>();
    options.width = network.at("width").get<decltype(options.width)>();
    options.tied = !network.contains("tied") || network.at("tied").get<bool>();
    options.dropout = network.at("dropout").get<decltype(options.dropout)>();
    options.model = model;
    options.beats = network.contains("beats") ? network.at("beats").get<decltype(options.beats)>() : 1;
    return options;
  } catch (const io::JsonError&) {
    fail("{}: its metadata \"network\" does not describe a network", path);
  }
}

model::BatchCounts stored_counts(const io::SafetensorsFile& file, const std::string& path) {
  const auto found = file.metadata.find(counts_key);
  if (found == file.metadata.end()) {
    return {};
  }
  try {
    return json::parse(found->second).get<model::BatchCounts>();
  } catch (const io::JsonError&) {
    fail("{}: its metadata \"{}\" is not an object of counts", path, counts_key);
  }
}

}  // namespace

std::filesystem::path weights_file(const std::filesystem::path& path) {
  if (const auto file = pretrained_file(path)) {
    return *file;
  }
  if (std::filesystem::is_directory(path)) {
    std::filesystem::path file = path / "best.safetensors";
    require(std::filesystem::exists(file), "{}: no such file: expected a run folder of sectrain",
            file.string());
    return file;
  }
  require(std::filesystem::exists(path), "{}: no such file: expected a run folder or its best.safetensors",
          path.string());
  return path;
}

std::string amplitudes_of(const StoredNetwork& model, const std::filesystem::path& path) {
  if (const auto recipe = model.metadata.find("recipe"); recipe != model.metadata.end()) {
    return parse_run_recipe(recipe->second, path.string() + " (recipe)").input.amplitudes;
  }
  const auto found = model.metadata.find(amplitudes_key);
  return found == model.metadata.end() ? "millivolts" : found->second;
}

StoredNetwork read_model(const std::filesystem::path& path, std::int64_t length, Stream& stream,
                         std::int64_t otherwise) {
  const std::string name = path.string();
  const io::SafetensorsFile file = io::read_safetensors(path);
  if (!is_ours(file)) {
    const std::int64_t samples = length > 0 ? length : otherwise;
    require(samples > 0, "{}: a state dict does not say how many samples its input has: give --length", name);
    auto network = std::make_unique<model::SeEcgNet>(model::options_of(file, name, samples), stream, 0);
    model::BatchCounts counts = model::load_state_dict(file, name, *network, stream);
    const bool released = model::names_in(file) == model::TensorNames::released;
    return {std::move(network), std::move(counts), {{amplitudes_key, released ? "raw" : "millivolts"}}};
  }
  const model::NetworkOptions options = stored_options(file, name);
  require(length == 0 || length == options.length, "{}: its input has {} samples, not {}", name,
          options.length, length);
  require_weights_of(file, path, options);  // before memory is taken for what the file claims to hold
  StoredNetwork model{model::make_network(options, stream, 0), stored_counts(file, name), file.metadata};
  load_weights(file, path, *model.network, stream);
  return model;
}

void write_model(const std::filesystem::path& path, const StoredNetwork& model, Stream& stream) {
  std::map<std::string, std::string> metadata = model.metadata;
  if (!model.counts.empty()) {
    metadata[counts_key] = json(model.counts).dump();
  }
  save_network(path, *model.network, metadata, stream);
}

void load_initial_weights(const std::filesystem::path& path_given, model::Network& network, Stream& stream) {
  const std::filesystem::path path = weights_file(path_given);
  const io::SafetensorsFile file = io::read_safetensors(path);
  if (is_ours(file)) {
    load_weights(file, path, network, stream);
  } else {
    model::load_state_dict(file, path.string(), network, stream);
  }
}

}  // namespace sec::train
