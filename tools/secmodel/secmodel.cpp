// secmodel: converts weights. Reads models of sectrain and PyTorch's state dicts; writes both, and ONNX.

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <csignal>
#include <cstdio>

#include "engine/failure.h"
#include "engine/parallel.h"
#include "engine/stream.h"
#include "io/databases/open_recording.h"
#include "io/databases/tianchi.h"
#include "io/files/atomic_file.h"
#include "io/files/json.h"
#include "io/files/read_file.h"
#include "io/files/standard_streams.h"
#include "io/signal/fourier_resample.h"
#include "model/networks.h"
#include "model/onnx_graph.h"
#include "tools/secmodel/onnx_metadata.h"
#include "tools/usage_error.h"
#include "train/data/recording_signal.h"
#include "train/loop/model_file.h"
#include "train/loop/pretrained.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using io::Json;

struct Options {
  fs::path model;
  fs::path out;
  std::int64_t length = 0;  // samples; 0: the model's length
  std::string device = "auto";
  int threads = 0;
  std::vector<fs::path> signals;
  std::string amplitudes;  // of the network's input; empty: what the model says
  std::string names = "ours";
  std::string data_licence;
  fs::path figures;
  bool json = false;
};

// The network's input: one recording, or several from a file.
struct Signals {
  std::int64_t n = 0;
  std::int64_t leads = 0;
  std::int64_t length = 0;
  std::vector<float> x;           // (n, length, leads), in the unit that the network wants
  std::vector<float> covariates;  // (n, K), or empty
  std::int64_t covariate_count = 0;
};

// Reads a recording in the unit `amplitudes` (train::amplitudes_of).
Signals tianchi_signals(const fs::path& path, std::int64_t length, const std::string& amplitudes) {
  const io::Recording recording = io::read_tianchi(path);
  Signals signals{1, static_cast<std::int64_t>(recording.leads.size()), recording.samples(), {}, {}, 0};
  std::vector<std::vector<float>> leads = recording.signals;
  if (length > 0 && length != signals.length) {
    for (std::vector<float>& lead : leads) {
      lead = io::fourier_resample(lead, length);
    }
    signals.length = length;
  }
  for (std::size_t h = 0; h < leads.size(); ++h) {
    if (amplitudes == "raw") {
      const auto gain = static_cast<float>(recording.leads[h].gain);
      std::ranges::transform(leads[h], leads[h].begin(), [&](float value) { return value * gain; });
    } else if (amplitudes == "standardised") {
      train::standardise(leads[h]);
    }
  }
  for (std::int64_t i = 0; i < signals.length; ++i) {
    for (const std::vector<float>& lead : leads) {
      signals.x.push_back(lead[static_cast<std::size_t>(i)]);
    }
  }
  return signals;
}

// Reads a safetensors file with `x` (N, H, L), f32, and, if the network has covariates, `covariates` (N, K).
Signals stored_signals(const fs::path& path) {
  const io::SafetensorsFile file = io::read_safetensors(path);
  const auto found = file.tensors.find("x");
  require(found != file.tensors.end() && found->second.shape.size() == 3 && found->second.count() > 0,
          "{}: expected a tensor x (recordings, leads, samples)", path.string());
  const auto theirs = found->second.as<float>(path.string() + ": x");
  const std::vector<std::int64_t>& shape = found->second.shape;
  Signals signals{shape[0], shape[1], shape[2], {}, {}, 0};
  signals.x.resize(theirs.size());
  std::size_t from = 0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t h = 0; h < shape[1]; ++h) {
      for (std::int64_t l = 0; l < shape[2]; ++l) {
        signals.x[static_cast<std::size_t>((n * shape[2] + l) * shape[1] + h)] = theirs[from++];
      }
    }
  }
  const auto more = file.tensors.find("covariates");
  if (more != file.tensors.end()) {
    require(more->second.shape.size() == 2 && more->second.shape[0] == signals.n,
            "{}: covariates are ({}), expected ({}, K)", path.string(), fmt::join(more->second.shape, ", "),
            signals.n);
    const auto values = more->second.as<float>(path.string() + ": covariates");
    signals.covariates = {values.begin(), values.end()};
    signals.covariate_count = more->second.shape[1];
  }
  return signals;
}

