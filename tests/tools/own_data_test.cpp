// A person's own folder of recordings: checked, put right, trained, tested by patient, and read as a spreadsheet.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "io/edf/writer.h"
#include "io/files/text_table.h"
#include "tests/run_program.h"
#include "tests/train/recording_folders.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::content_of;
using io::TemporaryFolder;
using nlohmann::json;

// A table of 2 s at 100 Hz with the leads I and II, in mV, or in the unit of which a mV has `factor`.
std::string table_of(int recording, bool fast, int factor = 1) {
  std::string text = "time_s,I,II\n";
  for (int t = 0; t < 200; ++t) {
    text += fmt::format("{:.2f},{:.4g},{:.4g}\n", t / 100.0,
                        5e-3 * factor * generated(recording, 0, t, 100, fast),
                        5e-3 * factor * generated(recording, 1, t, 100, fast));
  }
  return text;
}

std::string name_of(int recording) {
  return fmt::format("p{:03}.csv", recording);
}

// 40 recordings of 36 patients: twenty are ABN, twenty NORM, and the first four patients have two recordings.
class OwnData : public testing::Test {
 protected:
  void SetUp() override {
    for (int i = 0; i < 40; ++i) {
      files_[name_of(i)] = table_of(i, i % 2 == 0);
      rows_.push_back(fmt::format("{},{},P{},{},{}", name_of(i), i % 2 == 0 ? "ABN" : "NORM", i % 36,
                                  30 + i % 36, i % 36 % 3 == 0 ? "F" : "M"));
    }
  }

  void write() const {
    std::string labels = "file,labels,patient,age,sex\n";
    for (const std::string& row : rows_) {
      labels += row + "\n";
    }
    data_.write("labels.csv", labels);
    for (const auto& [name, text] : files_) {
      data_.write(name, text);
    }
  }

  std::string data() const { return data_.path().string(); }
  std::string run(const std::string& name) const { return (runs_ / name).string(); }

  Outcome verify(const std::string& more = "") const {
    return run_program(SECDATA " verify " + data() + " --labels labels.csv " + more, runs_.path());
  }
  Outcome train(const std::string& name, const std::string& more = "") const {
    return run_program(
        SECTRAIN " --config " SEC_RECIPES "/ptbxl-super.toml --data " + data() + " --out " + run(name) +
            " --set data.source=table --set data.label_file=labels.csv --set data.protocol=hash "
            "--set 'classes=[]' --set data.unlabelled=keep --set 'data.leads=[\"I\",\"II\"]' --set data.seconds=2 "
            "--set data.length=64 --set network.width=4 --set train.epochs=1 --set train.batch=8 --json --quiet " +
            more,
        runs_.path());
  }
  static json metrics_of(const Outcome& outcome) {
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return outcome.status == 0 ? json::parse(outcome.out) : json();
  }

  TemporaryFolder data_;
  TemporaryFolder runs_;
  std::map<std::string, std::string> files_;
  std::vector<std::string> rows_;
};

