// How the benches that take options read their command line.
#pragma once

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <optional>

namespace sec::bench {

// Returns the exit status if the program ends here: 0 after --help, 2 after a usage error, which is one line on stderr.
inline std::optional<int> parse_command_line(CLI::App& app, int argc, char** argv, const char* program) {
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // --help is not a failure
    }
    fmt::print(stderr, "{}: {} (see {} --help)\n", program, error.what(), program);
    return 2;
  }
  return std::nullopt;
}

}  // namespace sec::bench
