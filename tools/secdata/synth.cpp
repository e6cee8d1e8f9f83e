// secdata synth: recordings made by a computer.
#include <CLI/CLI.hpp>
#include <filesystem>
#include <memory>

#include "io/synthetic.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

using namespace sec::io;

void synthesize_database(const std::string& folder, const SyntheticOptions& options, bool as_json,
                         bool quiet) {
  const MitdbCounts counts = write_synthetic_database(folder, options);
  if (as_json) {
    print_json(Json{{"folder", folder}, {"ds1", json_of(counts.ds1)}, {"ds2", json_of(counts.ds2)}});
  } else if (!quiet) {
    print(fmt::format("{}: synthetic recordings\nDS1 {}\nDS2 {}\n", folder, io::text_of(counts.ds1),
                      io::text_of(counts.ds2)));
  }
}

}  // namespace

Command add_synth(CLI::App& app) {
  struct Options {
    std::string folder;
    SyntheticOptions synthetic;
    bool as_json = false;
    bool quiet = false;
  };
  const auto options = std::make_shared<Options>();
  SyntheticOptions& synthetic = options->synthetic;
  CLI::App* command =
      app.add_subcommand("synth", "Writes a synthetic database with the record names of MIT-BIH");
  command->add_option("OUT", options->folder, "Folder to write")->required();
  command->add_option("--minutes", synthetic.minutes, "Minutes of signal a record")
      ->check(CLI::Range(0.1, 120.0))
      ->capture_default_str();
  command->add_option("--seed", synthetic.seed, "The same seed gives the same database")
      ->capture_default_str();
  command->add_option("--noise", synthetic.noise, "Factor on wander, mains, muscle and electrode noise")
      ->check(CLI::Range(0.0, 100.0))
      ->capture_default_str();
  command->add_option("--records", synthetic.records, "Only these records, as 100 101; default: all 48")
      ->delimiter(',');
  command->add_flag("--json", options->as_json, "Print one JSON object");
  command->add_flag("--quiet", options->quiet, "Print nothing");
  return {command, [options] {
            synthesize_database(options->folder, options->synthetic, options->as_json, options->quiet);
            return true;
          }};
}

}  // namespace sec::tools
