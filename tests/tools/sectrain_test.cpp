// Runs sectrain as a user does: its run folder, its exit status, and how it resumes after interruptions.
#include <algorithm>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <regex>

#include "engine/device.h"
#include "io/scoring/aami.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "tests/tools/run_sectrain.h"

namespace sec::train {
namespace {

using nlohmann::json;

// Removes the beats of all classes but N.
void keep_normal_beats(const fs::path& file) {
  std::vector<io::Annotation> annotations = io::read_annotations(file);
  std::erase_if(annotations, [](const io::Annotation& one) {
    return io::beat_class_of(one.code).value_or(io::BeatClass::N) != io::BeatClass::N;
  });
  io::write_annotations(file, annotations);
}

TEST_F(Sectrain, SaysThatOnlyOneClassIsTested) {
  fs::copy(tiny_database(), folder_ / "data");
  for (const char* record : {"100", "202"}) {
    keep_normal_beats(folder_ / "data" / (std::string(record) + ".atr"));
  }
  const Outcome run = sectrain(arguments("run", "--quiet --set train.epochs=1", path("data")));
  ASSERT_EQ(run.status, 0) << run.error;
  const std::string warning = ", V 0): the test scores do not show whether classes are told apart";
  EXPECT_NE(run.error.find("warning: only one class has beats to test with (N "), std::string::npos)
      << run.error;
  EXPECT_NE(run.error.find(warning), std::string::npos) << run.error;
  EXPECT_NE(content_of(folder_ / "run" / "report.html").find(warning), std::string::npos);
  EXPECT_NE(run.out.find(" (of class N alone)"), std::string::npos) << run.out;
  const json metrics = json::parse(content_of(folder_ / "run" / "metrics.json"));
  EXPECT_EQ(metrics["evaluations"][0]["macro_f1_classes"], 1);
  EXPECT_TRUE(metrics["auc_one_vs_rest"]["test"]["macro"].is_null());
}

TEST_F(Sectrain, TrainsScoresAndReports) {
  const Outcome run = sectrain(arguments("run", "--json --quiet --set train.epochs=2"));
  ASSERT_EQ(run.status, 0) << run.error;
  for (const char* name : {"recipe.toml", "log.jsonl", "metrics.json", "report.html", "predictions.csv",
                           "best.safetensors", "last.safetensors"}) {
    EXPECT_TRUE(fs::exists(folder_ / "run" / name)) << name;
  }
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_ / "run"), {}), 7);
  EXPECT_EQ(run.out, content_of(folder_ / "run" / "metrics.json"));

  const json metrics = json::parse(run.out);
  EXPECT_TRUE(metrics["synthetic"]);
  for (const char* name : {"test", "validation"}) {
    const json& auc = metrics["auc_one_vs_rest"][name];
    EXPECT_LE(auc["interval_95"]["macro"][0], auc["interval_95"]["macro"][1]) << name;
    EXPECT_GT(metrics["calibration"][name]["temperature"], 0) << name;
    EXPECT_EQ(metrics["calibration"][name]["bins"].size(), 10U) << name;
  }
  EXPECT_EQ(metrics["evaluations"][2]["micro_f1"],
            metrics["evaluations"][2]["accuracy"]);  // with five classes
  for (const json& e : metrics["evaluations"]) {
    const json& range = e["f1_interval_95"]["macro"];
    EXPECT_TRUE(range[0] <= range[1] && range[1] <= 1) << e["name"];
  }
  EXPECT_EQ(metrics["by_patient"].size(), metrics["by_record"].size());
  EXPECT_EQ(metrics["history"].size(), 2U);
  std::vector<std::string> names;
  for (const json& e : metrics["evaluations"]) {
    names.push_back(e["name"].get<std::string>() + " " + std::to_string(e["class_count"].get<int>()));
  }
  EXPECT_EQ(names, (std::vector<std::string>{"test 3", "test 4", "test 5", "test without 202 3",
                                             "test without 202 4", "test without 202 5", "validation 3",
                                             "validation 4", "validation 5"}));
  // The five-class matrix counts every beat of the test records and equals the sum over records.
  std::vector<std::vector<int>> sum(5, std::vector<int>(5));
  for (const auto& [name, record] : metrics["by_record"].items()) {
    for (int i = 0; i < 25; ++i) {
      sum[i / 5][i % 5] += record["confusion"]["rows_true_columns_predicted"][i / 5][i % 5].get<int>();
    }
  }
  EXPECT_EQ(metrics["evaluations"][2]["confusion"]["rows_true_columns_predicted"], json(sum));

  std::istringstream log(content_of(folder_ / "run" / "log.jsonl"));
  int steps = 0, epochs = 0;
  for (std::string line; std::getline(log, line);) {
    const json value = json::parse(line);
    steps += value["event"] == "step";
    epochs += value["event"] == "epoch";
  }
  EXPECT_EQ(steps, 4);  // 20 steps, one line per 5 steps
  EXPECT_EQ(epochs, 2);
  EXPECT_EQ(to_toml(read_recipe(path("run/recipe.toml"))), content_of(path("run/recipe.toml")));

  const Outcome text = sectrain(arguments("other", "--set train.epochs=2 --threads 1"));
  ASSERT_EQ(text.status, 0) << text.error;
  EXPECT_NE(text.out.find("test, 3 classes: accuracy"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("test without 202, 5 classes"), std::string::npos);
  EXPECT_NE(text.error.find("epoch 2/2"), std::string::npos) << text.error;
  EXPECT_NE(text.error.find("synthetic"), std::string::npos);
  const json again = json::parse(content_of(folder_ / "other" / "metrics.json"));
  EXPECT_EQ(again["evaluations"], metrics["evaluations"]);  // equal for different numbers of threads
}

