// Runs `secinspect compare` on run folders whose files are written here.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>

#include "io/files/text_table.h"
#include "tests/io/files.h"
#include "tests/run_program.h"
#include "tests/train/tiny_run.h"

namespace sec::train {
namespace {

using io::content_of;
using nlohmann::json;

// A beat of predictions.csv.
struct Row {
  std::string recording, patient;
  int sample;
  std::string truth, decision;
  double probability;  // of V
};

// The last line is not complete, as while a run trains.
const std::string log_text =
    R"({"event":"step","epoch":1,"step":5,"loss":0.7,"learning_rate":0.001,"gradient_norm":2.0})"
    "\n"
    R"({"event":"epoch","epoch":1,"step":10,"train_loss":0.5,"validation_loss":null,"validation_macro_f1":0.6})"
    "\n"
    "not a log line\n"
    R"({"event":"epoch","epoch":2,"st)";

class SecinspectCompare : public testing::Test {
 protected:
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // 12 patients with 20 beats, of which every third is a V. `wrong`: of these V beats the share read as N, in tenths.
  static std::vector<Row> rows(int wrong) {
    std::vector<Row> made;
    for (int p = 0; p < 12; ++p) {
      for (int i = 0; i < 20; ++i) {
        const bool v = i % 3 == 0;
        const bool missed = v && (i + 7 * p) % 10 < wrong;
        made.push_back({std::to_string(100 + p), "P" + std::to_string(p), 360 * i, v ? "V" : "N",
                        v && !missed ? "V" : "N", v && !missed ? 0.9 : 0.1 + 0.001 * i});
      }
    }
    return made;
  }

  void write_run(const std::string& name, const std::vector<Row>& beats,
                 const Recipe& recipe = tiny_recipe()) const {
    std::filesystem::create_directory(folder_ / name);
    folder_.write(name + "/recipe.toml", to_toml(recipe));
    folder_.write(name + "/metrics.json", R"({"best_epoch": 2, "device": "cpu"})");
    folder_.write(name + "/log.jsonl", log_text);
    std::ostringstream csv;
    csv << "split,recording,patient,time_s,sample,truth,decision,right,probability N,probability V\n";
    for (const Row& row : beats) {
      csv << "test," << row.recording << "," << row.patient << ",0.5," << row.sample << "," << row.truth
          << "," << row.decision << "," << (row.truth == row.decision ? "yes" : "no") << ","
          << 1 - row.probability << "," << row.probability << "\n";
    }
    folder_.write(name + "/predictions.csv", csv.str());
  }

  Outcome compare(const std::string& arguments) const {
    return run_program("cd " + folder_.path().string() + " && " + SECINSPECT + " compare " + arguments,
                       folder_.path());
  }

  json compared(const std::string& arguments) const {
    const Outcome run = compare(arguments + " --json");
    EXPECT_EQ(run.status, 0) << run.error;
    return json::parse(run.out);
  }

  void expect_failure(const std::string& arguments, int status, const std::string& part) const {
    const Outcome run = compare(arguments);
    EXPECT_EQ(run.status, status) << run.error;
    EXPECT_NE(run.error.find(part), std::string::npos) << "got: " << run.error << "expected: " << part;
    EXPECT_EQ(std::count(run.error.begin(), run.error.end(), '\n'), 1) << run.error;
    EXPECT_TRUE(run.out.empty());
  }

