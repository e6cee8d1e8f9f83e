// How every program ends when its command line cannot be run.
#pragma once

#include <CLI/CLI.hpp>

#include "io/files/standard_streams.h"

namespace sec::tools {

// Returns the exit status: 0 after --help and --version, which are not failures; 2 after a usage error, which is one line on
// stderr that names the program and its --help.
inline int usage_error(const CLI::App& app, const CLI::ParseError& error, const char* program) {
  if (error.get_exit_code() == 0) {
    return app.exit(error);
  }
  const auto chosen = app.get_subcommands();
  io::tell("{}: {} (see {} {}--help)\n", program, error.what(), program,
           chosen.empty() ? "" : chosen.front()->get_name() + " ");
  return 2;
}

}  // namespace sec::tools
