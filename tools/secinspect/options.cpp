#include "tools/secinspect/options.h"

#include <CLI/CLI.hpp>

#include "tools/usage_error.h"

namespace sec::tools {
namespace {

void declare(CLI::App& app, Options& o) {
  app.description(
      "Shows a network from inside: what every layer makes of one beat or recording, which parts of the input\n"
      "made it decide, and what it costs. Without a RECORD, the network alone.");
  app.footer(
      "Examples:\n"
      "  secinspect runs/inter                                            a table of all operations\n"
      "  secinspect runs/inter data/mitdb/100 --at 1:23 --out beat.html   a page about the beat at 1 min 23 s\n"
      "  secinspect runs/inter data/mitdb/100 --at 83.5 --dump arrays     activations and gradients as .npy\n"
      "  secinspect --kernel conv --version tensor --out kernel.html      a page about a kernel; kernel_lab --help\n"
      "  secinspect compare runs/a runs/b --out both.html                 several trainings; secinspect compare --help\n"
      "  secinspect --watch runs/inter                                    follows a training; --watch --help\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  app.add_option("MODEL", o.model, "Run folder of sectrain, its best.safetensors, or a state dict")
      ->required();
  app.add_option(
      "RECORD", o.record,
      "WFDB record, as data/mitdb/100, or a file whose extension says its format: .edf, .csv, .tsv,\n"
      ".npy, .txt");
  app.add_option(
         "--at", o.at,
         "The beat nearest to this time, as 83.5 (s) or 1:23.5; default: the first beat that the network\n"
         "does not put into the first class")
      ->type_name("TIME");
  app.add_option("--out", o.out, "The page to write: one HTML file that needs nothing else")
      ->type_name("FILE");
  app.add_option("--dump", o.dump, "Folder for every activation, gate and gradient as .npy")
      ->type_name("DIR");
  app.add_option("--data", o.data, "Folder of the training records, for the nearest training beats")
      ->type_name("DIR");
  app.add_flag("--identify", o.identify,
               "Let the page name the recording, its date and those of its neighbours; else it names no one");
  app.add_flag("--find-beats", o.find_beats, "Look for beats even if they are annotated");
  app.add_flag("!--no-verify", o.verify, "Read the recording without comparing it with its checksums");
  app.add_option("--leads", o.leads, "Leads to read as those of the recipe's data.leads, in that order")
      ->delimiter(',')
      ->expected(1)
      ->take_all()
      ->allow_extra_args(false)
      ->type_name("NAME,...");
  app.add_option("--length", o.length, "Samples of the input of a state dict")
      ->check(CLI::Range(1, 1'000'000'000));
  app.add_option("--check", o.check, "Beats with which the page compares its own forward pass")
      ->check(CLI::Range(0, 1000))
      ->capture_default_str();
  app.add_option("--device", o.device, "Where to compute; auto: cuda where there is a GPU, else cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "simt"}))
      ->capture_default_str();
  app.add_option("--threads", o.threads, "Compute threads; 0: one per core. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str();
  app.set_version_flag("--version", "secinspect " SEC_VERSION, "Print version and commit, and stop");
}

}  // namespace

std::optional<int> parse_command_line(int argc, char** argv, Options& options) {
  CLI::App app;
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "secinspect");
  }
  return std::nullopt;
}

}  // namespace sec::tools
