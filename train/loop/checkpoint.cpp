#include "train/loop/checkpoint.h"

#include <fmt/ranges.h>
#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "engine/error.h"
#include "io/files/json.h"
#include "io/models/safetensors.h"
#include "model/networks.h"
#include "model/state_dict.h"
#include "train/data/beat_dataset.h"
#include "train/data/fnv.h"
#include "train/recipe/recipe.h"

namespace sec::train {
namespace {

using json = io::Json;

constexpr const char* weights_format = "sec weights 1";
constexpr const char* training_format = "sec training 2";

// A tensor of the network or the optimizer, with its name in files.
struct Named {
  std::string name;
  Shape shape;
  Tensor tensor;
};

std::vector<Named> network_tensors(layers::ParameterSet& set) {
  std::vector<Named> tensors;
  for (const layers::Parameter& p : set.parameters()) {
    tensors.push_back({p.name, p.shape, p.value});
  }
  for (const layers::State& s : set.state()) {
    tensors.push_back({s.name, s.shape, s.value});
  }
  return tensors;
}

std::vector<Named> optimizer_tensors(const OptimizerState& state) {
  std::vector<Named> tensors;
  const std::pair<const char*, Tensor> all[] = {{"optimizer.first_moment", state.first_moment},
                                                {"optimizer.second_moment", state.second_moment},
                                                {"average.parameters", state.average},
                                                {"average.states", state.average_states}};
  for (const auto& [name, tensor] : all) {
    if (tensor.defined()) {
      tensors.push_back({name, tensor.shape(), tensor});
    }
  }
  return tensors;
}

void store(io::SafetensorsFile& file, const std::vector<Named>& tensors, Stream& stream) {
  for (const Named& named : tensors) {
    const std::vector<float> values = named.tensor.to_vector(stream);
    const auto extents = named.shape.extents();
    file.tensors[named.name] =
        io::StoredTensor::of<float>({extents.begin(), extents.end()}, std::span(values));
  }
}

// Throws Error that lists missing, unknown and misshapen tensors. Only names and shapes of `tensors` are looked at.
void require_fit(const io::SafetensorsFile& file, const std::filesystem::path& path,
                 const std::vector<Named>& tensors) {
  std::vector<std::string> problems;
  std::size_t known = 0;
  for (const Named& named : tensors) {
    const auto found = file.tensors.find(named.name);
    if (found == file.tensors.end()) {
      problems.push_back("missing " + named.name);
      continue;
    }
    ++known;
    const io::StoredTensor& stored = found->second;
    const bool fits = stored.has_floats() && std::ranges::equal(stored.shape, named.shape.extents());
    if (!fits) {
      problems.push_back(fmt::format("{} is {} ({}), expected F32 {}", named.name, io::name_of(stored.type),
                                     fmt::join(stored.shape, ", "), named.shape.text()));
    }
  }
  if (known != file.tensors.size()) {
    for (const auto& [name, stored] : file.tensors) {
      const bool wanted = std::any_of(tensors.begin(), tensors.end(),
                                      [&, &key = name](const Named& n) { return n.name == key; });
      if (!wanted) {
        problems.push_back("unknown " + name);
      }
    }
  }
  constexpr std::size_t shown = 6;
  const std::size_t more = problems.size() - std::min(problems.size(), shown);
  const std::string tail = more > 0 ? fmt::format("; and {} more", more) : "";
  problems.resize(std::min(problems.size(), shown));
  require(problems.empty(), "{}: does not fit this network: {}{}", path.string(), fmt::join(problems, "; "),
          tail);
}

std::uint64_t hash_bytes(std::uint64_t state, std::span<const std::byte> bytes) {
  const auto add = [&](std::uint64_t unit) {
    state = fnv_next(state, unit);
    state ^= state >> 32U;  // without it, changes in the upper bits of two units could cancel out
  };
  std::uint64_t unit = 0;
  for (; bytes.size() >= sizeof(unit); bytes = bytes.subspan(sizeof(unit))) {
    std::memcpy(&unit, bytes.data(), sizeof(unit));
    add(unit);
  }
  for (const std::byte byte : bytes) {
    add(static_cast<std::uint64_t>(byte));
  }
  add(bytes.size());
  return state;
}

// A hash of names, types, shapes and elements of all tensors: FNV-1a over units of eight bytes.
std::string checksum_of(const io::SafetensorsFile& file) {
  std::uint64_t state = fnv_start;
  for (const auto& [name, tensor] : file.tensors) {
    state = hash_bytes(state, std::as_bytes(std::span(name)));
    state = hash_bytes(state, std::as_bytes(std::span(io::name_of(tensor.type))));
    state = hash_bytes(state, std::as_bytes(std::span(tensor.shape)));
    state = hash_bytes(state, tensor.bytes);
  }
  return fmt::format("{:016x}", state);
}

// Older files have no checksum and pass.
void check_checksum(const io::SafetensorsFile& file, const std::filesystem::path& path) {
  const auto found = file.metadata.find("checksum");
  require(found == file.metadata.end() || found->second == checksum_of(file),
          "{}: the file is damaged: its tensors do not have the checksum {}", path.string(), found->second);
}

// All or nothing: every problem is found before a tensor is written.
void restore(const io::SafetensorsFile& file, const std::filesystem::path& path, std::vector<Named> tensors,
             Stream& stream) {
  require_fit(file, path, tensors);
  for (const Named& named : tensors) {
    model::require_usable(path.string(), named.name, file.tensors.at(named.name).floats(named.name));
  }
  check_checksum(file, path);
  for (Named& named : tensors) {
    const std::vector<float> values = file.tensors.at(named.name).floats(named.name);
    named.tensor.assign(stream, std::span<const float>(values));
  }
}

std::string network_json(const model::NetworkOptions& o) {
  // In alphabetical order, as earlier checkpoints hold it: the texts are compared.
  json network;
  if (o.beats > 1) {
    network["beats"] = o.beats;
  }
  network["classes"] = o.classes;
  network["covariates"] = o.covariates;
  network["dropout"] = o.dropout;
  network["leads"] = o.leads;
  network["length"] = o.length;
  network["name"] = model::network_title(o.model);
  if (o.model == "se-ecgnet") {
    network["tied"] = o.tied;
  }
  network["width"] = o.width;
  return network.dump();
}

const std::string& metadata(const io::SafetensorsFile& file, const std::filesystem::path& path,
                            const std::string& key) {
  const auto found = file.metadata.find(key);
  require(found != file.metadata.end(), "{}: no \"{}\" in its metadata: not a checkpoint of sectrain",
          path.string(), key);
  return found->second;
}

void check_format(const io::SafetensorsFile& file, const std::filesystem::path& path,
                  const std::string& format) {
  const std::string& found = metadata(file, path, "format");
  require(found == format, "{}: format \"{}\", expected \"{}\"", path.string(), found, format);
}

io::SafetensorsFile read_checkpoint(const std::filesystem::path& path, const std::string& format) {
  io::SafetensorsFile file = io::read_safetensors(path);
  check_format(file, path, format);
  return file;
}

// Checks the kind of network before tensors are compared, so that the error names the wrong kind.
void check_kind(const io::SafetensorsFile& file, const std::filesystem::path& path,
                const model::Network& to) {
  const json network = json::parse_or_null(metadata(file, path, "network"));
  require(network.is_object() && network.contains("name") && network["name"].is_string(),
          "{}: its metadata \"network\" does not describe a network", path.string());
  const std::string expected = model::network_title(to.options().model);
  require(network["name"] == expected, "{}: holds {}, expected {}", path.string(),
          network["name"].get<std::string>(), expected);
}

// Copies the keys that do not change results, which may differ between the parts of a run.
void copy_free_keys(const Recipe& from, Recipe& to) {
  to.title = from.title;
  to.train.loader_threads = from.train.loader_threads;
  to.train.checkpoint_steps = from.train.checkpoint_steps;
  to.train.log_steps = from.train.log_steps;
  to.train.keep_epochs = from.train.keep_epochs;
}

void check_recipe(const std::string& stored, const std::string& wanted, const std::filesystem::path& path) {
  Recipe before = parse_run_recipe(stored, path.string() + " (recipe)");
  Recipe now = parse_run_recipe(wanted, "recipe");
  copy_free_keys(now, before);
  const auto names = [](const Recipe& recipe) {
    std::vector<std::string> list;
    for (const auto& [name, database] : recipe.data.databases) {
      list.push_back(name);
    }
    return fmt::format("[{}]", fmt::join(list, ", "));
  };
  require(names(before) == names(now), "{}: was trained with data.databases {}, this recipe has {}",
          path.string(), names(before), names(now));
  const std::vector<RecipeKey> old_keys = recipe_keys(before);
  const std::vector<RecipeKey> new_keys = recipe_keys(now);
  for (std::size_t i = 0; i < new_keys.size(); ++i) {
    const std::string was = value_text(old_keys[i]);
    const std::string is = value_text(new_keys[i]);
    const std::string best = (path.parent_path() / "best.safetensors").string();
    require(was == is, "{}: was trained with {} = {}, this recipe has {}{}", path.string(), new_keys[i].name,
            was, is,
            std::string_view(new_keys[i].name).starts_with("train.")
                ? fmt::format("; to train its weights further, begin another run with --init {}", best)
                : "");
  }
}

void check_data(const io::SafetensorsFile& file, const CheckpointContext& context,
                const std::filesystem::path& path) {
  const std::string& data = metadata(file, path, "data");
  require(data == context.fingerprint, "{}: was trained on other data ({}, here {})", path.string(), data,
          context.fingerprint);
}

// The value of an optional key of the metadata, or an empty text.
std::string optional_metadata(const io::SafetensorsFile& file, const std::string& key) {
  const auto found = file.metadata.find(key);
  return found == file.metadata.end() ? "" : found->second;
}

// Adds keys to the metadata, except those with empty values.
void add_known(std::map<std::string, std::string>& metadata,
               std::initializer_list<std::pair<const char*, const std::string&>> keys) {
  for (const auto& [key, value] : keys) {
    if (!value.empty()) {
      metadata[key] = value;
    }
  }
}

// Zeros where the metadata do not say. A score that JSON cannot write, NaN, is null there.
EpochOfWeights chosen_of(const io::SafetensorsFile& file) {
  EpochOfWeights result;
  const json chosen = json::parse_or_null(optional_metadata(file, "chosen"));
  const auto number = [&](const char* key) {
    const bool has = chosen.is_object() && chosen.contains(key) && chosen[key].is_number();
    return has ? chosen[key].get<double>() : std::nan("");
  };
  if (number("epoch") >= 0 && number("epoch") <= std::numeric_limits<int>::max()) {
    result.epoch = static_cast<int>(number("epoch"));
  }
  if (number("step") >= 0 && number("step") <= 1e15) {
    result.step = static_cast<std::int64_t>(number("step"));
  }
  result.validation_score = number("validation_score");
  return result;
}

void require_chosen(const io::SafetensorsFile& file, const std::filesystem::path& path,
                    const CheckpointContext& context, const Progress& progress) {
  const std::string run = optional_metadata(file, "run");
  if (!run.empty() && !context.run.empty()) {
    require(run == context.run, "{}: holds the weights of another run ({}, this is {})", path.string(), run,
            context.run);
  } else {
    check_recipe(metadata(file, path, "recipe"), context.recipe, path);
    check_data(file, context, path);
  }
  const json chosen = json::parse_or_null(metadata(file, path, "chosen"));
  const auto count = [&](const char* key) {
    require(chosen.is_object() && chosen.contains(key) && chosen[key].is_integer(),
            "{}: \"chosen\" in its metadata: expected a number as {}", path.string(), key);
    return chosen[key].get<std::int64_t>();
  };
  require(count("epoch") == progress.best_epoch || count("step") > progress.step,
          "{}: holds the weights of epoch {}, but the run has chosen epoch {}", path.string(), count("epoch"),
          progress.best_epoch);
}

}  // namespace

Recipe without_free_keys(Recipe recipe) {
  copy_free_keys(Recipe(), recipe);
  return recipe;
}

std::string run_id(const Recipe& recipe, const CheckpointContext& context, const std::string& arithmetic) {
  const Recipe decisive = without_free_keys(recipe);
  std::uint64_t state = fnv_start;
  for (const std::string& part :
       {to_toml(decisive), context.fingerprint, context.instruction_set, arithmetic}) {
    state = hash_bytes(state, std::as_bytes(std::span(part)));
  }
  return fmt::format("{:016x}", state);
}

void save_network(const std::filesystem::path& path, model::Network& network,
                  std::map<std::string, std::string> metadata, Stream& stream) {
  io::SafetensorsFile file;
  store(file, network_tensors(network.parameters()), stream);
  file.metadata = std::move(metadata);
  file.metadata["format"] = weights_format;
  file.metadata["network"] = network_json(network.options());
  file.metadata["checksum"] = checksum_of(file);
  io::write_safetensors(path, file);
}

void save_weights(const std::filesystem::path& path, model::Network& network,
                  const CheckpointContext& context, const EpochOfWeights& chosen, Stream& stream) {
  std::map<std::string, std::string> metadata = {
      {"recipe", context.recipe},
      {"data", context.fingerprint},
      {"decision", json{{"logit_offsets", context.decision_offsets}}.dump()},
      {"chosen",
       json{{"epoch", chosen.epoch}, {"step", chosen.step}, {"validation_score", chosen.validation_score}}
           .dump()}};
  add_known(metadata, {{"run", context.run}, {"instruction_set", context.instruction_set}});
  save_network(path, network, std::move(metadata), stream);
}

void renew_checksum(io::SafetensorsFile& file) {
  file.metadata["checksum"] = checksum_of(file);
}

void replace_decision(const std::filesystem::path& path, const std::vector<float>& offsets) {
  io::SafetensorsFile file = read_checkpoint(path, weights_format);
  check_checksum(file, path);
  file.metadata["decision"] = json{{"logit_offsets", offsets}}.dump();
  io::write_safetensors(path, file);
}

void require_weights_of(const io::SafetensorsFile& file, const std::filesystem::path& path,
                        const model::NetworkOptions& options) {
  check_format(file, path, weights_format);
  require_fit(file, path, network_tensors(model::describe_network(options)->parameters()));
}

void load_weights(const io::SafetensorsFile& file, const std::filesystem::path& path, model::Network& network,
                  Stream& stream) {
  check_format(file, path, weights_format);
  check_kind(file, path, network);
  restore(file, path, network_tensors(network.parameters()), stream);
}

void load_weights(const std::filesystem::path& path, model::Network& network, Stream& stream) {
  load_weights(io::read_safetensors(path), path, network, stream);
}

void require_chosen(const std::filesystem::path& path, const CheckpointContext& context,
                    const Progress& progress) {
  require_chosen(read_checkpoint(path, weights_format), path, context, progress);
}

void load_chosen_weights(const std::filesystem::path& path, model::Network& network,
                         const CheckpointContext& context, const Progress& progress, Stream& stream) {
  const io::SafetensorsFile file = read_checkpoint(path, weights_format);
  require_chosen(file, path, context, progress);
  check_kind(file, path, network);
  restore(file, path, network_tensors(network.parameters()), stream);
}

model::NetworkOptions network_options(const Recipe& recipe) {
  const bool whole = recipe.whole_recordings();
  model::NetworkOptions options = model::released_options(recipe.network.model);
  options.leads = whole ? std::ssize(recipe.data.leads) : std::ssize(parse_channels(recipe));
  options.beats = recipe.input.beats;
  options.length = whole ? recipe.crop_length() : recipe.window_length() * options.beats;
  options.classes = std::ssize(recipe.classes);
  options.covariates =
      whole ? std::ssize(recipe.input.covariates)
            : covariate_count(recipe.input.covariates, recipe.input.rhythm.size(), options.beats);
  if (recipe.network.model == "se-ecgnet") {
    options.width = recipe.network.width;
    options.tied = recipe.network.tied;
    options.dropout = recipe.network.dropout;
  } else if (recipe.network.baseline_width > 0) {
    options.width = recipe.network.baseline_width;
  }
  return options;
}

WeightsInfo read_weights_info(const std::filesystem::path& path) {
  const io::SafetensorsFile file = read_checkpoint(path, weights_format);
  WeightsInfo info{parse_recipe(metadata(file, path, "recipe"), path.string() + " (recipe)"), {}, {}, {}};
  const std::string& network = metadata(file, path, "network");
  const std::string described = network_json(network_options(info.recipe));
  require(network == described, "{}: holds the network {}, its recipe describes {}", path.string(), network,
          described);
  // Before memory is taken for the network that the file claims to hold.
  require_weights_of(file, path, network_options(info.recipe));
  const json decision = json::parse_or_null(metadata(file, path, "decision"));
  const bool has_offsets = decision.is_object() && decision.contains("logit_offsets") &&
                           decision["logit_offsets"].is_array() &&
                           decision["logit_offsets"].size() == info.recipe.classes.size() &&
                           std::all_of(decision["logit_offsets"].begin(), decision["logit_offsets"].end(),
                                       [](const json& value) { return value.is_number(); });
  require(has_offsets,
          "{}: \"decision\" in its metadata: expected logit_offsets, a number for each of {} classes",
          path.string(), info.recipe.classes.size());
  info.decision_offsets = decision["logit_offsets"].get<std::vector<float>>();
  info.run = optional_metadata(file, "run");
  info.chosen = chosen_of(file);
  return info;
}

void save_training(const std::filesystem::path& path, model::Network& network,
                   const OptimizerState& optimizer, const CheckpointContext& context,
                   const Progress& progress, Stream& stream) {
  layers::ParameterSet& set = network.parameters();
  io::SafetensorsFile file;
  store(file, network_tensors(set), stream);
  store(file, optimizer_tensors(optimizer), stream);
  file.metadata = {{"format", training_format},     {"network", network_json(network.options())},
                   {"recipe", context.recipe},      {"data", context.fingerprint},
                   {"progress", to_text(progress)}, {"checksum", checksum_of(file)}};
  add_known(
      file.metadata,
      {{"run", context.run}, {"instruction_set", context.instruction_set}, {"program", context.program}});
  io::write_safetensors(path, file);
}

Progress load_training(const std::filesystem::path& path, model::Network& network, OptimizerState& optimizer,
                       CheckpointContext& context, Stream& stream) {
  const io::SafetensorsFile file = read_checkpoint(path, training_format);
  check_recipe(metadata(file, path, "recipe"), context.recipe, path);
  check_data(file, context, path);
  Progress progress = parse_progress(metadata(file, path, "progress"), path.string());
  layers::ParameterSet& set = network.parameters();
  std::vector<Named> tensors = network_tensors(set);
  const std::vector<Named> moments = optimizer_tensors(optimizer);
  tensors.insert(tensors.end(), moments.begin(), moments.end());
  restore(file, path, std::move(tensors), stream);
  context.run = optional_metadata(file, "run");
  context.instruction_set = optional_metadata(file, "instruction_set");
  context.program = optional_metadata(file, "program");
  return progress;
}

}  // namespace sec::train
