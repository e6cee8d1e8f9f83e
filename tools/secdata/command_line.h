// The command line of secdata.
#pragma once

#include <functional>
#include <variant>

namespace sec::tools {

struct CommandLine {
  int threads = 0;            // 0: one per core
  std::function<bool()> run;  // the chosen subcommand with its options
};

// Returns the chosen subcommand.
// Returns the exit status if there is nothing to run: 0 after --help, 2 after wrong usage.
std::variant<CommandLine, int> parse_command_line(int argc, char** argv);

}  // namespace sec::tools