TEST_F(Sectrain, GoesOnBitForBitAfterKills) {
  const std::string training = "--quiet --set train.epochs=12 --threads 2";
  ASSERT_EQ(sectrain(arguments("whole", training)).status, 0);
  std::mt19937 random(std::random_device{}());
  for (int i = 0; i < 3; ++i) {
    const std::string more = training + (i > 0 ? " --resume" : "");
    const int delay = static_cast<int>(random() % 60);
    const int status = stopped(arguments("killed", more), "killed", SIGKILL, delay);
    ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)
        << "kill " << i << " after " << delay << " ms: " << content_of(path("stderr"));
  }
  // A kill may come after steps that are in the log but in no checkpoint, and within a line. Whether it did depends on
  // chance above, so the log gets the last lines of the other run, and the beginning of one.
  const std::string log_of_whole = content_of(path("whole/log.jsonl"));
  std::ofstream(path("killed/log.jsonl"), std::ios::app)
      << log_of_whole.substr(log_of_whole.rfind("{\"", log_of_whole.size() / 2)) << "{\"event\": \"st";
  const Outcome last = sectrain(arguments("killed", training + " --resume"));
  ASSERT_EQ(last.status, 0) << last.error;
  for (const char* name : {"last.safetensors", "best.safetensors"}) {
    EXPECT_TRUE(content_of(folder_ / "killed" / name) == content_of(folder_ / "whole" / name)) << name;
  }
  const json killed = json::parse(content_of(path("killed/metrics.json")));
  const json whole = json::parse(content_of(path("whole/metrics.json")));
  EXPECT_EQ(killed["evaluations"], whole["evaluations"]);
  // The log has a line for every step exactly once, in order.
  const auto steps = [&](const char* run) {
    std::istringstream log(content_of(folder_ / run / "log.jsonl"));
    std::vector<std::int64_t> list;
    for (std::string line; std::getline(log, line);) {
      const json value = json::parse(line);
      list.push_back(value["event"] == "step" ? value["step"].get<std::int64_t>() : -1);
    }
    return list;
  };
  EXPECT_EQ(steps("killed"), steps("whole"));
}

TEST_F(Sectrain, InterruptSavesAndSaysHowToGoOn) {
  const std::string training = "--set train.epochs=12 --threads 1";
  fs::create_directory_symlink(tiny_database(), folder_ / "it's data");
  ASSERT_EQ(sectrain(arguments("whole", training)).status, 0);
  for (const int signal : {SIGINT, SIGTERM}) {
    const std::string run = signal == SIGINT ? "int" : "term";
    // A folder whose name a shell would take apart: the printed command must quote it.
    const int status = stopped(arguments(run, training, '"' + path("it's data") + '"'), run, signal, 5);
    ASSERT_TRUE(WIFEXITED(status)) << content_of(path("stderr"));
    EXPECT_EQ(WEXITSTATUS(status), 130);
    const std::string error = content_of(path("stderr"));
    const std::size_t found = error.find("to go on: sectrain ");
    ASSERT_NE(found, std::string::npos) << error;
    // The printed command must work unchanged.
    const std::string command = error.substr(found + 19, error.find('\n', found) - found - 19);
    const Outcome resumed = sectrain(command);
    EXPECT_EQ(resumed.status, 0) << resumed.error;
    EXPECT_TRUE(content_of(folder_ / run / "last.safetensors") == content_of(path("whole/last.safetensors")));
  }
}

