// Trainings on two databases of other rates and leads, as a user runs them.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "io/models/safetensors.h"
#include "tests/tools/run_sectrain.h"
#include "tests/train/data/two_databases.h"

namespace sec::train {
namespace {

using nlohmann::json;

class Databases : public Sectrain {
 protected:
  void SetUp() override {
    std::string text = tiny_recipe_text;
    const std::string line = "train = [\"101\", \"106\", \"119\", \"208\", \"201\"]";
    text.replace(text.find(line), line.size(),
                 "train = [\"101\", \"106\", \"119\", \"208\", \"201\", \"other:*\"]");
    const std::string test = "test = [\"100\", \"202\"]";
    text.replace(text.find(test), test.size(), "test = [\"100\", \"202\", \"other:s00003\"]");
    folder_.write("tiny.toml", text + other_section);
  }

  static const TwoDatabases& databases() {
    static const TwoDatabases made;
    return made;
  }
  std::string both(const std::string& run, const std::string& more = "") const {
    return arguments(run, "--quiet " + more, databases().main().string());
  }
  json metrics(const std::string& run) const {
    return json::parse(content_of(folder_ / run / "metrics.json"));
  }
};

std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) {
    fields.push_back(field);
  }
  return fields;
}

TEST_F(Databases, ARunHasScoresOfEachAndSecinferReadsBoth) {
  const Outcome run = sectrain(both("run"));
  ASSERT_EQ(run.status, 0) << run.error;
  const json metrics = this->metrics("run");
  const json& by_database = metrics["by_database"];
  ASSERT_EQ(by_database.size(), 2U);
  EXPECT_EQ(by_database["main"]["records"], json::array({"100", "202"}));
  EXPECT_EQ(by_database["other"]["records"], json::array({"other:s00003"}));
  std::map<std::string, json> matrices;  // of five classes, by the name of the records
  for (const json& one : metrics["evaluations"]) {
    if (one["class_count"] == 5) {
      matrices[one["name"]] = one["confusion"]["rows_true_columns_predicted"];
    }
  }
  for (std::size_t truth = 0; truth < 5; ++truth) {
    for (std::size_t read = 0; read < 5; ++read) {
      const auto cell = [&](const char* name) { return matrices.at(name)[truth][read].get<int>(); };
      EXPECT_EQ(cell("test"), cell("test (main)") + cell("test (other)"));
      EXPECT_EQ(cell("test (other)"),
                by_database["other"]["confusion"]["rows_true_columns_predicted"][truth][read]);
    }
  }
  EXPECT_NE(run.out.find("test (other), 5 classes"), std::string::npos);
  EXPECT_NE(content_of(folder_ / "run" / "report.html").find("test (other)"), std::string::npos);

  // Each row names its database; the beats of the other one have the same labels in secinfer, which finds the leads.
  std::istringstream rows(content_of(folder_ / "run" / "predictions.csv"));
  std::string line;
  std::getline(rows, line);
  EXPECT_TRUE(line.starts_with("split,database,recording,patient,time_s,sample,truth,decision,")) << line;
  std::map<std::string, std::string> decisions;  // of other:s00003, by sample
  while (std::getline(rows, line)) {
    const std::vector<std::string> fields = fields_of(line);
    EXPECT_EQ(fields[1], fields[2].starts_with("other:") ? "other" : "main");
    if (fields[2] == "other:s00003") {
      decisions[fields[5]] = fields[7];
    }
  }
  const Outcome found =
      run_program(std::string(SECINFER) + " --model " + path("run") + " --quiet --json --annotations atr " +
                      (databases().other() / "s00003").string(),
                  folder_.path());
  ASSERT_EQ(found.status, 0) << found.error;
  std::istringstream lines(found.out);
  std::size_t beats = 0;
  while (std::getline(lines, line)) {
    const json beat = json::parse(line);
    EXPECT_EQ(decisions.at(std::to_string(beat["sample"].get<int>())), beat["label"]);
    ++beats;
  }
  EXPECT_EQ(beats, decisions.size());
  EXPECT_GT(beats, 30U);
}

