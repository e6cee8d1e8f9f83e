// Runs sectrain on whole recordings: the shipped recipes end to end, each on a small folder in its format.
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tests/train/recording_folders.h"
#include "train/loop/checkpoint.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::content_of;
using io::TemporaryFolder;
using nlohmann::json;

struct Outcome {
  int status;
  std::string out;
  std::string error;
};

// A narrow network and short signals, so that training takes a second.
const std::string small =
    " --quiet --json --set network.width=4 --set data.length=64 --set train.batch=8 --set train.log_steps=1 ";

class Recordings : public testing::Test {
 protected:
  Outcome run_program(const std::string& program, const std::string& arguments) const {
    const std::string out = (runs_ / "stdout").string(), error = (runs_ / "stderr").string();
    const int status = std::system((program + " " + arguments + " >" + out + " 2>" + error).c_str());
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, content_of(out), content_of(error)};
  }
  Outcome sectrain(const std::string& arguments) const { return run_program(SECTRAIN, arguments); }

  // secinfer must predict each class for as many test recordings as sectrain counted.
  void expect_the_same_of_secinfer(const json& metrics, const fs::path& data, const fs::path& model) const {
    std::string records;
    for (const json& name : metrics["records"]["test"]) {
      records += " " + (data / name.get<std::string>()).string();
    }
    const Outcome said = run_program(SECINFER, "--json --quiet --model " + model.string() + records);
    ASSERT_EQ(said.status, 0) << said.error;
    std::map<std::string, int> stated;
    std::istringstream lines(said.out);
    std::size_t count = 0;
    for (std::string line; std::getline(lines, line); ++count) {
      const json one = json::parse(line);
      EXPECT_EQ(one["classes"], metrics["classes"]);
      for (std::size_t c = 0; c < one["classes"].size(); ++c) {
        EXPECT_NEAR(one["probabilities"][c], 1 / (1 + std::exp(-one["logits"][c].get<double>())), 1e-6);
      }
      for (const json& label : one["labels"]) {
        ++stated[label];
      }
    }
    EXPECT_EQ(count, metrics["records"]["test"].size());
    for (const auto& [name, scores] : metrics["multi_label"][0]["classes"].items()) {
      EXPECT_EQ(scores["stated"], stated[name]) << name;
    }
  }
  Outcome train(const std::string& recipe, const fs::path& data, const std::string& run,
                const std::string& more) const {
    return sectrain("--config " SEC_RECIPES "/" + recipe + " --data " + data.string() + " --out " +
                    (runs_ / run).string() + small + more);
  }
  // Expects exit status 1, one line of error that contains `says`, and no run folder.
  void expect_refused(const Outcome& outcome, const std::string& says) const {
    EXPECT_EQ(outcome.status, 1);
    EXPECT_TRUE(outcome.error.starts_with("sectrain: ") && std::ranges::count(outcome.error, '\n') == 1)
        << outcome.error;
    EXPECT_NE(outcome.error.find(says), std::string::npos) << outcome.error;
    EXPECT_FALSE(fs::exists(runs_ / "refused"));
  }
  TemporaryFolder runs_;
};

const std::string contest = "--set data.label_file=labels.txt --set data.class_file=classes.txt ";

