// Tests bench_steps by the commands that bench/compare sends.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/philox.h"
#include "io/models/safetensors.h"
#include "model/state_dict.h"
#include "tests/io/files.h"
#include "tests/run_program.h"

namespace sec {
namespace {

using nlohmann::json;

// Whether the tensor is trained, unlike running statistics and their batch count.
bool is_trained(const std::string& name) {
  return name.find("running") == std::string::npos && name.find("num_batches") == std::string::npos;
}

class BenchSteps : public testing::Test {
 protected:
  void SetUp() override {
    Stream stream;
    model::SeEcgNet network({2, 90, 3, 0, 4, false, 0.0}, stream, 5);
    io::write_safetensors(folder_ / "weights", model::to_state_dict(network, {}, stream));
    io::SafetensorsFile batch;
    std::vector<float> x;
    for (std::int64_t i = 0; i < 4 * 2 * 90; ++i) {
      x.push_back(2 * uniform({7, 1, 1}, i) - 1);
    }
    batch.tensors["x"] = io::StoredTensor::of<float>({4, 2, 90}, x);
    const std::vector<std::int32_t> labels = {0, 2, 1, 2};
    batch.tensors["labels"] = io::StoredTensor::of<std::int32_t>({4}, labels);
    io::write_safetensors(folder_ / "batch", batch);
  }

  std::string load(const std::string& weights = "weights") const {
    return "load " + (folder_ / weights).string() + " " + (folder_ / "batch").string() + "\n";
  }

  Outcome run(const std::string& lines, const std::string& options = "") {
    std::ofstream(folder_ / "lines") << lines;
    return run_program(
        std::string(BENCH_STEPS) + " --threads 1 " + options + " <" + (folder_ / "lines").string(),
        folder_.path());
  }

  // Runs the program on the lines and returns its answers, without the first, which describes the program.
  std::vector<json> answers(const std::string& lines) {
    const Outcome outcome = run(lines);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    std::vector<json> all;
    std::istringstream out(outcome.out);
    for (std::string line; std::getline(out, line);) {
      all.push_back(json::parse(line));
    }
    EXPECT_EQ(all.at(0).at("threads"), 1);
    all.erase(all.begin());
    return all;
  }

  io::TemporaryFolder folder_;
};

// Moving the weights along the gradient must change the loss by step times squared norm of the gradient.
TEST_F(BenchSteps, GivesTheGradientsOfTheLossItGives) {
  const std::string out = (folder_ / "gradients").string();
  const std::vector<json> first = answers(load() + "gradients " + out + "\n");
  const double loss = first.at(1).at("loss");
  EXPECT_GT(loss, 0.1);
  const io::SafetensorsFile gradients = io::read_safetensors(out);
  const io::SafetensorsFile weights = io::read_safetensors(folder_ / "weights");
  double squares = 0;
  for (const auto& [name, tensor] : gradients.tensors) {
    if (is_trained(name)) {
      for (const float g : tensor.as<float>(name)) {
        squares += static_cast<double>(g) * g;
      }
    }
  }
  ASSERT_GT(squares, 1e-4);
  // The change is large enough for three digits of the f32 losses' difference, and small enough to be linear.
  const double change = 2e-3 * loss;
  double losses[2];
  for (const int side : {0, 1}) {
    io::SafetensorsFile moved = weights;
    for (auto& [name, tensor] : moved.tensors) {
      if (!is_trained(name)) {
        continue;
      }
      const auto from = tensor.as<float>(name);
      std::vector<float> values(from.begin(), from.end());
      const auto g = gradients.at(name).as<float>(name);
      ASSERT_EQ(values.size(), g.size()) << name;
      for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] += static_cast<float>((side == 0 ? -1 : 1) * change / squares) * g[i];
      }
      tensor = io::StoredTensor::of<float>(tensor.shape, values);
    }
    io::write_safetensors(folder_ / "moved", moved);
    losses[side] = answers(load("moved") + "gradients " + out + "\n").at(1).at("loss");
  }
  EXPECT_NEAR(losses[1] - losses[0], 2 * change, 0.05 * 2 * change);
}

