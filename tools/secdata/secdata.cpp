// secdata: shows, downloads, checks, converts, generates and scores recordings.
#include "engine/parallel.h"
#include "io/files/standard_streams.h"
#include "tools/secdata/command_line.h"
#include "tools/secdata/output.h"

int main(int argc, char** argv) {
  using namespace sec;
  io::guard_standard_streams();
  const auto parsed = tools::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) {
    return *status;
  }
  const auto& command = std::get<tools::CommandLine>(parsed);
  try {
    set_threads(command.threads);
    const bool good = command.run();
    io::flush_stdout();
    return good ? 0 : 1;
  } catch (const tools::UsageError& error) {
    io::tell_error("secdata", error);
    return 2;
  } catch (const std::exception& error) {
    io::tell_error("secdata", error);
    return 1;
  }
}
