// Runs programs by the shell, as a user does, and returns their output and exit status.
#pragma once

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace sec {

struct Outcome {
  int status;  // the exit status, or -N if signal N ended the program
  std::string out;
  std::string error;
};

// Runs a command line. Its output is kept in FOLDER/stdout and FOLDER/stderr.
inline Outcome run_program(const std::string& command, const std::filesystem::path& folder) {
  const std::filesystem::path out = folder / "stdout";
  const std::filesystem::path error = folder / "stderr";
  const int status = std::system((command + " >" + out.string() + " 2>" + error.string()).c_str());
  const auto content = [](const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  };
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), content(out), content(error)};
}

}  // namespace sec
