// sectrain: trains SE-ECGNet on annotated recordings.
// It chooses weights on a validation set, and scores a test set once.

#include <fmt/ranges.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <filesystem>

#include "engine/parallel.h"
#include "engine/precision.h"
#include "engine/stream.h"
#include "engine/utf8.h"
#include "io/files/read_file.h"
#include "io/files/standard_streams.h"
#include "kernels/device_tables.h"
#include "model/networks.h"
#include "tools/sectrain/options.h"
#include "tools/sectrain/profile.h"
#include "tools/sectrain/training_display.h"
#include "tools/sectrain/training_task.h"
#include "train/inspect/network_state.h"
#include "train/inspect/window.h"
#include "train/loop/event_file.h"
#include "train/loop/run_folder.h"
#include "train/loop/run_log.h"
#include "train/loop/tile_file.h"
#include "train/report/page.h"
#include "train/report/predictions.h"
#include "train/report/results.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using namespace sec::train;
using Options = tools::TrainingOptions;

constexpr int interrupted_status = 130;  // 128 + SIGINT, as shells report it

// Wrong usage that is found only after the command line was parsed: exit status 2.
struct UsageError : Error {
  using Error::Error;
};

std::atomic<bool> stop_asked = false;
static_assert(std::atomic<bool>::is_always_lock_free);

// The first Ctrl-C stops training after the current step. A second Ctrl-C ends the program at once.
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
    io::tell("{}\n", line);
  }
}