// A run keeps its recipe: more epochs change its schedule, so the way on is another run from its weights.
TEST_F(Sectrain, MoreEpochsNeedAnotherRunFromTheWeights) {
  ASSERT_EQ(sectrain(arguments("run", "--set train.epochs=1")).status, 0);
  const Outcome refused = sectrain(arguments("run", "--quiet --resume --set train.epochs=2"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(one_line(refused.error)) << refused.error;
  const std::string advice =
      "was trained with train.epochs = 1, this recipe has 2; to train its weights further, begin "
      "another run with --init ";
  const std::size_t found = refused.error.find(advice);
  ASSERT_NE(found, std::string::npos) << refused.error;
  const std::string weights =
      refused.error.substr(found + advice.size(), refused.error.find('\n') - found - advice.size());
  const Outcome further = sectrain(arguments("further", "--set train.epochs=1 --init " + weights));
  EXPECT_EQ(further.status, 0) << further.error;
  const Outcome from_folder = sectrain(arguments("same", "--set train.epochs=1 --init " + path("run")));
  EXPECT_EQ(from_folder.status, 0) << from_folder.error;
}

// A recipe for MIT-BIH on another database: one line that says what is missing and what to set.
TEST_F(Sectrain, NamesTheRecordsThatAnotherDatabaseLacks) {
  const std::string mitdb =
      " --set 'data.train=[\"DS1\"]' --set 'data.validation=[\"205\"]' --set 'data.test=[\"DS2\"]'";
  fs::create_directories(folder_ / "other");
  for (const auto& [data, says] : std::vector<std::pair<std::string, std::string>>{
           {path("other"),
            "other: lacks 44 of the 44 records that the recipe names: 100, 101, 103, 105, 106, ...; DS1 and"},
           {tiny_database().string(), ": lacks 36 of the 44 records that the recipe names: 103, 105, "}}) {
    const Outcome refused = sectrain(arguments("run", "--quiet" + mitdb, data));
    EXPECT_EQ(refused.status, 1);
    EXPECT_TRUE(one_line(refused.error)) << refused.error;
    EXPECT_NE(refused.error.find(says), std::string::npos) << refused.error;
  }
}

TEST_F(Sectrain, RefusesAnExistingRun) {
  ASSERT_EQ(sectrain(arguments("run", "--set train.epochs=1")).status, 0);
  const std::string before = content_of(path("run/last.safetensors"));
  const Outcome refused = sectrain(arguments("run"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_TRUE(one_line(refused.error)) << refused.error;
  EXPECT_NE(refused.error.find("--resume continues this run"), std::string::npos) << refused.error;
  EXPECT_TRUE(content_of(path("run/last.safetensors")) == before);
  EXPECT_EQ(sectrain(arguments("run", "--overwrite --seed 5 --set train.epochs=1")).status, 0);
  EXPECT_FALSE(content_of(path("run/last.safetensors")) == before);
  // Resuming a finished run scores again and does not change the weights.
  const std::string finished = content_of(path("run/last.safetensors"));
  EXPECT_EQ(sectrain("--resume --out " + path("run") + " --data " + tiny_database().string()).status, 0);
  EXPECT_TRUE(content_of(path("run/last.safetensors")) == finished);
}

// A beat-level split, overlapping windows and a person on two sides are each refused with one line, without a
// run folder. If the user allows leaks, the report says so in red.
TEST_F(Sectrain, StopsAtLeaks) {
  folder_.write("parts.csv", "101,train,-,0,30\n101,test,-,30,60\n208,train\n106,train\n205,validation\n");
  const std::pair<const char*, const char*> leaky[] = {
      {"--set data.protocol=beats", "record 100 is in more than one split"},
      {"--set data.protocol=file --set data.split_file=FOLDER/parts.csv",
       "record 101 is in more than one split"},
      {"--set data.strict_patients=true", "records 202 (test) and 201 (train) are one person"},
  };
  for (const auto& [arguments_of_leak, says] : leaky) {
    std::string more = arguments_of_leak;
    if (const std::size_t at = more.find("FOLDER"); at != std::string::npos) {
      more.replace(at, 6, folder_.path().string());
    }
    const Outcome run = sectrain(arguments("run", "--quiet " + more));
    EXPECT_EQ(run.status, 1) << more;
    EXPECT_TRUE(one_line(run.error)) << run.error;
    EXPECT_NE(run.error.find(says), std::string::npos) << run.error;
    EXPECT_FALSE(fs::exists(folder_ / "run"));
    const Outcome allowed = sectrain(arguments(
        "run", "--overwrite --quiet --json --set train.epochs=1 --set data.allow_leakage=true " + more));
    ASSERT_EQ(allowed.status, 0) << allowed.error;
    EXPECT_FALSE(json::parse(allowed.out)["leaks"].empty());
    const std::string page = content_of(folder_ / "run" / "report.html");
    EXPECT_NE(page.find("<div class=\"leak\""), std::string::npos) << more;
    EXPECT_NE(page.find(says), std::string::npos) << more;
    fs::remove_all(folder_ / "run");
  }
}

TEST_F(Sectrain, TrainsFoldsThatTogetherTestEveryRecordOnce) {
  std::vector<std::string> tested;
  for (int fold = 1; fold <= 3; ++fold) {
    const Outcome run =
        sectrain(arguments("fold" + std::to_string(fold),
                           "--quiet --json --set train.epochs=1 --set data.protocol=folds --set "
                           "data.folds=3 --set data.fold=" +
                               std::to_string(fold)));
    ASSERT_EQ(run.status, 0) << run.error;
    const json metrics = json::parse(run.out);
    EXPECT_TRUE(metrics["leaks"].empty());
    EXPECT_TRUE(metrics["warnings"].size() == 1)
        << metrics["warnings"];  // only that the data is synthetic; no person is on two sides
    for (const auto& [name, scores] : metrics["by_record"].items()) {
      tested.push_back(name);
    }
  }
  std::ranges::sort(tested);
  EXPECT_EQ(tested, (std::vector<std::string>{"100", "101", "106", "119", "201", "202", "205", "208"}));
}

TEST_F(Sectrain, WrongUsageIsStatus2) {
  for (const std::string& wrong : std::vector<std::string>{
           "--nonsense", arguments("x", "--resume --overwrite"), arguments("x", "--precision f16"),
           arguments("x", "--device gpu"), arguments("x", "--threads -1"), arguments("x", "--seed x"),
           "--data a --out b --quiet", "--config a --out b", "extra"}) {
    EXPECT_EQ(sectrain(wrong).status, 2) << wrong;
    EXPECT_FALSE(fs::exists(folder_ / "x"));
  }
  const Outcome help = sectrain("--help");
  EXPECT_EQ(help.status, 0);
  EXPECT_NE(help.out.find("sectrain --resume --out"), std::string::npos);
  const Outcome keys = sectrain("--keys");
  EXPECT_EQ(keys.status, 0);
  EXPECT_NE(keys.out.find("train.epochs"), std::string::npos);
}

// Bad input gives status 1, one line that says where, and no new run folder; an older run is unchanged.
TEST_F(Sectrain, BadInputIsOneLineAndNoDamage) {
  ASSERT_EQ(sectrain(arguments("old", "--set train.epochs=1")).status, 0);
  const auto files = [&] {
    std::map<std::string, std::string> contents;
    for (const auto& entry : fs::directory_iterator(folder_ / "old")) {
      contents[entry.path().filename()] = content_of(entry.path());
    }
    return contents;
  };
  const auto before = files();
  const auto check = [&](const std::string& what, const std::string& more, const std::string& data,
                         const std::vector<std::string>& says) {
    const Outcome fresh = sectrain(arguments("new", "--quiet " + more, data));
    EXPECT_EQ(fresh.status, 1) << what;
    EXPECT_TRUE(one_line(fresh.error)) << what << ": " << fresh.error;
    for (const std::string& word : says) {
      EXPECT_NE(fresh.error.find(word), std::string::npos) << what << ": " << fresh.error;
    }
    EXPECT_FALSE(fs::exists(folder_ / "new")) << what;
    EXPECT_EQ(sectrain(arguments("old", "--quiet --overwrite " + more, data)).status, 1) << what;
    EXPECT_TRUE(files() == before) << what;
  };
  int copies = 0;
  const auto copy_of_data = [&] {
    fs::path copy = folder_ / ("data" + std::to_string(copies++));
    fs::copy(tiny_database(), copy);
    return copy;
  };
  const std::string good = tiny_database().string();

  check("missing folder", "", path("nowhere"), {"nowhere"});
  check("missing record", "--set data.test=[\\\"103\\\"]", good, {"103"});

  const fs::path truncated = copy_of_data();
  fs::resize_file(truncated / "106.dat", 1000);
  check("truncated .dat", "", truncated, {"106.dat"});

  const fs::path changed = copy_of_data();
  {
    std::fstream file(changed / "106.dat", std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(30000);
    const char byte = static_cast<char>(file.get());
    file.seekp(30000);
    file.put(static_cast<char>(byte ^ 1));
  }
  check("checksum", "", changed, {"106", "checksum"});

  const fs::path unknown_code = copy_of_data();
  {
    const std::string annotations = content_of(unknown_code / "106.atr");
    const char word[] = {10, static_cast<char>(55 << 2)};  // annotation code 55, 10 samples later
    std::ofstream(unknown_code / "106.atr", std::ios::binary) << std::string(word, 2) << annotations;
  }
  check("unknown annotation code", "", unknown_code, {"106.atr", "55"});

  const fs::path promising = copy_of_data();
  {
    std::string header = content_of(promising / "106.hea");
    header.replace(header.find("106 2"), 5, "106 3");
    std::ofstream(promising / "106.hea") << header;
  }
  check("more signals stated than listed", "", promising, {"106.hea"});

  const fs::path invalid = copy_of_data();
  {
    io::DigitalRecord record = io::read_digital(invalid, "106");
    record.signals[0][500] = io::invalid_sample;
    io::write_digital(invalid, record);
  }
  check("not a number", "", invalid, {"106.hea", "sample 500", "hold"});
  EXPECT_EQ(
      sectrain(arguments("held", "--set train.epochs=1 --set data.invalid_samples=hold", invalid)).status, 0);

  check("class outside the set", "--set 'classes=[\"N\",\"X\"]'", good, {"\"X\"", "N, S, V, F, Q"});
  check("class without beats", "--set 'classes=[\"N\",\"V\",\"Q\"]'", good, {"no beat of class Q"});
  const fs::path normal = copy_of_data();
  for (const char* record : {"101", "106", "119", "208", "201", "205"}) {
    keep_normal_beats(normal / (std::string(record) + ".atr"));
  }
  check("one class alone", "", normal,
        {"only one class has beats to train on: N ", ", V 0 in record(s) 101, "});
  check("unknown key", "--set train.epoch=3", good, {"train.epoch;", "train.epochs"});
  folder_.write("bad.toml", "[train]\nepochs = 2\nbatchsize = 3\n");
  config_ = "bad.toml";
  check("unknown key in a file", "", good, {"bad.toml:3", "train.batch"});
  config_ = "none.toml";
  check("no recipe", "", good, {"none.toml"});
  config_ = "tiny.toml";
  const Outcome other_shape = sectrain(arguments("old", "--resume --quiet --set network.width=6"));
  EXPECT_EQ(other_shape.status, 1);
  EXPECT_TRUE(one_line(other_shape.error)) << other_shape.error;
  EXPECT_TRUE(files() == before);
  {
    std::ofstream(folder_ / "old" / "last.safetensors", std::ios::binary)
        << before.at("last.safetensors").substr(0, 5000);
    const Outcome cut = sectrain(arguments("old", "--resume --quiet --set train.epochs=1"));
    EXPECT_EQ(cut.status, 1);
    EXPECT_TRUE(one_line(cut.error) && cut.error.find("last.safetensors") != std::string::npos) << cut.error;
  }
}

TEST_F(Sectrain, AFullDiskIsOneLineAndTheCheckpointStays) {
  const std::string training = "--quiet --set train.epochs=12";
  const int status = stopped(arguments("run", training), "run", SIGINT, 0);
  ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 130) << content_of(path("stderr"));
  const std::string last = content_of(path("run/last.safetensors"));
  // Files are limited to 100 KiB: the log and the recipe fit, a checkpoint does not.
  const Outcome full = sectrain(arguments("run", training + " --resume"), "ulimit -f 200; ");
  EXPECT_EQ(full.status, 1) << full.error;
  EXPECT_NE(full.error.find(".safetensors"), std::string::npos) << full.error;
  EXPECT_NE(full.error.find("sectrain: "), std::string::npos) << full.error;
  EXPECT_TRUE(content_of(path("run/last.safetensors")) == last);
  for (const auto& entry : fs::directory_iterator(folder_ / "run")) {
    EXPECT_TRUE(entry.path().extension() != ".tmp") << entry.path();
  }
  EXPECT_EQ(sectrain(arguments("run", training + " --resume")).status, 0);

  const int written =
      std::system((std::string(SECTRAIN) + " " + arguments("full", "--quiet --set train.epochs=1") +
                   " >/dev/full 2>" + path("stderr"))
                      .c_str());
  EXPECT_EQ(WEXITSTATUS(written), 1);
  EXPECT_NE(content_of(path("stderr")).find("standard output: cannot write"), std::string::npos);
}

// The losses in a small run's log: two training steps, validation and test.
std::vector<double> losses_of(const std::string& log_file) {
  std::vector<double> found;
  std::istringstream log(content_of(log_file));
  for (std::string line; std::getline(log, line);) {
    const json entry = json::parse(line);
    for (const char* key : {"loss", "validation_loss"}) {
      if (entry.contains(key)) {
        found.push_back(entry[key]);
      }
    }
  }
  return found;
}

constexpr const char* two_steps =
    "--quiet --json --set data.rate=60 --set data.before=0.6 --set data.after=0.6 --set "
    "sampler.epoch_samples=32 "
    "--set train.epochs=1 --set train.log_steps=1 --set train.optimizer=sgd --set 'data.test=[\"100\"]' ";

void expect_near(const std::vector<double>& got, const std::vector<double>& expected) {
  ASSERT_GE(expected.size(), 3U);
  ASSERT_EQ(got.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(got[i], expected[i], 1e-4 * expected[i]);  // different order of f32 sums
  }
}

// The simt device, which runs the CUDA kernels' source, gives the same losses as cpu.
TEST_F(Sectrain, TrainsOnTheSimtDevice) {
  const auto losses = [&](const std::string& device) {
    const Outcome outcome = sectrain(arguments(device, two_steps + ("--device " + device)));
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return losses_of((folder_ / device / "log.jsonl").string());
  };
  const std::vector<double> expected = losses("cpu");
  const std::vector<double> on_simt = losses("simt");
  expect_near(on_simt, expected);
  // With the training examples in device memory, the losses are bitwise equal.
  const std::string aloud = std::string(two_steps).substr(std::string("--quiet ").size());
  const Outcome resident = sectrain(arguments("resident", aloud + "--device simt --resident on"));
  EXPECT_EQ(resident.status, 0) << resident.error;
  EXPECT_NE(resident.error.find("training examples in device memory: "), std::string::npos) << resident.error;
  EXPECT_EQ(losses_of((folder_ / "resident" / "log.jsonl").string()), on_simt);
}

TEST_F(Sectrain, RefusesToKeepExamplesOnCpu) {
  const Outcome run = sectrain(arguments("run", "--device cpu --resident on"));
  EXPECT_EQ(run.status, 2);
  EXPECT_EQ(run.error, "sectrain: --resident on: needs --device cuda or simt, the device is cpu\n");
  EXPECT_FALSE(fs::exists(folder_ / "run" / "recipe.toml"));
}

// Fused and unfused kernels give the same losses up to rounding.
TEST_F(Sectrain, TrainsFusedAsUnfused) {
  const auto losses = [&](const std::string& kernels) {
    const Outcome outcome = sectrain(
        arguments(kernels, two_steps + ("--device cpu --set network.width=16 --kernels " + kernels)));
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return losses_of((folder_ / kernels / "log.jsonl").string());
  };
  const std::vector<double> expected = losses("unfused");
  const std::vector<double> got = losses("own");
  expect_near(got, expected);
  EXPECT_NE(got, expected) << "both runs took the same way";
}

TEST_F(Sectrain, TakesTheFormerNameOfUnfusedKernels) {
  const Outcome run = sectrain(arguments("run", "--device cpu --kernels reference --tiles nowhere.toml"));
  EXPECT_EQ(run.error.substr(0, run.error.find('\n')),
            "sectrain: --kernels reference is now --kernels unfused; the old name ends with version 1.0");
}

// Losses differ from f32's by rounding only: a hundred roundings by up to 2^-8 in bf16, 2^-11 in tf32, add up
// (as squares) to 0.04 and 0.005 in the first step. Gradients differ by more (see model/precision_test.cpp),
// and so do the weights before the second step: its bounds are several times larger.
TEST_F(Sectrain, TrainsAndScoresInThePrecisionAskedFor) {
  std::map<std::string, std::vector<double>> losses;
  for (const std::string precision : {"f32", "tf32", "bf16"}) {
    const Outcome outcome = sectrain(
        arguments(precision,
                  two_steps + ("--device simt --set network.width=16 --threads 1 --precision " + precision)));
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    losses[precision] = losses_of((folder_ / precision / "log.jsonl").string());
    const json metrics = json::parse(content_of(folder_ / precision / "metrics.json"));
    EXPECT_EQ(metrics["device"], "simt in " + precision + ", 1 thread(s)");
  }
  for (const auto& [precision, tolerance] : {std::pair{"tf32", 0.05}, std::pair{"bf16", 0.2}}) {
    ASSERT_EQ(losses[precision].size(), losses["f32"].size());
    for (std::size_t i = 0; i < losses["f32"].size(); ++i) {
      EXPECT_NEAR(losses[precision][i], losses["f32"][i], tolerance * losses["f32"][i]) << precision;
      EXPECT_NE(losses[precision][i], losses["f32"][i]) << precision;
    }
  }
}

TEST_F(Sectrain, TakesTilesOfItsDeviceAlone) {
  folder_.write("tiles.toml",
                "device = \"simt\"\nmeasured = \"\"\nforward = []\ndgrad = []\nwgrad = [\n"
                "  {precision = \"f32\", c_in = 1, c_out = 16, k = 50, stride = 2, pad = 0, leads = 2, "
                "length = 144, samples = 16, part_tiles = 1, most_blocks = 65535},\n]\n");
  const std::string tiles = path("tiles.toml");
  const Outcome on_cpu = sectrain(arguments("run", "--device cpu --tiles " + tiles));
  EXPECT_EQ(on_cpu.status, 1);
  EXPECT_EQ(on_cpu.error,
            "sectrain: --tiles " + tiles + ": the cpu device has no tiles to choose; cuda and simt have\n");
  EXPECT_FALSE(fs::exists(folder_ / "run"));

  const std::string of_another = content_of(tiles);
  folder_.write("other.toml", std::string(of_another).replace(of_another.find("simt"), 4, "GPU"));
  const Outcome refused = sectrain(arguments("run", "--device simt --tiles " + path("other.toml")));
  EXPECT_EQ(refused.status, 1);
  EXPECT_EQ(refused.error,
            "sectrain: " + path("other.toml") + ":1: the tiles were measured on 'GPU', this is 'simt'\n");
}

TEST_F(Sectrain, RefusesPrecisionsThatCpuLacks) {
  for (const std::string precision : {"tf32", "bf16"}) {
    const Outcome run = sectrain(arguments("run", "--device cpu --precision " + precision));
    EXPECT_EQ(run.status, 2);
    EXPECT_EQ(run.error, "sectrain: --precision " + precision + ": the cpu device computes in f32\n");
  }
  EXPECT_FALSE(fs::exists(folder_ / "run"));
}

TEST_F(Sectrain, SaysWhyThereIsNoCudaDevice) {
  if (why_unavailable(Device::cuda).empty()) {
    GTEST_SKIP() << "there is a GPU";
  }
  const Outcome outcome = sectrain(arguments("run", "--device cuda"));
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
  EXPECT_NE(outcome.error.find("cuda"), std::string::npos) << outcome.error;
}

TEST_F(Sectrain, RefusesTheLibrariesOnOtherDevices) {
  for (const std::string device : {"cpu", "simt"}) {
    const Outcome run = sectrain(arguments("run", "--kernels cudnn --device " + device));
    EXPECT_EQ(run.status, 2) << run.error;
    EXPECT_EQ(run.error, "sectrain: --kernels cudnn: needs --device cuda, the device is " + device + "\n");
  }
  EXPECT_FALSE(fs::exists(folder_ / "run" / "recipe.toml"));
}

TEST_F(Sectrain, SaysItsVersionAndCommit) {
  const Outcome run = sectrain("--version");
  EXPECT_EQ(run.status, 0);
  EXPECT_TRUE(std::regex_match(run.out, std::regex(R"(sectrain \d+\.\d+\.\d+ \(.+\)\n)"))) << run.out;
}

}  // namespace
}  // namespace sec::train