TEST_F(Recordings, TianchiAsReleased) {
  const TemporaryFolder data;
  write_tianchi_folder(data, 16);
  const std::string more = contest + "--set train.epochs=6 --set 'train.step_epochs=[2.0,4.0]'";
  const Outcome run = train("tianchi-paper.toml", data.path(), "run", more);
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_NE(run.error.find("leakage"), std::string::npos) << run.error;
  const json metrics = json::parse(run.out);
  EXPECT_EQ(run.out, content_of(runs_ / "run" / "metrics.json"));
  // 8 recordings are fast, 8 slow, 5 third. Validation takes the first 3, 3 and 2 of them: 2 4 6, 1 3 5, 3 6.
  EXPECT_EQ(metrics["records"]["validation"], (json{"1", "2", "3", "4", "5", "6"}));
  EXPECT_EQ(metrics["records"]["train"].size(), 10U);
  EXPECT_EQ(metrics["classes"], (json{"\xE5\xBF\xAB", "slow", "third"}));
  ASSERT_EQ(metrics["multi_label"].size(), 1U);
  const json& scores = metrics["multi_label"][0];
  EXPECT_EQ(scores["name"], "validation");
  EXPECT_EQ(scores["classes"]["slow"]["threshold"], 0.5);
  // The reported score is the one that chose the epoch: the released code's micro-F1.
  double best = 0;
  for (const json& epoch : metrics["history"]) {
    best = std::max(best, epoch["validation_micro_f1"].get<double>());
  }
  EXPECT_EQ(scores["batch_micro_f1_at_half"].get<double>(), best);
  EXPECT_NE(content_of(runs_ / "run" / "report.html").find("<div class=\"leak\""), std::string::npos);
  // The run folder's recipe lists its classes, and resuming the finished run changes nothing.
  const std::string weights = content_of(runs_ / "run" / "best.safetensors");
  const Outcome again = sectrain("--resume --json --quiet --out " + (runs_ / "run").string() + " --data " +
                                 data.path().string());
  ASSERT_EQ(again.status, 0) << again.error;
  EXPECT_EQ(json::parse(again.out)["multi_label"], metrics["multi_label"]);
  EXPECT_TRUE(content_of(runs_ / "run" / "best.safetensors") == weights);
}

TEST_F(Recordings, TianchiSoundlyLearnsAndStoresThresholds) {
  const TemporaryFolder data;
  write_tianchi_folder(data, 28);
  const Outcome run = train("tianchi.toml", data.path(), "run",
                            contest +
                                "--set train.epochs=15 --set train.rate=5e-3 --set data.validation_share=0.3 "
                                "--set data.stratify=false");
  ASSERT_EQ(run.status, 0) << run.error;
  const json metrics = json::parse(run.out);
  ASSERT_EQ(metrics["multi_label"].size(), 4U);
  EXPECT_EQ(metrics["multi_label"][0]["name"], "test");
  EXPECT_EQ(metrics["multi_label"][1]["name"], "test at 0.5");
  EXPECT_TRUE(metrics["leaks"].empty());
  // The classes are sines of 1 Hz and 3 Hz, which are easy to tell apart.
  EXPECT_GT(metrics["multi_label"][2]["classes"]["slow"]["AUC"], 0.9) << metrics["multi_label"].dump(1);
  EXPECT_LT(metrics["history"].back()["train_loss"], metrics["history"][0]["train_loss"]);
  const WeightsInfo info = read_weights_info(runs_ / "run" / "best.safetensors");
  ASSERT_EQ(info.decision_offsets.size(), 3U);
  for (std::size_t c = 0; c < 3; ++c) {
    const double threshold = metrics["multi_label"][0]["classes"][info.recipe.classes[c]]["threshold"];
    EXPECT_NEAR(1 / (1 + std::exp(info.decision_offsets[c])), threshold, 1e-6);
  }
  EXPECT_NE(content_of(runs_ / "run" / "report.html").find("\xE5\xBF\xAB"), std::string::npos);
}

TEST_F(Recordings, DamagedContestFilesAreOneLine) {
  const TemporaryFolder data;
  write_tianchi_folder(data, 6);
  const auto refused = [&](const std::string& says) {
    expect_refused(train("tianchi.toml", data.path(), "refused", contest), says);
  };
  const std::string good = content_of(data / "train/3.txt");
  data.write("train/3.txt", good.substr(0, good.rfind('\n', good.size() - 2) + 1));
  refused("3.txt: 4999 lines of samples, expected 5000");
  std::string letter = good;
  letter[letter.find('\n', 3000) + 1] = 'x';
  data.write("train/3.txt", letter);
  refused("lead I is 'x");
  fs::remove(data / "train/3.txt");
  refused("labels.txt:3: names recording '3.txt', but there is no");
  data.write("classes.txt", "slow\nnever\n");
  data.write("train/3.txt", good);
  refused("no recording of class never to train on");
  expect_refused(train("tianchi.toml", data.path(), "refused",
                       "--set data.class_file=classes.txt --set data.label_file=none.txt"),
                 "none.txt");
}

