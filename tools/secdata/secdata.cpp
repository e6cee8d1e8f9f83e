// secdata: looks into recordings, gets, checks and makes databases of them. A file a subcommand in
// secdata/.

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include "engine/parallel.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

int main(int argc, char** argv) {
  using namespace sec;
  CLI::App app{"Looks into recordings; gets, checks and makes databases of them; scores annotations."};
  app.require_subcommand(1);
  app.footer(
      "Dataset:\n"
      "  secdata info data/mitdb/100\n"
      "  secdata dump data/mitdb/100 --from 10 --to 20 > beat.csv\n"
      "  secdata verify data/mitdb\n"
      "  secdata convert data/mitdb/100 100.edf\n"
      "  secdata fetch mitdb\n"
      "  secdata synth data/synthetic --minutes 5\n"
      "  secdata score data/mitdb out --records 100,103\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  int thread_count = 0;
  app.add_option("--threads", thread_count, "Threads to use; 0: one per core")->check(CLI::Range(0, 1024));
  const tools::Command commands[] = {tools::add_info(app),    tools::add_dump(app),  tools::add_verify(app),
                                     tools::add_convert(app), tools::add_fetch(app), tools::add_synth(app),
                                     tools::add_score(app)};
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    if (error.get_exit_code() == 0) {
      return app.exit(error);  // help is a result
    }
    const auto chosen = app.get_subcommands();
    fmt::print(stderr, "secdata: {} (see secdata {}--help)\n", error.what(),
               chosen.empty() ? "" : chosen.front()->get_name() + " ");
    return 2;
  }
  try {
    set_threads(thread_count);
    bool good = true;
    for (const tools::Command& command : commands) {
      if (command.parser->parsed()) {
        good = command.run();
      }
    }
    const bool flushed = std::fflush(stdout) == 0;
    require(flushed, "standard output: cannot write: {}", std::strerror(errno));
    return good ? 0 : 1;
  } catch (const tools::UsageError& error) {
    fmt::print(stderr, "secdata: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "secdata: {}\n", error.what());
    return 1;
  }
}
