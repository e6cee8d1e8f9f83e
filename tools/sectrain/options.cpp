#include "tools/sectrain/options.h"
#include "io/files/standard_streams.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <charconv>

#include "model/networks.h"
#include "tools/usage_error.h"
#include "train/recipe/recipe.h"

namespace sec::tools {
namespace {

constexpr std::int64_t most_profiled_steps = 1000;  // a trace has about a hundred kilobytes per step

void declare(CLI::App& app, TrainingOptions& o, std::vector<std::string>& folders, std::string& seed,
             std::string& profile) {
  app.description(
      "Trains SE-ECGNet or a baseline on annotated heartbeats (WFDB: .hea, .dat, .atr) or on whole\n"
      "recordings with several labels each (PTB-XL, Tianchi, CinC, a label table), chooses weights by\n"
      "their score in validation, scores the test side once, and writes a run folder: recipe.toml\n"
      "(resolved), log.jsonl, metrics.json, report.html, predictions.csv, best.safetensors,\n"
      "last.safetensors.");
  app.footer(
      "Examples:\n"
      "  sectrain --config recipes/mitdb-inter.toml --data data/mitdb --out runs/inter\n"
      "  sectrain --config recipes/mitdb-inter.toml --data data/mitdb --out runs/try --set train.epochs=2 "
      "\\\n"
      "           --set 'data.test=[\"100\", \"103\"]'\n"
      "  sectrain --config recipes/mitdb-svdb-inter.toml --data data/mitdb --data svdb=/mnt/svdb --out runs/both\n"
      "  sectrain --config recipes/ptbxl-super.toml --data data/ptb-xl --out runs/ptbxl\n"
      "  sectrain --resume --out runs/inter --data data/mitdb       goes on, to the same weights bit for "
      "bit\n"
      "  sectrain --keys                                            lists what --set and recipes know\n"
      "Ctrl-C saves and says how to go on. Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped.");
  app.add_option("--config", o.config, "Recipe (TOML); with --resume by default the run's own")
      ->type_name("FILE")
      ->group("What to do");
  app.add_option("--data", folders,
                 "Folder of the records, with their labels. NAME=DIR: folder of the recipe's database NAME,\n"
                 "if that is not beside the other folder; repeatable")
      ->type_name("DIR|NAME=DIR")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->group("What to do");
  app.add_option("--out", o.out, "Run folder, made if it does not exist")
      ->type_name("DIR")
      ->group("What to do");
  app.add_option("--set", o.overrides, "Override a recipe key, as train.epochs=3; repeatable")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->group("What to do");
  app.add_option("--seed", seed, "The same as --set seed=N")
      ->type_name("N")
      ->check(CLI::NonNegativeNumber)
      ->group("What to do");
  app.add_option("--model", o.model,
                 "The network: se-ecgnet, resnet34, ecgnet or bircnn; the same as\n"
                 "--set network.model=NAME")
      ->type_name("NAME")
      ->check(CLI::IsMember(model::network_models()))
      ->group("What to do");
  CLI::Option* init =
      app.add_option("--init", o.init,
                     "Weights to start from, a model, pretrained:NAME or PyTorch's state dict;\n"
                     "the same as --set network.init=FILE")
          ->type_name("FILE")
          ->group("What to do");
  CLI::Option* resume =
      app.add_flag("--resume", o.resume, "Go on with the run in --out")->excludes(init)->group("What to do");
  app.add_flag("--overwrite", o.overwrite, "Replace the run in --out")->excludes(resume)->group("What to do");
  app.add_option("--device", o.device, "Where to compute; auto: cuda where there is a GPU, else cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "simt"}))
      ->capture_default_str()
      ->group("How to run");
  app.add_option(
         "--kernels", o.kernels,
         "own: our kernels, fused where the device has fused ones; unfused: our kernels, one per layer;\n"
         "cudnn: cuDNN and cuBLAS where they have the operation, on cuda. reference is the former\n"
         "name of unfused, until version 1.0")
      ->check(CLI::IsMember({"own", "unfused", "cudnn", "reference"}))
      ->capture_default_str()
      ->group("How to run");
  app.add_option("--precision", o.precision,
                 "Arithmetic of the network; auto: tf32 on cuda, else f32. tf32: convolutions\n"
                 "on tensor cores, operands rounded to 10 bits of mantissa; bf16: layers hand\n"
                 "on bf16. Both on cuda and simt")
      ->check(CLI::IsMember({"auto", "f32", "tf32", "bf16"}))
      ->capture_default_str()
      ->group("How to run");
  app.add_option("--tiles", o.tiles,
                 "File in which bench_tiles wrote the tile sizes it measured on this device, cuda or simt.\n"
                 "A built-in rule chooses the tiles of all other convolutions")
      ->group("How to run");
  app.add_option("--threads", o.threads, "Compute threads; 0: one per core. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group("How to run");
  app.add_option("--steps-at-once", o.steps_at_once,
                 "Steps that the device is given before the host waits for their results,\n"
                 "which stay the same; Ctrl-C waits for them. 0: 8 on cuda, else 1")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group("How to run");
  app.add_option("--resident", o.resident,
                 "Keep the training examples in device memory and make batches there, on cuda and\n"
                 "simt; results do not depend on it. auto: on cuda, if they fit into half of its free\n"
                 "memory")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str()
      ->group("How to run");
  app.add_flag("--eager", o.eager,
               "Run steps and forward passes kernel by kernel, not as recordings: for profilers;\n"
               "results stay the same")
      ->group("How to run");
  app.add_flag("!--no-verify", o.verify,
               "Read recordings without comparing them with the checksums in their headers first;\n"
               "the same as --set data.verify=false")
      ->group("What to do");
  app.add_flag("--quiet", o.quiet, "No progress, only results, warnings and errors")->group("What to show");
  app.add_flag("--json", o.json, "Print results as one JSON object, as in metrics.json")
      ->group("What to show");
  app.add_flag("--tensorboard", o.tensorboard,
               "Also write the numbers of log.jsonl to events.out.tfevents.sec in the run folder, for\n"
               "TensorBoard: tensorboard --logdir DIR")
      ->group("What to show");
  app.add_option(
         "--profile", profile,
         "Print where training time went, as a tree. With N: of N steps after the first, which run kernel\n"
         "by kernel; writes trace.json to the run folder, and brackets these steps for nsys and ncu")
      ->type_name("[N]")
      ->expected(0, 1)
      ->group("What to show");
  app.set_version_flag("--version", "sectrain " SEC_VERSION, "Print version and commit, and stop")
      ->group("What to show");
  app.add_flag("--keys", o.keys, "List the recipe keys with defaults, and stop")->group("What to show");
}

// The number of steps in the value of --profile; 0 if it has no value.
std::int64_t profiled_steps(const std::string& text) {
  std::int64_t steps = 0;
  const auto [end, status] = std::from_chars(text.data(), text.data() + text.size(), steps);
  if (!text.empty() && (status != std::errc() || end != text.data() + text.size() || steps < 1 ||
                        steps > most_profiled_steps)) {
    throw CLI::ValidationError(
        "--profile", fmt::format("'{}': expected a number of steps from 1 to {}", text, most_profiled_steps));
  }
  return steps;
}

// Sorts the values of --data. What is before "=" names a database if it can be a name; "./a=b" is a folder.
void set_folders(const std::vector<std::string>& folders, TrainingOptions& options) {
  for (const std::string& text : folders) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (equals == std::string::npos || !train::is_database_name(name)) {
      if (!options.data.empty()) {
        throw CLI::ValidationError("--data",
                                   fmt::format("{} and {}: expected one folder, and NAME=DIR for others",
                                               options.data.string(), text));
      }
      options.data = text;
    } else if (text.size() == equals + 1 ||
               !options.databases.try_emplace(name, text.substr(equals + 1)).second) {
      throw CLI::ValidationError("--data", fmt::format("{}: expected one folder for {}", text, name));
    }
  }
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, TrainingOptions& options) {
  CLI::App app;
  std::string seed;
  std::string profile;
  std::vector<std::string> folders;
  declare(app, options, folders, seed, profile);
  try {
    app.parse(argc, argv);
    set_folders(folders, options);
    if (app.count("--profile") > 0) {
      options.profile = profiled_steps(profile);
    }
    if (!options.keys) {
      const auto needed = [](bool given, const char* what) {
        if (!given) {
          throw CLI::RequiredError(what);
        }
      };
      needed(!options.out.empty(), "--out");
      needed(!options.data.empty(), "--data");
      needed(!options.config.empty() || options.resume, "--config");
    }
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "sectrain");
  }
  if (!seed.empty()) {
    options.overrides.push_back("seed=" + seed);
  }
  if (!options.model.empty()) {
    options.overrides.push_back("network.model=" + options.model);
  }
  if (!options.init.empty()) {
    options.overrides.push_back("network.init=" + options.init);
  }
  if (!options.verify) {
    options.overrides.push_back("data.verify=false");
  }
  if (options.kernels == "reference") {
    io::tell("sectrain: --kernels reference is now --kernels unfused; the old name ends with version 1.0\n");
    options.kernels = "unfused";
  }
  return std::nullopt;
}

}  // namespace sec::tools