// Ten mistakes, each with a message that says what is wrong where. Each is put right only if its message is there.
TEST_F(OwnData, TenMistakesArePutRightInOneRound) {
  const auto good_rows = rows_;
  const auto good_files = files_;
  const auto put = [&](int row, const std::string& from, const std::string& to) {
    std::string& text = rows_[static_cast<std::size_t>(row)];
    ASSERT_NE(text.find(from), std::string::npos) << text;
    text.replace(text.find(from), from.size(), to);
  };
  put(2, "p002.csv", "p002.cvs");                             // line 4
  rows_.push_back(rows_[5]);                                  // line 42
  put(7, ",37,", ",fourty,");                                 // line 9
  rows_[9] = rows_[9].substr(0, rows_[9].rfind(',')) + ",X";  // line 11
  put(11, "NORM", "NROM");                                    // line 13
  rows_[13] = "p013.csv,NORM,P13";                            // line 15
  std::string& one_lead = files_["p020.csv"];
  std::istringstream lines(one_lead);
  std::string cut;
  for (std::string line; std::getline(lines, line);) {
    cut += line.substr(0, line.rfind(',')) + "\n";
  }
  one_lead = cut;
  files_["p021.csv"] = table_of(21, false, 1000);
  files_["p022.csv"] = files_["p024.csv"];
  std::string& damaged = files_["p026.csv"];
  damaged.replace(damaged.find("\n1.00,") + 6, 1, "x");
  write();

  const Outcome said = verify();
  EXPECT_EQ(said.status, 1);
  struct Mistake {
    std::string message;
    std::vector<std::size_t> rows;
    std::vector<std::string> files;
  };
  const Mistake mistakes[] = {
      {"labels.csv:4: names recording 'p002.cvs', but there is no", {2}, {}},
      {"labels.csv:42: recording p005.csv is listed twice", {40}, {}},
      {"labels.csv:9: age 'fourty', expected years", {7}, {}},
      {"labels.csv:11: sex 'X', expected female, male or nothing", {9}, {}},
      {"label NROM: 1 recordings of 1 patients (p011.csv): is NORM meant", {11}, {}},
      {"labels.csv:15: 3 fields, the heading has 5", {13}, {}},
      {"p020.csv: no lead ii, which most recordings have; its leads: i", {}, {"p020.csv"}},
      {"p021.csv: an amplitude of", {}, {"p021.csv"}},
      {"p024.csv: has the same samples of lead", {}, {"p022.csv"}},
      {"p026.csv: line 102: lead I is 'x", {}, {"p026.csv"}}};
  for (const Mistake& mistake : mistakes) {
    EXPECT_NE(said.error.find(mistake.message), std::string::npos)
        << "expected: " << mistake.message << "\ngot: " << said.error;
    if (said.error.find(mistake.message) != std::string::npos) {
      for (const std::size_t row : mistake.rows) {
        rows_[row] = row < good_rows.size() ? good_rows[row] : "";
      }
      for (const std::string& file : mistake.files) {
        files_[file] = good_files.at(file);
      }
    }
  }
  EXPECT_NE(said.error.find("warning: p002.csv: is in the folder, but not in labels.csv"), std::string::npos);
  EXPECT_EQ(verify("--json").status, 1);
  const json list = json::parse(verify("--json").out);
  EXPECT_EQ(list["errors"].size(), std::size(mistakes)) << list["errors"].dump(1);

  write();
  const Outcome again = verify();
  EXPECT_EQ(again.status, 0) << again.error;
  EXPECT_EQ(again.error, "");
  EXPECT_NE(again.out.find("ABN 20 (18 patients), NORM 20 (18 patients)"), std::string::npos) << again.out;
  EXPECT_EQ(train("mine").status, 0);
}

// The documented command works with every seed, each class is on every side, and nobody is on two.
TEST_F(OwnData, FortyRecordingsTrainAndAreTestedByPatient) {
  write();
  for (int seed = 1; seed <= 4; ++seed) {
    const json metrics =
        metrics_of(train("s" + std::to_string(seed), "--set data.split_seed=" + std::to_string(seed)));
    ASSERT_FALSE(metrics.is_null());
    EXPECT_EQ(metrics["records"]["validation"].size(), 4U);
    EXPECT_EQ(metrics["records"]["test"].size(), 8U);
    std::map<std::string, std::set<std::string>> sides;  // of a patient
    for (const char* side : {"train", "validation", "test"}) {
      std::map<bool, int> classes;
      for (const json& name : metrics["records"][side]) {
        const int i = std::stoi(name.get<std::string>().substr(1, 3));
        sides[std::to_string(i % 36)].insert(side);
        ++classes[i % 2 == 0];
      }
      EXPECT_EQ(classes[true], classes[false]) << side;
    }
    for (const auto& [patient, on] : sides) {
      EXPECT_EQ(on.size(), 1U) << patient;
    }
    EXPECT_NE(metrics["protocol"].get<std::string>().find("Divided by patient. "), std::string::npos);
    EXPECT_NE(metrics["data"].get<std::string>().find("Validation: 4 recordings of"), std::string::npos);
    EXPECT_TRUE(metrics["warnings"].empty()) << metrics["warnings"].dump(1);
  }
}

// Spreadsheets separate by semicolons and write decimal commas; people write column names as they like.
// The samples, the labels and so the metrics of a training are the same in every form.
TEST_F(OwnData, FormsOfTablesTrainAlike) {
  write();
  const auto metrics = [&](const std::string& name) {
    json m = metrics_of(train(name));
    return json{m["classes"], m["records"], m["multi_label"]};
  };
  const json expected = metrics("plain");
  ASSERT_FALSE(expected[2].is_null());

  const auto replaced = [](std::string text, char from, char to) {
    std::ranges::replace(text, from, to);
    return text;
  };
  const std::string labels = content_of(data_ / "labels.csv");
  data_.write("labels.csv", "\xEF\xBB\xBF" + replaced(labels, ',', ';'));
  EXPECT_EQ(metrics("semicolons"), expected);
  data_.write("labels.csv", "File,LABELS,Patient,Age,SEX" + labels.substr(labels.find('\n')));
  EXPECT_EQ(metrics("capitals"), expected);
  for (const auto& [name, text] : files_) {
    std::string commas = replaced(replaced(text, ',', ';'), '.', ',');
    data_.write(name, "\xEF\xBB\xBF" + commas.replace(0, 6, "TIME_S"));
  }
  EXPECT_EQ(metrics("commas"), expected);

  // ';' separates the labels of a recording as '|' does.
  const auto two_labels = [&](const std::string& separator) {
    std::string text = labels;
    for (std::size_t at = 0; (at = text.find(",ABN,", at)) != std::string::npos;) {
      text.replace(at, 5, ",ABN" + separator + "EXTRA,");
    }
    data_.write("labels.csv", text);
    return metrics(separator == ";" ? "semicolon-labels" : "bar-labels");
  };
  const json bar = two_labels("|");
  EXPECT_EQ(bar[0], (json{"ABN", "EXTRA", "NORM"})) << bar[0];
  EXPECT_EQ(two_labels(";"), bar);
}

