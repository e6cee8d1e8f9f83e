// Models to give away: how they are made from a run, found by name, and that the committed ones are what their pages say.
#include "train/loop/pretrained.h"

#include <algorithm>
#include <cmath>

#include "engine/stream.h"
#include "io/files/json.h"
#include "io/models/half.h"
#include "io/models/safetensors.h"
#include "tests/tools/run_sectrain.h"
#include "train/loop/model_file.h"

namespace sec::train {
namespace {

class Pretrained : public Sectrain {
 protected:
  // Trains the tiny recipe. Its metrics then say that the signals are no synthetic ones.
  void train() {
    ASSERT_EQ(sectrain(arguments("run", "--quiet --set train.epochs=1")).status, 0);
    const fs::path file = folder_ / "run" / "metrics.json";
    std::string text = content_of(file);
    text.replace(text.find("\"synthetic\": true"), 17, "\"synthetic\": false");
    folder_.write("run/metrics.json", text);
  }
  Outcome secmodel(const std::string& arguments) const {
    return run_program(std::string(SECMODEL) + " " + arguments, folder_.path());
  }
  std::string given() const {
    return "pretrained " + path("run") + " --out " + path("mine.safetensors") + " --data-licence 'any use'";
  }
};

TEST_F(Pretrained, ARunBecomesHalfTheSizeWithItsScores) {
  ASSERT_EQ(sectrain(arguments("run", "--quiet --set train.epochs=1")).status, 0);
  const Outcome synthetic = secmodel(given());
  EXPECT_EQ(synthetic.status, 1);
  EXPECT_NE(synthetic.error.find("was trained on synthetic signals"), std::string::npos) << synthetic.error;
  fs::remove_all(folder_ / "run");
  train();
  folder_.write("figures.json", R"({"databases": [{"name": "elsewhere", "accuracy": 0.5, "classes": {}}]})");
  const Outcome made = secmodel(given() + " --figures " + path("figures.json"));
  ASSERT_EQ(made.status, 0) << made.error;

  const io::SafetensorsFile whole = io::read_safetensors(folder_ / "run" / "best.safetensors");
  const io::SafetensorsFile half = io::read_safetensors(folder_ / "mine.safetensors");
  ASSERT_EQ(whole.tensors.size(), half.tensors.size());
  int halves = 0;
  for (const auto& [name, tensor] : half.tensors) {
    const std::vector<float> expected = whole.at(name).floats(name);
    const std::vector<float> values = tensor.floats(name);
    const bool matrix = tensor.shape.size() >= 2;
    EXPECT_EQ(tensor.type, matrix ? io::StoredType::f16 : io::StoredType::f32) << name;
    halves += matrix ? 1 : 0;
    for (std::size_t i = 0; i < values.size(); ++i) {
      // Half a unit in the last of 11 bits, or of the smallest numbers, 2^-24.
      const float tolerance = matrix ? std::max(std::abs(expected[i]) * 0x1p-11F, 0x1p-25F) : 0;
      ASSERT_NEAR(values[i], expected[i], tolerance) << name;
    }
  }
  EXPECT_GT(halves, 4);
  EXPECT_EQ(half.metadata.at("recipe"), whole.metadata.at("recipe"));
  EXPECT_EQ(half.metadata.at("decision"), whole.metadata.at("decision"));
  EXPECT_EQ(half.metadata.at("data_licence"), "any use");
  const io::Json scores = io::Json::parse(half.metadata.at("scores"));
  ASSERT_GT(scores.size(), 0U);
  const std::string card = content_of(folder_ / "mine.md");
  for (const char* part :
       {"# pretrained:mine", "any use", "| elsewhere | 50.0 |", "101 106 119 208", "no medical device"}) {
    EXPECT_NE(card.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(card, model_card(half, "mine", "mine.safetensors"));

  // It is a model like any other: it is summarised, classifies, starts a training, and is damaged if a bit flips.
  EXPECT_EQ(secmodel("summary " + path("mine.safetensors")).status, 0);
  const Outcome started =
      sectrain(arguments("next", "--quiet --set train.epochs=1 --init " + path("mine.safetensors")));
  EXPECT_EQ(started.status, 0) << started.error;
  std::string bytes = content_of(folder_ / "mine.safetensors");
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  folder_.write("bad.safetensors", bytes);
  const Outcome bad = secmodel("summary " + path("bad.safetensors"));
  EXPECT_EQ(bad.status, 1);
  EXPECT_NE(bad.error.find("the file is damaged"), std::string::npos) << bad.error;
}

TEST_F(Pretrained, WhatIsMissingIsNamed) {
  EXPECT_EQ(secmodel("pretrained " + path("none") + " --out " + path("x.safetensors")).status,
            2);  // no licence
  const Outcome none =
      secmodel("pretrained " + path("none") + " --out " + path("x.safetensors") + " --data-licence x");
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.error.find("metrics.json"), std::string::npos) << none.error;
  train();
  folder_.write("bad.json", "[]");
  EXPECT_EQ(secmodel(given() + " --figures " + path("bad.json")).status, 1);
  folder_.write("run/metrics.json", "{}");
  const Outcome metrics = secmodel(given());
  EXPECT_EQ(metrics.status, 1);
  EXPECT_NE(metrics.error.find("metrics.json: no \"title\""), std::string::npos) << metrics.error;
  EXPECT_FALSE(fs::exists(folder_ / "mine.safetensors"));
}

// As after `cmake --install`: the program in bin finds models in share/sec/pretrained beside it.
TEST_F(Pretrained, AProgramFindsItsModelsByName) {
  train();
  ASSERT_EQ(secmodel(given()).status, 0);
  fs::create_directories(folder_ / "bin");
  fs::create_directories(folder_ / "share/sec/pretrained");
  fs::copy(SECINFER, folder_ / "bin/secinfer");
  fs::copy(folder_ / "mine.safetensors", folder_ / "share/sec/pretrained/mine.safetensors");
  const std::string record = (tiny_database() / "100").string();
  const Outcome named =
      run_program(path("bin/secinfer") + " --model pretrained:mine --quiet --json " + record, folder_.path());
  ASSERT_EQ(named.status, 0) << named.error;
  const Outcome file = run_program(
      std::string(SECINFER) + " --model " + path("mine.safetensors") + " --quiet --json " + record,
      folder_.path());
  EXPECT_EQ(named.out, file.out);
  EXPECT_GT(named.out.size(), 1000U);
  const Outcome unknown =
      run_program(path("bin/secinfer") + " --model pretrained:nothing " + record, folder_.path());
  EXPECT_EQ(unknown.status, 1);
  EXPECT_NE(unknown.error.find("pretrained:nothing: no such model; there "), std::string::npos)
      << unknown.error;
  EXPECT_NE(unknown.error.find("pretrained:mine"), std::string::npos) << unknown.error;
  EXPECT_EQ(std::ranges::count(unknown.error, '\n'), 1);
}

// The models of the source tree: small enough, and their pages are made from their metadata.
TEST(PretrainedModels, HaveTheirPages) {
  const std::vector<std::string> names = pretrained_models();
  EXPECT_NE(std::ranges::find(names, "mitdb"), names.end());
  Stream stream;
  for (const std::string& name : names) {
    const fs::path file = weights_file(pretrained_prefix + name);
    EXPECT_LE(fs::file_size(file), 3'000'000U) << name;
    const io::SafetensorsFile model = io::read_safetensors(file);
    EXPECT_EQ(content_of(fs::path(file).replace_extension(".md")), model_card(model, name, file.string()));
    EXPECT_EQ(model.metadata.at("figures"),
              io::Json::parse(content_of(fs::path(file).replace_extension(".json"))).dump());
    EXPECT_EQ(read_model(file, 0, stream).network->options().width, 16);
  }
}

}  // namespace
}  // namespace sec::train