void print_keys() {
  Recipe recipe;
  recipe.data.databases["NAME"];  // shows the keys of a database's section
  io::print(fmt::format("{:<28} {:<28} {}\n", "base", "",
                        "the recipe file that this one builds on; docs/recipes.md"));
  for (const RecipeKey& key : recipe_keys(recipe)) {
    std::string help = key.help;
    if (!key.choices.empty()) {
      help += fmt::format("{}one of {}", help.empty() ? "" : "; ", fmt::join(key.choices, ", "));
    }
    io::print(fmt::format("{:<28} {:<28} {}\n", key.name, value_text(key), help));
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

// A word that a shell reads as it is, in quotes if need be.
std::string quoted(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:=+@%";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) {
    return word;
  }
  std::string text = "'";
  for (const char c : word) {
    text += c == '\'' ? "'\\''" : std::string(1, c);
  }
  return text + '\'';
}

std::string resume_command(const Options& options) {
  std::string others;
  for (const auto& [name, path] : options.databases) {
    others += " --data " + quoted(name + "=" + path.string());
  }
  return fmt::format("sectrain --resume --out {} --data {}{} --device {}{}{}{}{} --threads {}{}",
                     quoted(options.out.string()), quoted(options.data.string()), others, options.device,
                     options.kernels == "own" ? "" : " --kernels " + options.kernels,
                     options.precision == "auto" ? "" : " --precision " + options.precision,
                     options.tiles.empty() ? "" : " --tiles " + quoted(options.tiles),
                     options.resident == "auto" ? "" : " --resident " + options.resident, options.threads,
                     options.tensorboard ? " --tensorboard" : "");
}

Precision precision_of(const Options& options, Device device) {
  try {
    return parse_precision(options.precision, device);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--{}", error.what()));
  }
}

// On cuda the host enqueues eight steps before it waits, which cuts the waiting time per step to an eighth.
// More steps would delay progress output and Ctrl-C. Other devices gain nothing.
std::int64_t steps_at_once_on(Device device) {
  return device == Device::cuda ? 8 : 1;
}

// Whether the training examples are kept in device memory. Called before the network allocates memory there.
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

// A few training examples, evenly over all, whose gates the log describes. simt is too slow for more than one.
NetworkInput examples_to_look_at(const Dataset& examples, Device device) {
  const std::vector<ExampleId> all = examples.labelled();
  const std::size_t count = std::min<std::size_t>(all.size(), device == Device::simt ? 1 : 16);
  std::vector<ExampleId> some;
  for (std::size_t i = 0; i < count; ++i) {
    some.push_back(all[i * all.size() / count]);
  }
  return inputs_of(examples, some);
}

int run_training(const Options& options) {
  Stopwatch watch;
  RunFolder folder(options.out, options.resume      ? RunFolder::Use::resume
                                : options.overwrite ? RunFolder::Use::overwrite
                                                    : RunFolder::Use::fresh);
  const std::string own = folder.file("recipe.toml").string();
  const Recipe asked = options.config.empty()
                           ? parse_run_recipe(io::read_file(own, 1'000'000), own, options.overrides)
                           : read_recipe(options.config, options.overrides);
  set_threads(options.threads);
  OwnedStream owned(parse_device(options.device));
  Stream& stream = owned;
  const bool libraries = options.kernels == "cudnn";
  if (libraries && stream.device != Device::cuda) {
    throw UsageError(
        fmt::format("--kernels cudnn: needs --device cuda, the device is {}", name_of(stream.device)));
  }
  if (libraries && !options.tiles.empty()) {
    throw UsageError("--tiles: cuDNN's convolutions have no tiles; only --kernels own and unfused use tiles");
  }
  if (!options.tiles.empty()) {
    use_tile_file(options.tiles, stream.device);
  }
  if (options.resident == "on" && stream.device == Device::cpu) {
    throw UsageError("--resident on: needs --device cuda or simt, the device is cpu");
  }
  if (libraries) {
    kernels::use_libraries();
  } else if (options.kernels == "unfused") {
    kernels::use_unfused_operations();
  }
  const Precision precision = precision_of(options, stream.device);
  stream.tf32 = allows_tf32(precision);

  say(options, fmt::format("reading {}", options.data.string()));
  const DataFolders folders(options.data, options.databases);
  require_known(folders, asked);
  const auto task = asked.whole_recordings() ? tools::make_recording_task(asked, options.data)
                                             : tools::make_beat_task(asked, folders);
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
  for (std::string& leak : run.leaks) {
    leak = one_line(leak);
    io::tell("warning: leakage, allowed by the recipe: {}\n", leak);
  }
  for (std::string& warning : run.warnings) {
    warning = one_line(warning);
    io::tell("warning: {}\n", warning);
  }

  tools::TrainingDisplay display(recipe.train.epochs, recipe.train.log_steps, options.quiet);
  TrainerOptions trainer_options;
  trainer_options.recipe = recipe;
  trainer_options.stream = stream;
  trainer_options.activations = activations_in(precision);
  trainer_options.capture = !options.eager;
  trainer_options.steps_at_once =
      options.steps_at_once > 0 ? options.steps_at_once : steps_at_once_on(stream.device);
  trainer_options.resident = resident_on(options, stream.device, task->data().train, recipe);
  trainer_options.folder = options.out;
  trainer_options.program = run.program;
  trainer_options.stop = &stop_asked;
  const EventFile events(folder.file(EventFile::name));
  const auto log = [&](const std::string& line) {
    folder.log(line);
    if (options.tensorboard) {
      const auto now = std::chrono::system_clock::now().time_since_epoch();
      events.add(line, std::chrono::duration<double>(now).count());
    }
  };
  trainer_options.on_step = [&](const StepReport& report) {
    display.show(report);
    if (report.step % recipe.train.log_steps == 0) {
      log(log_line(report));
    }
  };
  Trainer* running = nullptr;
  const NetworkInput shown = examples_to_look_at(task->data().train, stream.device);
  trainer_options.on_epoch = [&](const EpochRecord& record) {
    display.show(record, recipe.classes);
    log(log_line(record, recipe.classes));
    log(state_line(running->network(), stream, shown, record.epoch, record.step, running->loader_wait()));
  };
  tools::TrainingProfile profile(stream);
  trainer_options.profile = {options.profile ? *options.profile : 0, [&] { profile.begin(true); },
                             [&] { profile.end(); }};
  Trainer trainer(std::move(trainer_options), task->data());
  running = &trainer;
  run.network = trainer.network().summary();
  if (options.resume && folder.has_checkpoint()) {
    for (const std::string& warning : trainer.resume()) {
      io::tell("warning: {}\n", warning);
      run.warnings.push_back(warning);
    }
  } else {
    trainer.start();
  }
  run.instruction_set = trainer.instruction_set();
  if (options.resume) {
    continue_log(folder.file("log.jsonl"), trainer.progress().step, trainer.progress().history);
    say(options, fmt::format("resuming after step {}", trainer.progress().step));
  }
  folder.begin();
  folder.write("recipe.toml", run.recipe_text);
  if (options.tensorboard) {
    events.begin(trainer.progress().step);
  }
  say(options, fmt::format("training {} parameters on {}, seed {}", trainer.network().parameters().count(),
                           run.device, recipe.seed));

  catch_signals();
  if (options.profile == 0) {
    profile.begin(false);
  }
  const std::int64_t first_step = trainer.progress().step;
  const TrainingEnd end = trainer.run();
  display.end_line();
  if (options.profile) {
    profile.end();
    const std::int64_t steps = trainer.progress().step - first_step;
    io::tell("{}", profile.text(*options.profile == 0 ? steps : std::min(steps - 1, *options.profile)));
  }
  if (profile.has_trace()) {
    folder.write("trace.json", profile.trace());
    say(options, fmt::format("trace: {}", folder.file("trace.json").string()));
  }
  if (end == TrainingEnd::interrupted) {
    io::tell("stopped after step {}; to go on: {}\n", trainer.progress().step, resume_command(options));
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
  folder.write("predictions.csv", predictions_csv(run));
  options.json ? io::print_json_text(metrics) : io::print(results_text(run));
  io::flush_stdout();
  say(options, fmt::format("report: {}", folder.file("report.html").string()));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  io::guard_standard_streams();
  tools::TrainingOptions options;
  if (const std::optional<int> status = tools::parse_command_line(argc, argv, options)) {
    return *status;
  }
  try {
    if (options.keys) {
      print_keys();
      io::flush_stdout();
      return 0;
    }
    return run_training(options);
  } catch (const UsageError& error) {
    io::tell_error("sectrain", error);
    return 2;
  } catch (const std::exception& error) {
    io::tell_error("sectrain", error);
    return 1;
  }
}
