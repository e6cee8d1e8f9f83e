// sectrain --profile: the printed tree, the trace, and that a training stays what it is.
#include <nlohmann/json.hpp>
#include <regex>
#include <set>

#include "io/models/safetensors.h"
#include "tests/tools/run_sectrain.h"

namespace sec::train {
namespace {

using nlohmann::json;

// A line of the printed tree.
struct Line {
  int depth;
  std::string name;
  double milliseconds, percent;
};

std::vector<Line> lines_of(const std::string& text) {
  std::vector<Line> lines;
  std::istringstream stream(text);
  bool in_profile = false;
  for (std::string line; std::getline(stream, line);) {
    static const std::regex row("( *)(.*?) +[0-9]* +(-?[0-9.]+) +(-?[0-9.]+)");
    std::smatch parts;
    if (line.starts_with("range ")) {
      in_profile = true;
    } else if (in_profile && std::regex_match(line, parts, row)) {
      lines.push_back(
          {static_cast<int>(parts[1].length()) / 2, parts[2], std::stod(parts[3]), std::stod(parts[4])});
    }
  }
  return lines;
}

// The names of all layers and blocks that have the tensors.
std::set<std::string> layers_of(const io::SafetensorsFile& weights) {
  std::set<std::string> names;
  for (const auto& [tensor, value] : weights.tensors) {
    for (std::size_t dot = tensor.find('.'); dot != std::string::npos; dot = tensor.find('.', dot + 1)) {
      names.insert(tensor.substr(0, dot));
    }
  }
  return names;
}

// "a.{0,1}.b" as "a.0.b" and "a.1.b".
std::vector<std::string> members_of(const std::string& group) {
  std::smatch parts;
  if (!std::regex_match(group, parts, std::regex(R"((.*)\{(.*)\}(.*))"))) {
    return {group};
  }
  std::vector<std::string> members;
  std::istringstream middle(parts[2]);
  for (std::string one; std::getline(middle, one, ',');) {
    members.push_back(parts[1].str() + one + parts[3].str());
  }
  return members;
}

class SectrainProfile : public Sectrain, public testing::WithParamInterface<std::string> {};

TEST_P(SectrainProfile, OfSomeStepsWritesATraceWithTheNamesOfTheNetwork) {
  const std::string common =
      "--quiet --device " + GetParam() + " --set train.epochs=1 --set sampler.epoch_samples=80";
  const Outcome run = sectrain(arguments("run", common + " --profile 3"));
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.error.find("profile of 3 steps, "), std::string::npos) << run.error;

  const json trace = json::parse(content_of(path("run/trace.json")));
  const std::set<std::string> layers = layers_of(io::read_safetensors(path("run/best.safetensors")));
  std::vector<std::string> open;
  std::map<std::string, int> calls;
  std::map<std::string, std::set<std::string>> parents;
  std::set<std::string> named;
  double last = 0;
  for (const json& event : trace.at("traceEvents")) {
    EXPECT_GE(event.at("ts").get<double>(), last);
    last = event.at("ts");
    EXPECT_EQ(event.at("pid"), 1);
    EXPECT_EQ(event.at("tid"), 1);
    const std::string name = event.at("name");
    if (event.at("ph") == "E") {
      ASSERT_FALSE(open.empty());
      EXPECT_EQ(open.back(), name);
      open.pop_back();
      continue;
    }
    ASSERT_EQ(event.at("ph"), "B");
    ++calls[name];
    parents[name].insert(open.empty() ? "" : open.back());
    open.push_back(name);
    if (event.at("cat") != name) {
      for (const std::string& member : members_of(name)) {
        named.insert(member);
        EXPECT_TRUE(layers.contains(member)) << name;
      }
    }
  }
  EXPECT_TRUE(open.empty());
  for (const char* name : {"step", "upload", "forward", "backward", "optimizer", "wait for batches"}) {
    EXPECT_EQ(calls[name], 3) << name;
  }
  EXPECT_EQ(calls["se_ecgnet"], 6);  // forward and backward
  EXPECT_EQ(parents["se_ecgnet"], (std::set<std::string>{"forward", "backward"}));
  EXPECT_EQ(parents["forward"], (std::set<std::string>{"step"}));
  EXPECT_EQ(parents["block1.1.conv1"], (std::set<std::string>{"block1.1"}));
  EXPECT_EQ(parents["block1.1"], (std::set<std::string>{"se_ecgnet"}));
  EXPECT_EQ(parents["block2_list.{0,1,2}.3.conv2"], (std::set<std::string>{"block2_list.{0,1,2}.3"}));
  for (const char* const layer : {"conv1", "fc", "block3_list.2.3.conv4", "block3_list.1.0.se1"}) {
    EXPECT_TRUE(named.contains(layer)) << layer;
  }