TEST_F(BenchSteps, DoesWhatItIsAskedFor) {
  const std::vector<json> all =
      answers(load() + "train 2\ntrain 1\ninfer 2\ninfer 3 9\nprofile 2\nceilings\npeak\n");
  ASSERT_EQ(all.size(), 8U);
  for (const int i : {1, 2, 3, 4}) {
    EXPECT_GT(all.at(i).at("seconds").get<double>(), 0) << i;
  }
  const json& profile = all.at(5);
  double kernels = 0;
  double convolutions = 0;
  for (const json& kernel : profile.at("kernels")) {
    kernels += kernel.at("seconds").get<double>();
    EXPECT_GT(kernel.at("calls").get<double>(), 0) << kernel;
    convolutions += kernel.at("name").get<std::string>().find("conv") != std::string::npos ? 1 : 0;
  }
  EXPECT_GE(convolutions, 3);  // conv.forward, conv.dgrad and conv.wgrad
  EXPECT_GT(kernels, 0);
  EXPECT_LE(kernels, profile.at("seconds").get<double>());
  double layers = 0;
  for (const json& layer : profile.at("layers")) {
    layers += layer.at("seconds").get<double>();
  }
  EXPECT_NEAR(layers, kernels, 1e-9);
  double own = 0;
  for (const json& node : profile.at("tree")) {
    own += node.at("own").get<double>();
  }
  EXPECT_EQ(profile.at("tree").at(0).at("path"), "step");
  EXPECT_EQ(profile.at("tree").at(0).at("calls"), 1);
  EXPECT_NEAR(own, profile.at("tree").at(0).at("seconds").get<double>(),
              1e-9);  // exclusive times sum up to the step's time
  EXPECT_GT(all.at(6).at("gflops").get<double>(), 0.1);
  EXPECT_GT(all.at(6).at("gbytes").get<double>(), 0.1);
  EXPECT_GT(all.at(7).at("tensors").get<std::int64_t>(), 4 * 2 * 90 * 4);
  EXPECT_GT(all.at(7).at("resident").get<std::int64_t>(), all.at(7).at("tensors").get<std::int64_t>());
}

// All devices read the same file of network and batch and compute nearly the same loss,
// eagerly and with captured graphs.
// The losses also agree when steps and passes alternate.
TEST_F(BenchSteps, MakesACaseThatDevicesAgreeOn) {
  std::vector<double> losses;
  for (const std::string options : {"--device cpu", "--device cpu --eager", "--device simt",
                                    "--device simt --precision tf32", "--device simt --precision bf16"}) {
    const std::string made = folder_.path().string();
    const std::string files = made + "/weights.safetensors " + made + "/batch.safetensors\n";
    const Outcome outcome = run("make 8x2x90x3x16 " + made + "\nload " + files + "gradients " + made +
                                    "/g\ninfer 1\ntrain 1\ninfer 1 1\n",
                                options);
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    const auto at = outcome.out.find("\"loss\":");
    ASSERT_NE(at, std::string::npos) << outcome.out;
    losses.push_back(std::stod(outcome.out.substr(at + 7)));
    EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 7) << outcome.out;
  }
  EXPECT_GT(losses[0], 0.1);
  EXPECT_EQ(losses[1], losses[0]);
  EXPECT_NEAR(losses[2], losses[0], 1e-4 * losses[0]);  // f32 sums in a different order
  EXPECT_NEAR(losses[3], losses[0], 5e-2 * losses[0]);  // tf32: 10 bits of mantissa, a hundred layers
  EXPECT_NEAR(losses[4], losses[0], 0.2 * losses[0]);   // bf16: 7 bits of mantissa
  EXPECT_NE(losses[3], losses[2]);
  EXPECT_NE(losses[4], losses[3]);
}

TEST_F(BenchSteps, RefusesWrongLinesInOneLine) {
  const std::string loaded = load();
  for (const auto& [lines, expected] : std::vector<std::pair<std::string, std::string>>{
           {"dance\n", "unknown command 'dance'"},
           {"\n", "unknown command ''"},
           {"train 1\n", "nothing is loaded"},
           {"infer 1\n", "nothing is loaded"},
           {"profile 1\n", "nothing is loaded"},
           {"gradients out\n", "nothing is loaded"},
           {"load\n", "'load': expected another file"},
           {"load a\n", "'load a': expected another file"},
           {"load a b c\n", "'c' is too much"},
           {loaded + "train\n", "'train': expected a count from 1 on, got ''"},
           {loaded + "train 0\n", "got '0'"},
           {loaded + "train -3\n", "got '-3'"},
           {loaded + "train 1x\n", "got '1x'"},
           {loaded + "train 99999999999999999999\n", "got '99999999999999999999'"},
           {loaded + "train 1 2\n", "'2' is too much"},
           {"make 4x2x90x3\n", "expected another file"},
           {"make 4x2x90x3 .\n", "make: '4x2x90x3': expected NxHxLxCLASSESxWIDTH"},
           {"make 4x2x90x3x4x1 .\n", "expected NxHxLxCLASSESxWIDTH"},
           {"make 4x2x0x3x4 .\n", "expected NxHxLxCLASSESxWIDTH"},
           {loaded + "infer 1 0\n", "got '0'"},
           {loaded + "peak now\n", "'now' is too much"},
           {"load " + (folder_ / "none").string() + " " + (folder_ / "batch").string() + "\n", "none"},
           {"load " + (folder_ / "batch").string() + " " + (folder_ / "batch").string() + "\n", "batch"}}) {
    const Outcome outcome = run(lines);
    EXPECT_EQ(outcome.status, 1) << lines;
    EXPECT_NE(outcome.error.find(expected), std::string::npos) << lines << outcome.error;
    EXPECT_TRUE(outcome.error.starts_with("bench_steps: ")) << outcome.error;
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  }
  EXPECT_NE(run("", "--device abacus").status, 0);
  EXPECT_NE(run("", "--precision f16").status, 0);
  const Outcome outcome = run("", "--precision tf32");
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.error, "bench_steps: precision tf32: the cpu device computes in f32\n");
}

}  // namespace
}  // namespace sec