// Twelve recordings with labels in their headers and in a table with folds 1 to 3.
void write_cinc_folder(const TemporaryFolder& folder) {
  std::string table = "file\tlabels\tfold\n";
  for (int i = 0; i < 12; ++i) {
    const std::string name = "r" + std::to_string(i);
    write_record(folder, name, i, i % 2 == 0, {"I", "II"},
                 {"Age: 50", i % 2 == 0 ? "Dx: 426783006" : "Dx: 164889003,426783006"});
    table += name + "\t" + (i % 2 == 0 ? "fast" : "slow") + "\t" + std::to_string(i % 3 + 1) + "\n";
  }
  folder.write("labels.tsv", table);
}

TEST_F(Recordings, CincFoldersAndTables) {
  const TemporaryFolder data;
  write_cinc_folder(data);
  const std::string both =
      "--set 'classes=[]' --set data.unlabelled=keep --set 'data.leads=[\"I\",\"II\",\"aVF\"]' "
      "--set train.epochs=1 ";
  const Outcome cinc = train("ptbxl-super.toml", data.path(), "cinc",
                             both +
                                 "--set data.source=cinc --set data.protocol=hash --set "
                                 "data.validation_share=0.3 --set train.choose_by=macro_f1");
  ASSERT_EQ(cinc.status, 0) << cinc.error;
  EXPECT_EQ(json::parse(cinc.out)["classes"], (json{"164889003", "426783006"}));
  const Outcome own = train("ptbxl-super.toml", data.path(), "own",
                            both +
                                "--set data.source=table --set data.label_file=labels.tsv --set "
                                "data.validation_fold=2 --set data.test_fold=3");
  ASSERT_EQ(own.status, 0) << own.error;
  EXPECT_EQ(json::parse(own.out)["records"]["test"], (json{"r2", "r5", "r8", "r11"}));
  expect_the_same_of_secinfer(json::parse(own.out), data.path(), runs_ / "own");
  // --leads reads other leads in place of the recipe's, found by the same rule.
  const std::string with_leads = "--json --quiet --model " + (runs_ / "own").string() + " --leads ";
  const std::string r2 = " " + (data / "r2").string();
  const Outcome usual = run_program(SECINFER, with_leads + "'Lead I,ecg ii,AVF'" + r2);
  ASSERT_EQ(usual.status, 0) << usual.error;
  EXPECT_EQ(usual.out, run_program(SECINFER, with_leads + "I,II,aVF" + r2).out);
  EXPECT_EQ(run_program(SECINFER, with_leads + "aVR,II,III" + r2).status, 0);
  const Outcome absent = run_program(SECINFER, with_leads + "I,II,V6" + r2);
  EXPECT_EQ(absent.status, 1);
  EXPECT_NE(absent.error.find("V6"), std::string::npos) << absent.error;
  EXPECT_EQ(run_program(SECINFER, with_leads + "I,II" + r2).status, 2);
  EXPECT_EQ(run_program(SECINFER, with_leads + "I,i,aVF" + r2).status, 1);
  // Options for beat models are wrong usage with a model of whole recordings.
  EXPECT_EQ(run_program(SECINFER,
                        "--model " + (runs_ / "own").string() + " --summary --json " + (data / "r2").string())
                .status,
            2);
}

// Training on crops: the same on simt, and secinfer gives the probabilities of the test side.
TEST_F(Recordings, TrainsAndAnswersByCrops) {
  const TemporaryFolder data;
  write_cinc_folder(data);
  const std::string more =
      "--set 'classes=[]' --set data.unlabelled=keep --set 'data.leads=[\"I\",\"II\",\"aVF\"]' --set train.epochs=1 "
      "--set data.source=table --set data.label_file=labels.tsv --set data.validation_fold=2 --set data.test_fold=3 "
      "--set data.length=200 --set data.crop=4 --set decision.crops=max ";
  for (const char* device : {"cpu", "simt"}) {
    const Outcome run = train("ptbxl-super.toml", data.path(), device, more + "--device " + device);
    ASSERT_EQ(run.status, 0) << run.error;
    expect_the_same_of_secinfer(json::parse(run.out), data.path(), runs_ / device);
    std::map<std::string, std::string> probabilities;  // by recording, as predictions.csv has them
    std::istringstream lines(content_of(runs_ / device / "predictions.csv"));
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with("test,")) {
        const std::size_t begin = line.find(',') + 1;
        const std::size_t first = line.find(',', std::min(line.find(",yes,"), line.find(",no,")) + 1) + 1;
        probabilities[line.substr(begin, line.find(',', begin) - begin)] = line.substr(first);
      }
    }
    ASSERT_FALSE(probabilities.empty());
    for (const auto& [name, cells] : probabilities) {
      const Outcome said =
          run_program(SECINFER, "--json --quiet --device " + std::string(device) + " --model " +
                                    (runs_ / device).string() + " " + (data / name).string());
      ASSERT_EQ(said.status, 0) << said.error;
      const json answer = json::parse(said.out);
      std::string expected;
      for (const json& logit : answer["logits"]) {
        expected += (expected.empty() ? "" : ",") +
                    fmt::format("{:.6g}", static_cast<float>(1 / (1 + std::exp(-logit.get<double>()))));
      }
      EXPECT_EQ(cells, expected) << device << ' ' << name;
    }
  }
}