// Three folds test every recording once, and every patient in one fold.
TEST_F(OwnData, FoldsTestEveryRecordingOnce) {
  write();
  std::multiset<std::string> tested;
  for (int fold = 1; fold <= 3; ++fold) {
    const json metrics = metrics_of(
        train("f" + std::to_string(fold),
              "--set data.protocol=folds --set data.folds=3 --set data.fold=" + std::to_string(fold)));
    ASSERT_FALSE(metrics.is_null());
    for (const json& name : metrics["records"]["test"]) {
      tested.insert(name);
    }
    EXPECT_GE(metrics["multi_label"][0]["classes"]["ABN"]["recordings"], 6);
    EXPECT_GE(metrics["multi_label"][0]["classes"]["NORM"]["recordings"], 6);
  }
  EXPECT_EQ(tested.size(), 40U);
  EXPECT_EQ(std::set<std::string>(tested.begin(), tested.end()).size(), 40U);
}

// predictions.csv as a spreadsheet reads it: every recording of every split, with what metrics.json counts.
TEST_F(OwnData, PredictionsAreASpreadsheet) {
  rows_[0].replace(rows_[0].find("ABN"), 3, "\"ABN|caf\xC3\xA9 \"\"AF\"\"\"");
  rows_[2].replace(rows_[2].find("ABN"), 3, "\"ABN|caf\xC3\xA9 \"\"AF\"\"\"");
  rows_[4].replace(rows_[4].find("ABN"), 3, "\"ABN|caf\xC3\xA9 \"\"AF\"\"\"");
  write();
  const json metrics = metrics_of(train("run"));
  ASSERT_FALSE(metrics.is_null());
  const std::string text = content_of(runs_ / "run" / "predictions.csv");
  EXPECT_TRUE(text.starts_with("\xEF\xBB\xBFsplit,recording,patient,truth,decision,right,"))
      << text.substr(0, 200);
  const io::TextTable table = io::read_text_table(runs_ / "run" / "predictions.csv");
  ASSERT_EQ(table.rows.size(), 40U);
  const auto cell = [&](const io::TextRow& row, const std::string& column) {
    return row.fields[table.column(column)];
  };
  std::map<std::string, int> splits;
  int right = 0;
  std::map<std::string, int> hits;
  for (const io::TextRow& row : table.rows) {
    ++splits[cell(row, "split")];
    const std::string name = cell(row, "recording");
    EXPECT_EQ(cell(row, "patient"), "P" + std::to_string(std::stoi(name.substr(1, 3)) % 36));
    EXPECT_EQ(cell(row, "right") == "yes", cell(row, "truth") == cell(row, "decision"));
    const bool abnormal = std::stoi(name.substr(1, 3)) % 2 == 0;
    EXPECT_TRUE(cell(row, "truth").starts_with(abnormal ? "ABN" : "NORM")) << cell(row, "truth");
    if (cell(row, "split") != "train") {
      const json& one = metrics["by_record"][name];
      EXPECT_EQ(one["right"], cell(row, "right") == "yes");
      for (const json& label : metrics["classes"]) {
        EXPECT_NEAR(one["probabilities"][label.get<std::string>()].get<double>(),
                    std::stod(cell(row, "probability " + label.get<std::string>())), 1e-5);  // six digits
      }
    }
    if (cell(row, "split") == "test") {
      right += cell(row, "right") == "yes" ? 1 : 0;
      hits["ABN"] +=
          cell(row, "truth").starts_with("ABN") && cell(row, "decision").starts_with("ABN") ? 1 : 0;
    }
  }
  EXPECT_EQ(splits["test"], static_cast<int>(metrics["records"]["test"].size()));
  EXPECT_EQ(splits["validation"], static_cast<int>(metrics["records"]["validation"].size()));
  const json& confusion = metrics["multi_label"][0]["classes"]["ABN"]["confusion"];
  EXPECT_EQ(confusion["TP"], hits["ABN"]);
  EXPECT_EQ(confusion["TP"].get<int>() + confusion["FN"].get<int>() + confusion["FP"].get<int>() +
                confusion["TN"].get<int>(),
            splits["test"]);
  int of_patients = 0;
  for (const auto& [patient, one] : metrics["by_patient"].items()) {
    of_patients += one["split"] == "test" ? one["right"].get<int>() : 0;
  }
  EXPECT_EQ(of_patients, right);
  const std::string page = content_of(runs_ / "run" / "report.html");
  EXPECT_NE(page.find("test, ROC"), std::string::npos);
  EXPECT_NE(page.find("test, precision and recall"), std::string::npos);
  EXPECT_NE(page.find(right < splits["test"] ? "<figure class=\"beat\"><svg class=\"strip\""
                                             : "No recording was misread"),
            std::string::npos);
}