// A training whose only database is named in a section gives the bits of one without a section.
TEST_F(Databases, OneNamedDatabaseTrainsTheSameWeights) {
  folder_.write("plain.toml", tiny_recipe_text);
  std::string text = tiny_recipe_text;
  for (const char* name : {"101", "106", "119", "208", "201", "205", "100", "202"}) {
    const std::string quoted = "\"" + std::string(name) + "\"";
    text.replace(text.find(quoted), quoted.size(), "\"main:" + std::string(name) + "\"");
  }
  folder_.write("named.toml",
                text + "[data.databases.main]\ngain = 100.0\nshare = 0.5\n");  // each header has a gain
  config_ = "plain.toml";
  ASSERT_EQ(sectrain(both("plain")).status, 0);
  config_ = "named.toml";
  const Outcome named = sectrain(both("named"));
  ASSERT_EQ(named.status, 0) << named.error;
  const io::SafetensorsFile a = io::read_safetensors(folder_ / "plain" / "best.safetensors");
  const io::SafetensorsFile b = io::read_safetensors(folder_ / "named" / "best.safetensors");
  EXPECT_EQ(a.metadata.at("checksum"), b.metadata.at("checksum"));
  EXPECT_EQ(metrics("plain")["evaluations"][0]["confusion"], metrics("named")["evaluations"][0]["confusion"]);
  EXPECT_TRUE(metrics("named")["by_record"].contains("main:100"));
}

TEST_F(Databases, AStoppedRunGoesOnWithItsFolders) {
  const io::TemporaryFolder elsewhere;
  fs::copy(databases().main(), elsewhere / "main");
  const std::string folders = "--data other=" + databases().other().string();
  const auto with = [&](const std::string& run, const std::string& more) {
    return arguments(run, more + " " + folders, (elsewhere / "main").string());
  };
  ASSERT_EQ(sectrain(with("whole", "--quiet")).status, 0);
  stopped(with("part", ""), "part", SIGINT, 0);
  const std::string told = content_of(folder_ / "stderr");
  if (told.find("to go on: ") != std::string::npos) {  // it had not ended before the signal came
    EXPECT_NE(told.find("--data " + (elsewhere / "main").string() + " " + folders), std::string::npos)
        << told;
  }
  const Outcome other =
      sectrain("--resume --quiet --out " + path("part") + " --data " + databases().main().string());
  ASSERT_EQ(other.status, 0) << other.error;  // the same files in another place
  EXPECT_EQ(content_of(folder_ / "part" / "best.safetensors"),
            content_of(folder_ / "whole" / "best.safetensors"));
}

TEST_F(Databases, BadFoldersAreOneLine) {
  const std::string main = "--config " + path("tiny.toml") + " --out " + path("bad") + " --data " +
                           databases().main().string() + " ";
  const std::tuple<std::string, int, std::string> cases[] = {
      {"--data other=x --data other=y", 2, "--data: other=y: expected one folder for other"},
      {"--data other=", 2, "--data: other=: expected one folder for other"},
      {"--data second", 2, "expected one folder, and NAME=DIR for others"},
      {"--data odd=x", 1, "--data odd=x: the recipe has no section data.databases.odd; it has other"},
      {"--data other=nowhere", 1, "data.databases.other: nowhere: no such folder"},
      {"--set 'data.databases.other.leads=[\"ECG1\",\"ECG3\"]'", 1, "ECG3"},
      {"--set data.databases.other.share=0", 1, "data.databases.other.share: expected a number"},
      {"--set 'data.databases.other.classes=[\"N=X\"]'", 1, "expected an AAMI class"},
      {"--set 'data.databases.other.patients=[\"s00001=100\"]'", 1,
       "records 100 (test) and other:s00001 (train) are one person"}};
  for (const auto& [more, status, says] : cases) {
    const Outcome run = sectrain(main + "--quiet " + more);
    EXPECT_EQ(run.status, status) << more << run.error;
    EXPECT_NE(run.error.find(says), std::string::npos) << more << "\ngot: " << run.error;
    EXPECT_TRUE(one_line(run.error)) << run.error;
    EXPECT_FALSE(fs::exists(folder_ / "bad"));
  }
}

}  // namespace
}  // namespace sec::train