  // The same training without a profile.
  ASSERT_EQ(sectrain(arguments("plain", common)).status, 0);
  EXPECT_TRUE(content_of(path("plain/last.safetensors")) == content_of(path("run/last.safetensors")));
  EXPECT_TRUE(content_of(path("plain/best.safetensors")) == content_of(path("run/best.safetensors")));
  EXPECT_FALSE(fs::exists(path("plain/trace.json")));
}

INSTANTIATE_TEST_SUITE_P(Devices, SectrainProfile, testing::Values("cpu", "simt"),
                         [](const auto& instance) { return instance.param; });

TEST_F(Sectrain, ProfileIsATreeWhosePercentagesSumUp) {
  const Outcome run = sectrain(arguments("run", "--quiet --set train.epochs=1 --profile"));
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.error.find("profile of 10 steps, "), std::string::npos) << run.error;
  EXPECT_FALSE(fs::exists(path("run/trace.json")));
  const std::vector<Line> lines = lines_of(run.error);
  ASSERT_GT(lines.size(), 10U) << run.error;
  std::set<std::string> names;
  double all = 0;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    names.insert(lines[i].name);
    all += lines[i].depth == 0 ? lines[i].percent : 0;
    double within = 0;
    for (std::size_t j = i + 1; j < lines.size() && lines[j].depth > lines[i].depth; ++j) {
      within += lines[j].depth == lines[i].depth + 1 ? lines[j].percent : 0;
    }
    // Time below half a percent that no nested range covers has no line. Each line is rounded to 0.01.
    const bool has_nested = i + 1 < lines.size() && lines[i + 1].depth > lines[i].depth;
    EXPECT_LE(within, lines[i].percent + 0.2) << lines[i].name;
    if (has_nested) {
      EXPECT_GE(within, lines[i].percent - 0.5 - 0.2) << lines[i].name;
    }
  }
  EXPECT_NEAR(all, 100, 0.2) << run.error;  // a dozen lines at most, each rounded to 0.01
  for (const char* name : {"step", "forward", "backward", "se_ecgnet", "predict"}) {
    EXPECT_TRUE(names.contains(name)) << name << '\n' << run.error;
  }
}

TEST_F(Sectrain, ProfileNeedsASecondStep) {
  const Outcome run =
      sectrain(arguments("run", "--quiet --profile 2 --set train.epochs=1 --set sampler.epoch_samples=16"));
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.error.find("profile: nothing was recorded"), std::string::npos) << run.error;
  EXPECT_FALSE(fs::exists(path("run/trace.json")));
  const Outcome shorter = sectrain(arguments(
      "run", "--quiet --overwrite --profile 20 --set train.epochs=1 --set sampler.epoch_samples=64"));
  ASSERT_EQ(shorter.status, 0) << shorter.error;
  EXPECT_NE(shorter.error.find("profile of 3 steps"), std::string::npos) << shorter.error;
  EXPECT_TRUE(fs::exists(path("run/trace.json")));
  // A run that replaces the folder's also removes the trace.
  ASSERT_EQ(
      sectrain(arguments("run", "--quiet --overwrite --set train.epochs=1 --set sampler.epoch_samples=16"))
          .status,
      0);
  EXPECT_FALSE(fs::exists(path("run/trace.json")));
}

TEST_F(Sectrain, ProfileRefusesWrongNumbersOfSteps) {
  for (const std::string steps : {"0", "1001", "2.5", "many", "3x", "99999999999999999999"}) {
    const Outcome run = sectrain(arguments("run", "--profile " + steps));
    EXPECT_EQ(run.status, 2) << steps;
    EXPECT_NE(run.error.find("--profile: '" + steps + "': expected a number of steps from 1 to 1000"),
              std::string::npos)
        << run.error;
    EXPECT_FALSE(fs::exists(path("run")));
  }
}

}  // namespace
}  // namespace sec::train
