// The subcommands of secdata, one file each.
#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace sec::tools {

struct Command {
  CLI::App* parser;
  // What the subcommand does, with the options of the command line that was parsed. Returns whether it found
  // everything in order. Throws UsageError where options contradict each other, Error where it fails.
  std::function<bool()> run;
};

Command add_info(CLI::App& app);
Command add_dump(CLI::App& app);
Command add_fetch(CLI::App& app);
Command add_convert(CLI::App& app);
Command add_verify(CLI::App& app);
Command add_synth(CLI::App& app);
Command add_score(CLI::App& app);

}  // namespace sec::tools
