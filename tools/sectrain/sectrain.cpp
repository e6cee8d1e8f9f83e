// sectrain: trains SE-ECGNet on annotated recordings, chooses weights on a validation set, and scores a test
// set once.

#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "engine/parallel.h"
#include "engine/precision.h"
#include "engine/ranges.h"
#include "engine/stream.h"
#include "kernels/device_tables.h"
#include "model/networks.h"
#include "tools/sectrain/training_display.h"
#include "tools/sectrain/training_task.h"
#include "train/loop/run_folder.h"
#include "train/loop/run_log.h"
#include "train/loop/tile_file.h"
#include "train/report/page.h"
#include "train/report/results.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using namespace sec::train;

constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it

struct Options {
  std::string config;
  fs::path data;
  fs::path out;
  std::string device = "auto";
  std::string kernels = "own";
  std::string precision = "auto";
  std::string tiles;
  int threads = 0;
  std::int64_t steps_at_once = 0;
  std::string resident = "auto";
  std::vector<std::string> overrides;
  std::string model;
  std::string init;
  bool resume = false;
  bool overwrite = false;
  bool quiet = false;
  bool json = false;
  bool profile = false;
  bool eager = false;
  bool keys = false;
};

// Wrong usage that the command line's parser does not find by itself.
struct UsageError : Error {
  using Error::Error;
};

std::atomic<bool> stop_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// The first Ctrl-C asks to stop after the step; a second one kills.
void ask_to_stop(int) {
  stop_asked = true;
}

