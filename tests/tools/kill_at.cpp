// kill_at N PROGRAM ARGUMENTS...: runs a program and kills it (SIGKILL) when it is about to change files for the N-th
// time; N = 0 lets it run. Prints "killed", or "ended STATUS CALLS", or "untraceable". For kill_programs.py.
#include <fmt/core.h>

#include <cstdlib>

#include "tests/tools/kill_at_call.h"

int main(int argc, char** argv) {
  if (argc < 3) {
    fmt::print(stderr, "kill_at: expected N PROGRAM ARGUMENTS...\n");
    return 2;
  }
  const std::vector<std::string> arguments(argv + 2, argv + argc);
  const int own = ::dup(STDOUT_FILENO);
  ::dup2(STDERR_FILENO, STDOUT_FILENO);  // the program's output goes there
  const auto outcome = sec::kill_at_call(arguments, std::atoi(argv[1]), sec::changes_files);
  const std::string text =
      !outcome ? "untraceable"
      : outcome->killed
          ? "killed"
          : fmt::format("ended {} {}", WIFEXITED(outcome->status) ? WEXITSTATUS(outcome->status) : -1,
                        outcome->calls);
  return ::write(own, text.data(), text.size()) == static_cast<ssize_t>(text.size()) ? 0 : 1;
}
