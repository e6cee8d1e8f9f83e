// Runs secinfer with a small model of random weights.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/wfdb/signal.h"
#include "tests/run_program.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"

namespace sec::train {

class Secinfer : public testing::Test {
 protected:
  void SetUp() override {
    recipe_ = tiny_recipe({"input.covariates=[\"rhythm\",\"irregularity\"]"});
    write_model(folder_ / "best.safetensors", recipe_, {0.3F, -0.3F});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }
  static std::string record(const std::string& name) { return (tiny_database() / name).string(); }

  // Runs secinfer with "--model MODEL" and `arguments`.
  Outcome secinfer(const std::string& arguments, const std::string& before = "") const {
    return run_program(before + SECINFER + " --model " + folder_.path().string() + " " + arguments,
                       folder_.path());
  }

  // Expects the given status and one line of error that contains `part`.
  void expect_failure(const std::string& arguments, int status, const std::string& part,
                      const std::string& before = "") const {
    const Outcome run = secinfer(arguments, before);
    EXPECT_EQ(run.status, status) << run.error;
    EXPECT_NE(run.error.find(part), std::string::npos) << "got: " << run.error << "expected: " << part;
    EXPECT_TRUE(run.error.starts_with("secinfer: ")) << run.error;
    EXPECT_EQ(std::count(run.error.begin(), run.error.end(), '\n'), 1) << run.error;
  }

  // Writes a record of one or two leads, in mV, to the test's folder.
  std::string write_record(const std::string& name, const std::vector<std::vector<float>>& leads) const {
    io::DigitalRecord digital;
    digital.header.name = name;
    digital.header.rate = 360;
    for (std::size_t i = 0; i < leads.size(); ++i) {
      io::WfdbSignal signal;
      signal.format = 16;
      signal.description = i == 0 ? "MLII" : "V1";
      digital.header.signals.push_back(signal);
      std::vector<std::int32_t>& samples = digital.signals.emplace_back();
      for (const float value : leads[i]) {
        samples.push_back(std::isnan(value) ? io::invalid_sample
                                            : static_cast<std::int32_t>(std::lround(value * 200)));
      }
    }
    io::write_digital(folder_.path(), digital);
    return path(name);
  }

  io::TemporaryFolder folder_;
  Recipe recipe_;
};

inline std::vector<nlohmann::json> lines_of(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(nlohmann::json::parse(line));
  }
  return lines;
}

}  // namespace sec::train