  io::TemporaryFolder folder_;
};

TEST_F(SecinspectCompare, SaysWhatDiffers) {
  write_run("a", rows(3));
  write_run("b", rows(9), tiny_recipe({"train.rate=1e-4", "seed=5"}));
  const json result = compared("a b");
  EXPECT_EQ(result["recipe"], (json::parse(R"([{"key": "seed", "values": ["1", "5"]},
                                               {"key": "train.rate", "values": ["0.003", "0.0001"]}])")));
  const json& comparison = result["comparison"];
  EXPECT_EQ(comparison["examples"], 240);
  EXPECT_EQ(comparison["patients"], 12);
  EXPECT_EQ(comparison["left_out"], 0);
  EXPECT_EQ(comparison["classes"], (json{"N", "V"}));
  const json& scores = comparison["pairs"][0]["scores"];
  ASSERT_EQ(scores[0]["score"], "macro F1");
  EXPECT_LT(scores[0]["interval_95"][1].get<double>(), 0);
  EXPECT_FALSE(scores[0]["within_chance"].get<bool>());
  // The accuracy from the rows themselves.
  const auto accuracy = [](const std::vector<Row>& list) {
    return static_cast<double>(
               std::count_if(list.begin(), list.end(), [](const Row& r) { return r.truth == r.decision; })) /
           static_cast<double>(list.size());
  };
  EXPECT_DOUBLE_EQ(scores[1]["first"].get<double>(), accuracy(rows(3)));
  EXPECT_DOUBLE_EQ(scores[1]["second"].get<double>(), accuracy(rows(9)));
  const Outcome text = compare("a b");
  EXPECT_NE(text.out.find("train.rate  A 0.003  B 0.0001"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("beyond chance.\n"), std::string::npos) << text.out;
  EXPECT_EQ(compare("a b").out, text.out);  // the same draws
}

TEST_F(SecinspectCompare, TheSameRecipeAndPredictionsDifferByChance) {
  write_run("a", rows(3));
  write_run("b", rows(3), tiny_recipe({"seed=2"}));
  const Outcome text = compare("a b");
  EXPECT_NE(
      text.out.find(
          "one recipe with other seeds. The macro F1 of B differs from that of A by +0.0000 (+0.0000 to +0.0000): within chance."),
      std::string::npos)
      << text.out;
}

// Runs of one recipe with other seeds: however far apart they are, that is what seeds do.
TEST_F(SecinspectCompare, SeedsOfARecipeAreDrawn) {
  write_run("a", rows(1));
  write_run("b", rows(9), tiny_recipe({"seed=2", "title=other", "train.log_steps=9", "train.keep_epochs=1"}));
  write_run("c", rows(10), tiny_recipe({"train.rate=1e-4"}));
  const json two = compared("a b")["comparison"]["pairs"];
  ASSERT_EQ(two.size(), 1U);
  EXPECT_TRUE(two[0]["same_recipe"].get<bool>());
  EXPECT_TRUE(two[0]["scores"][0]["within_chance"].get<bool>());
  const json three = compared("a c b")["comparison"]["pairs"];
  ASSERT_EQ(three.size(), 1U);
  EXPECT_EQ(three[0]["first"], (json{0, 2}));
  EXPECT_EQ(three[0]["second"], (json{1}));
  EXPECT_FALSE(three[0]["same_recipe"].get<bool>());
  const double a = two[0]["scores"][0]["first"].get<double>();
  const double b = two[0]["scores"][0]["second"].get<double>();
  EXPECT_NEAR(three[0]["scores"][0]["first"].get<double>(), (a + b) / 2, 1e-12);
  const json alone = compared("a c")["comparison"]["pairs"];
  EXPECT_FALSE(alone[0]["scores"][0]["within_chance"].get<bool>());
}

TEST_F(SecinspectCompare, OnlyExamplesOfAllRunsCount) {
  std::vector<Row> fewer = rows(3);
  fewer.resize(100);
  std::vector<Row> other = rows(3);
  other[0].truth = "S";  // no class of the runs: left out
  other[1].decision = "S";
  write_run("a", other);
  write_run("b", fewer);
  fewer[0].truth = "S";
  write_run("b", fewer);
  const json comparison = compared("a b")["comparison"];
  EXPECT_EQ(comparison["examples"], 99);
  EXPECT_EQ(comparison["patients"], 5);
  EXPECT_EQ(comparison["left_out"], 141);
}

// A page needs nothing else; its data are those of the JSON, with the log's readable lines.
TEST_F(SecinspectCompare, WritesAPage) {
  write_run("a", rows(3));
  write_run("b", rows(4));
  write_run("c", rows(9));
  const Outcome run = compare("a b c --out page.html");
  EXPECT_EQ(run.status, 0) << run.error;
  const std::string html = content_of(folder_ / "page.html");
  const std::string begin = "<script type=\"application/json\" id=\"data\">";
  const std::size_t from = html.find(begin) + begin.size();
  const json data = json::parse(html.substr(from, html.find("</script>", from) - from));
  EXPECT_EQ(data["runs"].size(), 3);
  EXPECT_EQ(data["runs"][0]["epochs"].size(), 1);
  EXPECT_EQ(data["runs"][0]["steps"].size(), 1);
  EXPECT_EQ(data["comparison"]["pairs"].size(), 2);
  const json direct = compared("a b c");
  EXPECT_EQ(data["comparison"], direct["comparison"]);
  EXPECT_NE(html.find("Chart.js v"), std::string::npos);
}

TEST_F(SecinspectCompare, BadInputIsOneLine) {
  write_run("a", rows(3));
  write_run("b", rows(3));
  expect_failure("a", 2, "RUN: ");
  expect_failure("a b --split every", 2, "--split");
  expect_failure("a nowhere", 1, "nowhere: no such folder: expected a run folder of sectrain");
  std::filesystem::create_directory(folder_ / "empty");
  expect_failure("a empty", 1, "empty/recipe.toml: no such file: expected a run folder");
  folder_.write("file", "");
  expect_failure("a file", 1, "file: not a folder: expected a run folder");
  std::vector<Row> other = rows(3);
  other[7].truth = other[7].truth == "N" ? "V" : "N";
  write_run("c", other);
  expect_failure("a c", 1, "a and c: recording 100, sample 2520 is N and V: the runs read different labels");
  for (Row& row : other) {
    row.recording = "x" + row.recording;
  }
  write_run("c", other);
  expect_failure("a c", 1, "a and c: have no test example in common");
  folder_.write("c/predictions.csv",
                "split,recording,patient,truth,decision,probability N,probability V\ntest,1,,N,N,2,0\n");
  expect_failure("a c", 1, "c/predictions.csv:2: \"2\", expected a probability");
  folder_.write("c/predictions.csv",
                "split,recording,patient,truth,decision,probability N\ntest,1,,N,N,1\ntest,1,,N,N,1\n");
  expect_failure("a c", 1, "c/predictions.csv:3: recording 1 is listed twice");
  folder_.write("c/predictions.csv", "split,recording,patient,truth,decision,probability F\ntest,1,,F,F,1\n");
  expect_failure("a c", 1, "a and c: have no class in common (N, V; F)");
  std::filesystem::remove(folder_ / "c/predictions.csv");
  expect_failure("a c", 1, "c/predictions.csv: no such file: the run has not finished");
  folder_.write("c/metrics.json", "{");
  expect_failure("a c", 1, "c/metrics.json: ");
  std::filesystem::remove(folder_ / "c/metrics.json");
  expect_failure("a c --out page.html", 1, "c/metrics.json: no such file: the run has not finished");
  EXPECT_FALSE(std::filesystem::exists(folder_ / "page.html"));
  expect_failure("a b --out nowhere/page.html", 1, "nowhere/page.html: ");
}

}  // namespace
}  // namespace sec::train