TEST_F(OwnData, PatientsThatAreNotKnownAreSaidToBeSo) {
  for (std::string& row : rows_) {
    const std::size_t second = row.find(',', row.find(',') + 1);
    row = row.substr(0, second) + ",,,";
  }
  write();
  const Outcome checked = verify();
  EXPECT_EQ(checked.status, 0) << checked.error;
  EXPECT_NE(checked.error.find("the patients of 40 of 40 recordings are not known"), std::string::npos);
  const Outcome trained = train("unknown");
  const json metrics = metrics_of(trained);
  ASSERT_FALSE(metrics.is_null());
  EXPECT_NE(trained.error.find("warning: the patients of 40 of 40 recordings are not known"),
            std::string::npos);
  EXPECT_NE(metrics["warnings"][0].get<std::string>().find("not known"), std::string::npos);
  EXPECT_EQ(metrics["protocol"].get<std::string>().find("Divided by patient"), std::string::npos);
  EXPECT_NE(metrics["protocol"].get<std::string>().find("no patient is known"), std::string::npos);
  EXPECT_NE(content_of(runs_ / "unknown" / "report.html").find("no patient is known"), std::string::npos);
}

// A class of one patient: one line with its counts by split and what to do.
TEST_F(OwnData, ClassesThatAreTooRareAreCounted) {
  rows_[1].replace(rows_[1].find("NORM"), 4, "RARE");
  write();
  const Outcome checked = verify();
  EXPECT_EQ(checked.status, 0) << checked.error;
  EXPECT_NE(
      checked.error.find("label RARE: 1 recordings of 1 patients (p001.csv): fewer than three patients"),
      std::string::npos)
      << checked.error;
  const Outcome trained = train("rare");
  ASSERT_EQ(trained.status, 0) << trained.error;
  EXPECT_NE(
      trained.error.find("no recording of class RARE validates: its threshold is 0.5 (train 1, validation 0, "
                         "test 0, of 1 patients): it needs recordings of at least three patients"),
      std::string::npos)
      << trained.error;
  const Outcome refused = train("none", "--set 'classes=[\"ABN\",\"NORM\",\"NEVER\"]'");
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.error.find("no recording of class NEVER to train on (train 0, validation 0, test 0, of 0 "
                               "patients)"),
            std::string::npos)
      << refused.error;
}

// A run of an earlier version, whose recipe lacks data.stratify, goes on with the division that it was begun with.
TEST_F(OwnData, RunsOfEarlierVersionsKeepTheirDivision) {
  write();
  const std::string before =
      "--set data.stratify=false --set data.split_seed=3 --set train.choose_by=macro_f1 ";
  const json metrics = metrics_of(train("old", before));
  ASSERT_FALSE(metrics.is_null());
  EXPECT_NE(metrics["records"], metrics_of(train("new", "--set data.split_seed=3"))["records"]);
  std::string recipe = content_of(runs_ / "old" / "recipe.toml");
  const std::size_t line = recipe.find("\nstratify = false");
  ASSERT_NE(line, std::string::npos);
  recipe.erase(line, recipe.find('\n', line + 1) - line);
  std::ofstream(runs_ / "old" / "recipe.toml") << recipe;
  const Outcome again = run_program(
      SECTRAIN " --resume --json --quiet --out " + run("old") + " --data " + data(), runs_.path());
  EXPECT_EQ(metrics_of(again)["records"], metrics["records"]);
}

}  // namespace
}  // namespace sec::train
