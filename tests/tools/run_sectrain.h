// Runs sectrain as a user does, on a small synthetic database.
#pragma once

#include <signal.h>
#include <sys/wait.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "tests/run_program.h"
#include "tests/train/tiny_run.h"

namespace sec::train {

namespace fs = std::filesystem;
using io::content_of;

class Sectrain : public testing::Test {
 protected:
  void SetUp() override { folder_.write("tiny.toml", tiny_recipe_text); }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // The arguments "--config ... --data ... --out RUN", followed by `more`.
  std::string arguments(const std::string& run, const std::string& more = "",
                        const std::string& data = tiny_database().string()) const {
    return "--config " + path(config_) + " --data " + data + " --out " + path(run) + " " + more;
  }

  Outcome sectrain(const std::string& arguments, const std::string& before = "") const {
    return run_program(before + SECTRAIN + " " + arguments, folder_.path());
  }

  // Starts sectrain and sends a signal some milliseconds after it has written a new last.safetensors.
  int stopped(const std::string& arguments, const std::string& run, int signal, int milliseconds) const {
    const fs::path last = folder_ / run / "last.safetensors";
    const std::string before = content_of(last);
    const pid_t child = fork();
    if (child == 0) {
      const std::string command =
          std::string("exec ") + SECTRAIN + " " + arguments + " >" + path("stdout") + " 2>" + path("stderr");
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    int status = 0;
    for (int i = 0; i < 60000 && content_of(last) == before; ++i) {
      if (waitpid(child, &status, WNOHANG) == child) {
        return status;  // the run ended before the signal was sent
      }
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(milliseconds));
    kill(child, signal);
    waitpid(child, &status, 0);
    return status;
  }

  io::TemporaryFolder folder_;
  std::string config_ = "tiny.toml";
};

// Whether the text has exactly one line of error, possibly after warnings.
inline bool one_line(const std::string& text) {
  std::istringstream lines(text);
  int errors = 0, others = 0;
  for (std::string line; std::getline(lines, line);) {
    errors += line.starts_with("sectrain: ");
    others += !line.starts_with("sectrain: ") && !line.starts_with("warning: ");
  }
  return errors == 1 && others == 0;
}

}  // namespace sec::train