void predict(const Options& options, Stream& stream) {
  std::unique_ptr<train::StoredNetwork> model;
  std::string amplitudes;
  for (const fs::path& path : options.signals) {
    const bool stored = io::lower_extension(path) == ".safetensors";
    Signals signals = stored ? stored_signals(path) : tianchi_signals(path, 0, amplitudes);
    if (model == nullptr) {
      model = std::make_unique<train::StoredNetwork>(
          train::read_model(options.model, options.length, stream, signals.length));
      amplitudes =
          options.amplitudes.empty() ? train::amplitudes_of(*model, options.model) : options.amplitudes;
    }
    const model::NetworkOptions& o = model->network->options();
    const std::vector<std::string> classes = tools::classes_of(*model, options.model);
    if (!stored) {
      signals = tianchi_signals(path, o.length, amplitudes);
    }
    require(signals.leads == o.leads && signals.length == o.length && signals.covariate_count == o.covariates,
            "{}: {} lead(s) of {} samples with {} covariate(s), but {} takes {} of {} with {}", path.string(),
            signals.leads, signals.length, signals.covariate_count, options.model.string(), o.leads, o.length,
            o.covariates);
    const Tensor x = Tensor::from(stream, {signals.n, o.length, o.leads, 1}, signals.x);
    const Tensor covariates =
        o.covariates > 0 ? Tensor::from(stream, {signals.n, o.covariates}, signals.covariates) : Tensor();
    layers::Pass pass;
    pass.stream = stream;
    const std::vector<float> logits = model->network->forward(pass, x, covariates).value.to_vector(stream);
    for (std::int64_t n = 0; n < signals.n; ++n) {
      const std::span<const float> row(logits.data() + n * o.classes, static_cast<std::size_t>(o.classes));
      const std::string record = signals.n > 1 ? fmt::format("{}:{}", path.string(), n) : path.string();
      if (options.json) {
        Json line = {{"record", record}};
        if (!classes.empty()) {
          line["classes"] = classes;
        }
        line["logits"] = std::vector<float>(row.begin(), row.end());
        io::print_json_text(line.dump() + "\n");
      } else {
        io::print(fmt::format("{}  {:.6g}\n", record, fmt::join(row, " ")));
      }
    }
  }
}

// A line such as "input   mV".
std::string input_text(const std::string& amplitudes) {
  return fmt::format("input amplitudes: {}\n", amplitudes == "raw" ? "raw, the file's whole numbers"
                                               : amplitudes == "standardised"
                                                   ? "standardised, each lead with mean 0 and deviation 1"
                                                   : "millivolts");
}

// Writes the file of a model to give away, and its model card beside it.
void write_pretrained(const Options& options) {
  constexpr std::uintmax_t largest_figures = 1'000'000;  // bytes
  require(options.out.extension() == ".safetensors", "{}: expected the name of a .safetensors file",
          options.out.string());
  train::GiveAway more{options.data_licence, ""};
  if (!options.figures.empty()) {
    const Json figures = Json::parse_or_null(io::read_file(options.figures, largest_figures));
    require(figures.is_object() && figures.contains("databases"),
            "{}: expected the figures that tools/pretrained writes", options.figures.string());
    more.figures = figures.dump();
  }
  const io::SafetensorsFile file = train::give_away(options.model, more);
  io::write_safetensors(options.out, file);
  const std::string card = train::model_card(file, options.out.stem().string(), options.out.string());
  io::write_atomically(fs::path(options.out).replace_extension(".md"), card);
}

void run(const std::string& command, const Options& options) {
  if (command == "pretrained") {
    write_pretrained(options);
    return;
  }
  OwnedStream owned(parse_device(options.device));
  Stream& stream = owned;
  if (command == "predict") {
    predict(options, stream);
    return;
  }
  // The export of a state dict does not depend on the input's length.
  const std::int64_t any_length = command == "export" ? 5000 : 0;
  train::StoredNetwork model = train::read_model(options.model, options.length, stream, any_length);
  if (!options.amplitudes.empty()) {
    require(!model.metadata.contains("recipe"),
            "{}: its recipe says what its input is (input.amplitudes = {}): --amplitudes is for state dicts",
            options.model.string(), train::amplitudes_of(model, options.model));
    model.metadata["amplitudes"] = options.amplitudes;
  }
  if (command == "summary") {
    io::print(model.network->summary() + input_text(train::amplitudes_of(model, options.model)));
  } else if (command == "import") {
    train::write_model(options.out, model, stream);
  } else if (command == "export") {
    io::write_safetensors(options.out,
                          model::to_state_dict(*model.network, model.counts, stream,
                                               options.names == "released" ? model::TensorNames::released
                                                                           : model::TensorNames::ours));
  } else {
    io::write_atomically(options.out, model::to_onnx(*model.network, "sec " SEC_VERSION,
                                                     tools::onnx_metadata(model, options.model), stream));
  }
}

}  // namespace