// Whole numbers of microvolts in tables that state no unit, 2 s long for a network of 10 s.
TEST_F(Recordings, MicrovoltsAreNotMillivolts) {
  const TemporaryFolder data;
  std::string labels = "file,labels,fold\n";
  for (int i = 0; i < 12; ++i) {
    const std::string name = "p" + std::to_string(i) + ".csv";
    std::string table = "time_s,I,II\n";
    for (int t = 0; t < 200; ++t) {
      table += fmt::format("{:.2f},{},{}\n", t / 100.0, 5 * generated(i, 0, t, 100, i % 2 == 0),
                           5 * generated(i, 1, t, 100, i % 2 == 0));
    }
    data.write(name, table);
    labels += name + "," + (i % 2 == 0 ? "fast" : "slow") + "," + std::to_string(i % 3 + 1) + "\n";
  }
  data.write("labels.csv", labels);
  const std::string more =
      "--set 'classes=[]' --set data.unlabelled=keep --set 'data.leads=[\"I\",\"II\"]' --set train.epochs=1 "
      "--set data.source=table --set data.label_file=labels.csv --set data.validation_fold=2 --set data.test_fold=3";
  const Outcome refused = train("ptbxl-super.toml", data.path(), "refused", more);
  expect_refused(refused, "data: 12 recordings");
  EXPECT_NE(refused.error.find("probably uV"), std::string::npos) << refused.error;
  for (int i = 0; i < 12; ++i) {
    data.write("p" + std::to_string(i) + ".csv.json", R"({"units": "uV"})");
  }
  const Outcome run = train("ptbxl-super.toml", data.path(), "run", more);
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_NE(
      run.error.find("12 of 12 recordings are shorter than data.seconds = 10: 80 % of the network's input is "
                     "zeros"),
      std::string::npos)
      << run.error;
}

// Trains an epoch on sixty recordings of PTB-XL, with superclasses and with statements as labels.
TEST_F(Recordings, PtbXlRecipe) {
  const auto real = io::real_data("ptbxl-500");
  if (!real) {
    GTEST_SKIP() << "NOT TESTED on PTB-XL: SEC_DATA is not set";
  }
  const TemporaryFolder data;
  fs::create_directory_symlink(*real / "records500", data / "records500");
  fs::copy(*real / "scp_statements.csv", data / "scp_statements.csv");
  std::istringstream all(content_of(*real / "ptbxl_database.csv"));
  std::string some;
  int rows = 0;
  for (std::string line; rows <= 60 && std::getline(all, line); ++rows) {
    some += line + "\n";
  }
  data.write("ptbxl_database.csv", some);
  const Outcome run = train("ptbxl-super.toml", data.path(), "run", "--set train.epochs=1");
  ASSERT_EQ(run.status, 0) << run.error;
  const json metrics = json::parse(run.out);
  EXPECT_EQ(metrics["classes"], (json{"NORM", "MI", "STTC", "CD", "HYP"}));
  EXPECT_LE(metrics["multi_label"][0]["macro_auc_interval_95"][0], metrics["multi_label"][0]["macro_auc"]);
  const Outcome statements = train("ptbxl-super.toml", data.path(), "statements",
                                   "--set train.epochs=1 --set data.label_set=statements --set 'classes=[]'");
  ASSERT_EQ(statements.status, 0) << statements.error;
  EXPECT_GT(json::parse(statements.out)["classes"].size(), 10U);
}

}  // namespace
}  // namespace sec::train