void catch_signals() {
  struct sigaction action = {};
  action.sa_handler = ask_to_stop;
  action.sa_flags = static_cast<int>(SA_RESETHAND) | SA_RESTART;
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

void release_signals() {
  std::signal(SIGINT, SIG_DFL);
  std::signal(SIGTERM, SIG_DFL);
}

class Stopwatch {
 public:
  double lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

void say(const Options& options, const std::string& line) {
  if (!options.quiet) {
    fmt::print(stderr, "{}\n", line);
  }
}

void print(std::string_view text) {
  require(std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0,
          "standard output: cannot write: {}", std::strerror(errno));
}

void print_keys() {
  Recipe recipe;
  for (const RecipeKey& key : recipe_keys(recipe)) {
    std::string help = key.help;
    if (!key.choices.empty()) {
      help += fmt::format("{}one of {}", help.empty() ? "" : "; ", fmt::join(key.choices, ", "));
    }
    print(fmt::format("{:<26} {:<28} {}\n", key.name, value_text(key), help));
  }
}

std::string local_time() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  localtime_r(&now, &parts);
  char text[64];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S%z", &parts);
  return text;
}

std::string resume_command(const Options& options) {
  return fmt::format("sectrain --resume --out {} --data {} --device {}{}{}{}{} --threads {}",
                     options.out.string(), options.data.string(), options.device,
                     options.kernels == "own" ? "" : " --kernels " + options.kernels,
                     options.precision == "auto" ? "" : " --precision " + options.precision,
                     options.tiles.empty() ? "" : " --tiles " + options.tiles,
                     options.resident == "auto" ? "" : " --resident " + options.resident, options.threads);
}

Precision precision_of(const Options& options, Device device) {
  try {
    return parse_precision(options.precision, device);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--{}", error.what()));
  }
}

// Where the host enqueues work and waits for it, eight steps a wait make the time between steps an eighth;
// more would only make progress coarse, and Ctrl-C late. Elsewhere there is nothing to gain.
std::int64_t steps_at_once_on(Device device) {
  return device == Device::cuda ? 8 : 1;
}

// Whether the training examples go to the device, decided before the network takes memory there.
bool resident_on(const Options& options, const Device device, const Dataset& examples, const Recipe& recipe) {
  if (options.resident == "off" || (options.resident == "auto" && device != Device::cuda)) {
    return false;
  }
  const std::string reason = why_not_resident(examples, recipe, device);
  require(reason.empty() || options.resident == "auto", "--resident on: {}", reason);
  say(options, reason.empty() ? fmt::format("training examples in device memory: {:.1f} MB",
                                            static_cast<double>(resident_bytes(examples, recipe)) / 1e6)
                              : fmt::format("training examples stay on the host: {}", reason));
  return reason.empty();
}

void print_profile(const std::vector<RangeTime>& times) {
  fmt::print(stderr, "{:<28}{:>10}{:>12}\n", "range", "calls", "seconds");
  for (const RangeTime& time : times) {
    fmt::print(stderr, "{:<28}{:>10}{:>12.3f}\n", time.name, time.count, time.seconds);
  }
}

int run_training(const Options& options) {
  Stopwatch watch;
  const RunFolder folder(options.out, options.resume      ? RunFolder::Use::resume
                                      : options.overwrite ? RunFolder::Use::overwrite
                                                          : RunFolder::Use::fresh);
  const std::string config = options.config.empty() ? folder.file("recipe.toml").string() : options.config;
  const Recipe asked = read_recipe(config, options.overrides);
  set_threads(options.threads);
  OwnedStream owned(parse_device(options.device));
  Stream& stream = owned;
  const bool libraries = options.kernels == "cudnn";
  if (libraries && stream.device != Device::cuda) {
    throw UsageError(
        fmt::format("--kernels cudnn: needs --device cuda, the device is {}", name_of(stream.device)));
  }
  if (libraries && !options.tiles.empty()) {
    throw UsageError(
        "--tiles: cuDNN's convolutions have none; they are those of --kernels own and reference");
  }
  if (!options.tiles.empty()) {
    use_tile_file(options.tiles, stream.device);
  }
  if (options.resident == "on" && stream.device == Device::cpu) {
    throw UsageError("--resident on: needs --device cuda or simt, the device is cpu");
  }
  if (libraries) {
    kernels::use_libraries();
  } else if (options.kernels == "reference") {
    kernels::use_unfused_operations();
  }
  const Precision precision = precision_of(options, stream.device);
  stream.tf32 = allows_tf32(precision);

  say(options, fmt::format("reading {}", options.data.string()));
  const auto task = asked.whole_recordings() ? tools::make_recording_task(asked, options.data)
                                             : tools::make_beat_task(asked, options.data);
  const Recipe& recipe = task->recipe();
  RunSummary run;
  run.title =
      recipe.network.model == Recipe().network.model
          ? recipe.title
          : fmt::format("{} by the recipe of {}", model::network_title(recipe.network.model), recipe.title);
  run.created = local_time();
  run.program = "sectrain " SEC_VERSION;
  run.recipe_text = to_toml(recipe);
  run.seed = static_cast<std::uint64_t>(recipe.seed);
  run.device = fmt::format("{}{} in {}, {} thread(s)", name_of(stream.device),
                           libraries ? " with cuDNN and cuBLAS" : "", name_of(precision), threads());
  run.classes = recipe.classes;
  task->describe(run);
  run.timing.push_back({"read data", watch.lap()});
  const auto [training_side, validation_side, test_side] = task->split_texts();
  say(options,
      fmt::format("train      {}\nvalidation {}\ntest       {}", training_side, validation_side, test_side));
  for (const std::string& leak : run.leaks) {
    fmt::print(stderr, "warning: leakage, allowed by the recipe: {}\n", leak);
  }
  for (const std::string& warning : run.warnings) {
    fmt::print(stderr, "warning: {}\n", warning);
  }

  tools::TrainingDisplay display(recipe.train.epochs, recipe.train.log_steps, options.quiet);
  TrainerOptions trainer_options;
  trainer_options.recipe = recipe;
  trainer_options.stream = stream;
  trainer_options.activations = activations_in(precision);
  trainer_options.record = !options.eager;
  trainer_options.steps_at_once =
      options.steps_at_once > 0 ? options.steps_at_once : steps_at_once_on(stream.device);
  trainer_options.resident = resident_on(options, stream.device, task->data().train, recipe);
  trainer_options.folder = options.out;
  trainer_options.stop = &stop_asked;
  trainer_options.on_step = [&](const StepReport& report) {
    display.show(report);
    if (report.step % recipe.train.log_steps == 0) {
      folder.log(log_line(report));
    }
  };
  trainer_options.on_epoch = [&](const EpochRecord& record) {
    display.show(record, recipe.classes);
    folder.log(log_line(record, recipe.classes));
  };
  Trainer trainer(std::move(trainer_options), task->data());
  run.network = trainer.network().summary();
  if (options.resume) {
    trainer.resume();
    continue_log(folder.file("log.jsonl"), trainer.progress().step, trainer.progress().history);
    say(options, fmt::format("resuming after step {}", trainer.progress().step));
  } else {
    trainer.start();
  }
  folder.begin();
  folder.write("recipe.toml", run.recipe_text);
  say(options, fmt::format("training {} parameters on {}, seed {}", trainer.network().parameters().count(),
                           run.device, recipe.seed));

  catch_signals();
  if (options.profile) {
    start_range_timer();
  }
  const TrainingEnd end = trainer.run();
  display.end_line();
  if (options.profile) {
    print_profile(stop_range_timer());
  }
  if (end == TrainingEnd::interrupted) {
    fmt::print(stderr, "stopped after step {}; to go on: {}\n", trainer.progress().step,
               resume_command(options));
    return interrupted_status;
  }
  release_signals();
  run.timing.push_back({"train", watch.lap()});
  run.history = trainer.progress().history;
  run.best_epoch = trainer.progress().best_epoch;

  say(options, fmt::format("scoring with the weights of epoch {}", run.best_epoch));
  task->score(run, trainer);
  run.timing.push_back({"score", watch.lap()});
  double total = 0;
  for (const NamedSeconds& part : run.timing) {
    total += part.seconds;
  }
  run.timing.push_back({"total", total});

  const std::string metrics = metrics_json(run, task->splits(), task->fingerprint());
  folder.write("metrics.json", metrics);
  folder.write("report.html", report_html(run));
  print(options.json ? metrics : results_text(run));
  say(options, fmt::format("report: {}", folder.file("report.html").string()));
  return 0;
}

void declare(CLI::App& app, Options& o, std::string& seed) {
  app.description(
      "Trains SE-ECGNet or a baseline on annotated heartbeats (WFDB: .hea, .dat, .atr) or on whole\n"
      "recordings with several labels each (PTB-XL, Tianchi, CinC, a label table), chooses weights by\n"
      "their score in validation, scores the test side once, and writes a run folder: recipe.toml\n"
      "(resolved), log.jsonl, metrics.json, report.html, best.safetensors, last.safetensors.");
  app.footer(
      "Examples:\n"
      "  sectrain --config recipes/mitdb-inter.toml --data data/mitdb --out runs/inter\n"
      "  sectrain --config recipes/mitdb-inter.toml --data data/mitdb --out runs/try --set train.epochs=2 "
      "\\\n"
      "           --set 'data.test=[\"100\", \"103\"]'\n"
      "  sectrain --config recipes/ptbxl-super.toml --data data/ptb-xl --out runs/ptbxl\n"
      "  sectrain --resume --out runs/inter --data data/mitdb       goes on, to the same weights bit for "
      "bit\n"
      "  sectrain --keys                                            lists what --set and recipes know\n"
      "Ctrl-C saves and says how to go on. Exit status: 0 done, 1 failed, 2 wrong usage, 130 stopped.");
  app.add_option("--config", o.config, "Recipe (TOML); with --resume by default the run's own")
      ->type_name("FILE")
      ->group("What to do");
  app.add_option("--data", o.data, "Folder of the records, with their labels")
      ->type_name("DIR")
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
  CLI::Option* init = app.add_option("--init", o.init,
                                     "Weights to start from, a model or PyTorch's state dict (safetensors);\n"
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
  app.add_option("--kernels", o.kernels,
                 "Our kernels, fused where the device has it; reference: ours, each layer for itself; cudnn: "
                 "cuDNN and "
                 "cuBLAS on cuda where they have the operation")
      ->check(CLI::IsMember({"own", "reference", "cudnn"}))
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
                 "How convolutions are cut into blocks, as bench_tiles measured it on this device: on cuda\n"
                 "and simt; other shapes, and all without it, by a built-in rule")
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
  app.add_flag("--quiet", o.quiet, "No progress, only results, warnings and errors")->group("What to show");
  app.add_flag("--json", o.json, "Print results as one JSON object, as in metrics.json")
      ->group("What to show");
  app.add_flag("--profile", o.profile, "Print where training time went")->group("What to show");
  app.set_version_flag("--version", "sectrain " SEC_VERSION, "Print version and commit, and stop")
      ->group("What to show");
  app.add_flag("--keys", o.keys, "List the recipe keys with defaults, and stop")->group("What to show");
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  Options options;
  std::string seed;
  declare(app, options, seed);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, like a full disk
  try {
    app.parse(argc, argv);
    if (!seed.empty()) {
      options.overrides.push_back("seed=" + seed);
    }
    if (!options.model.empty()) {
      options.overrides.push_back("network.model=" + options.model);
    }
    if (!options.init.empty()) {
      options.overrides.push_back("network.init=" + options.init);
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
    return app.exit(error) == 0 ? 0 : 2;  // help is a result; anything else is wrong usage
  }
  try {
    if (options.keys) {
      print_keys();
      return 0;
    }
    return run_training(options);
  } catch (const UsageError& error) {
    fmt::print(stderr, "sectrain: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "sectrain: {}\n", error.what());
    return 1;
  }
}