int main(int argc, char** argv) {
  io::guard_standard_streams();
  CLI::App app;
  app.description(
      "Weights in and out. MODEL is a run folder of sectrain, its best.safetensors, pretrained:NAME, or a\n"
      "state dict of SE-ECGNet that PyTorch saved (tools/parity/pth_to_safetensors.py turns a .pth into\n"
      "safetensors).");
  app.footer(
      "Examples:\n"
      "  secmodel import theirs.safetensors --length 5000 --out model.safetensors\n"
      "  secmodel export runs/inter --out state_dict.safetensors\n"
      "  secmodel export model.safetensors --names released --out released.safetensors\n"
      "  secmodel onnx runs/inter --out model.onnx\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  app.require_subcommand(1);
  app.set_version_flag("--version", "secmodel " SEC_VERSION, "Print version and commit, and stop");
  Options options;
  const auto add = [&](const char* name, const char* help) {
    CLI::App* command = app.add_subcommand(name, help);
    command
        ->add_option("MODEL", options.model, "Run folder, model, pretrained:NAME or state dict (safetensors)")
        ->required();
    command
        ->add_option("--length", options.length,
                     "Samples of its input; a model says so itself, a state dict does not")
        ->check(CLI::Range(1, 1'000'000'000));
    return command;
  };
  const auto with_output = [&](CLI::App* command) {
    command->add_option("--out", options.out, "File to write")->required();
  };
  const auto with_amplitudes = [&](CLI::App* command, const char* help) {
    command->add_option("--amplitudes", options.amplitudes, help)
        ->check(CLI::IsMember({"millivolts", "raw", "standardised"}));
  };
  CLI::App* import_command = add("import", "Writes the model in sectrain's form");
  with_output(import_command);
  with_amplitudes(import_command,
                  "Input that a state dict was trained on, which the model then says; default: raw with the\n"
                  "names of the authors' code, else millivolts");
  CLI::App* export_command = add("export", "Writes the model as PyTorch's state dict");
  with_output(export_command);
  export_command
      ->add_option("--names", options.names,
                   "Names of the tensors; released: as in the authors' code, whose module loads them")
      ->check(CLI::IsMember({"ours", "released"}))
      ->capture_default_str();
  with_output(add("onnx", "Writes the model as ONNX, opset 17, with a free batch size"));
  add("summary", "Lists the layers: output shape, parameters, multiply-accumulates");
  CLI::App* pretrained_command = app.add_subcommand(
      "pretrained",
      "Writes a model to give away, as f16 with its scores and licence, and its model card beside it");
  pretrained_command->add_option("RUN", options.model, "Run folder of sectrain")->required();
  with_output(pretrained_command);
  pretrained_command
      ->add_option("--data-licence", options.data_licence, "Licence of the recordings that trained it")
      ->required();
  pretrained_command
      ->add_option("--figures", options.figures, "Further scores, as tools/pretrained writes them")
      ->type_name("FILE");
  CLI::App* predict_command = add("predict", "Prints the logits of recordings, a line each");
  predict_command
      ->add_option(
          "SIGNAL", options.signals,
          "Recordings in Tianchi's text form (resampled to the model's length), or .safetensors with x "
          "(recordings, leads, samples), in the unit that the model wants, and covariates")
      ->required();
  with_amplitudes(predict_command,
                  "Feed recordings in millivolts, as the file's whole numbers (raw) or standardised;\n"
                  "default: what the model says, see summary");
  predict_command->add_flag("--json", options.json, "Print one JSON object a recording");
  predict_command->add_option("--device", options.device, "Where to compute")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "simt"}))
      ->capture_default_str();
  predict_command->add_option("--threads", options.threads, "Compute threads; 0: one per core")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "secmodel");
  }
  try {
    set_threads(options.threads);
    if (!app.got_subcommand("pretrained")) {
      options.model = train::weights_file(options.model);
    }
    with_memory_for(options.model.string(), [&] { run(app.get_subcommands().front()->get_name(), options); });
    io::flush_stdout();
  } catch (const std::exception& error) {
    io::tell_error("secmodel", error);
    return 1;
  }
  return 0;
}
