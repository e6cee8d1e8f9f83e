// Whole recordings: their network inputs, their division into splits, and errors that prevent a training.
#include "train/data/recording_splits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/stream.h"
#include "io/signal/fourier_resample.h"
#include "model/networks.h"
#include "tests/train/recording_folders.h"
#include "train/data/augment.h"
#include "train/data/crops.h"
#include "train/data/recording_division.h"
#include "train/data/recording_signal.h"
#include "train/loop/checkpoint.h"
#include "train/scoring/recording_evaluation.h"

namespace sec::train {
namespace {

using io::content_of;
using io::expect_error;
using io::TemporaryFolder;
using Names = std::vector<std::string>;

// A recipe for a label table of recordings with the leads I and II.
Recipe table_recipe(const std::vector<std::string>& overrides = {}) {
  return parse_recipe(
      "[data]\ntask = 'recordings'\nsource = 'table'\nlabel_file = 't.csv'\nprotocol = 'hash'\nleads = ['I', "
      "'II']\n"
      "length = 50\n[loss]\nkind = 'bce'\n",
      "a.toml", overrides);
}

TEST(RecordingSignal, DerivesLimbLeads) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, false, {"i", "II"});
  const RecordingSignal s = read_signal(
      table_recipe({"data.leads=['I','II','III','aVR','aVL','aVF']", "data.length=1000"}), folder / "a");
  ASSERT_EQ(s.x.size(), 6000U);
  EXPECT_EQ(s.hashes.size(), 2U);
  for (int t = 0; t < 1000; t += 7) {
    const double first = generated(1, 0, t, 100, false) / 1000.0,
                 second = generated(1, 1, t, 100, false) / 1000.0;
    const double expected[] = {
        first, second, second - first, -(first + second) / 2, first - second / 2, second - first / 2};
    for (std::size_t h = 0; h < 6; ++h) {
      EXPECT_NEAR(s.x[static_cast<std::size_t>(t) * 6 + h], expected[h], 1e-6)
          << h;  // mV; values are about 0.1
    }
  }
  expect_error([&] { read_signal(table_recipe({"data.leads=['V1']"}), folder / "a"); },
               "a: no lead 'V1'; its leads: i, II");
}

TEST(RecordingSignal, FindsLeadsByAnyOfTheirNames) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, false, {"Lead I", "ECG  II-REF"});
  write_record(folder, "b", 1, false, {"I", "II"});
  const Recipe recipe = table_recipe({"data.leads=['i','ECG Lead II','aVF']"});
  EXPECT_EQ(read_signal(recipe, folder / "a").x, read_signal(recipe, folder / "b").x);
  expect_error([&] { read_signal(table_recipe({"data.leads=['I','ECG I']"}), folder / "b"); },
               "b: lead ECG I is asked for twice");
  write_record(folder, "c", 1, false, {"II", "I", "ECG II", "II"});
  expect_error([&] { read_signal(recipe, folder / "c"); }, "c: 3 leads are called 'ECG Lead II'");
  EXPECT_EQ(read_signal(table_recipe({"data.leads=['II#2','I']"}), folder / "c").hashes.size(), 2U);
}

TEST(RecordingSignal, CutsFillsAndScales) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, true, {"I", "II"}, {}, 700);
  const RecordingSignal cut = read_signal(table_recipe({"data.seconds=5", "data.length=200"}), folder / "a");
  std::vector<float> lead(500);
  for (int t = 0; t < 500; ++t) {
    lead[static_cast<std::size_t>(t)] = static_cast<float>(generated(1, 1, t, 100, true)) / 1000;
  }
  const std::vector<float> expected = io::fourier_resample(lead, 200);
  for (std::size_t t = 0; t < 200; ++t) {
    EXPECT_NEAR(cut.x[t * 2 + 1], expected[t], 1e-7);
  }
  const RecordingSignal filled = read_signal(table_recipe({"data.length=1000"}), folder / "a");
  EXPECT_NEAR(filled.x[699 * 2], generated(1, 0, 699, 100, true) / 1000.0, 1e-6);
  EXPECT_NEAR(filled.x[700 * 2], 0, 1e-6);
  EXPECT_NEAR(filled.x[999 * 2 + 1], 0, 1e-6);
  const RecordingSignal raw =
      read_signal(table_recipe({"data.length=1000", "input.amplitudes=raw"}), folder / "a");
  EXPECT_NEAR(raw.x[20 * 2], generated(1, 0, 20, 100, true), 1e-3);
  const RecordingSignal standard =
      read_signal(table_recipe({"data.seconds=7", "input.amplitudes=standardised"}), folder / "a");
  double sum = 0, squares = 0;
  for (std::size_t t = 0; t < 50; ++t) {
    sum += standard.x[t * 2];
    squares += standard.x[t * 2] * standard.x[t * 2];
  }
  EXPECT_NEAR(sum / 50, 0, 1e-6);
  EXPECT_NEAR(squares / 50, 1, 1e-5);
}

// "raw" amplitudes are the integers of the contest's files, as the released code uses them.
TEST(RecordingSignal, RawIsWhatTheFileHolds) {
  const TemporaryFolder folder;
  write_tianchi_folder(folder, 1);
  const RecordingSignal raw =
      read_signal(table_recipe({"data.length=5000", "input.amplitudes=raw", "data.leads=['V6','I']"}),
                  folder / "train/1.txt");
  for (int t = 0; t < 5000; t += 61) {
    EXPECT_NEAR(raw.x[static_cast<std::size_t>(t) * 2], generated(1, 7, t, 500, false),
                1e-3);  // f32, up to 170
    EXPECT_NEAR(raw.x[static_cast<std::size_t>(t) * 2 + 1], generated(1, 0, t, 500, false), 1e-3);
  }
}

TEST(RecordingSignal, RefusesInvalidSamplesUnlessToldToHold) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, true, {"I", "II"});
  io::DigitalRecord record = io::read_digital(folder.path(), "a");
  record.signals[1][3] = io::invalid_sample;
  io::write_digital(folder.path(), record);
  expect_error([&] { read_signal(table_recipe(), folder / "a"); }, "a: sample 3 of lead II is not a number");
  const RecordingSignal held =
      read_signal(table_recipe({"data.invalid_samples=hold", "data.length=1000"}), folder / "a");
  EXPECT_NEAR(held.x[3 * 2 + 1], held.x[2 * 2 + 1], 1e-6);
}

// Whole recordings are verified as records of beats are: one changed byte is refused, unless one asks to go on.
TEST(RecordingSignal, RefusesSamplesThatContradictTheirChecksum) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, true, {"I", "II"});
  io::DigitalRecord record = io::read_digital(folder.path(), "a");
  record.signals[1][3] += 100;  // the sum of a sine may be 0, which would be a placeholder
  io::write_digital(folder.path(), record);
  std::string samples = content_of(folder / "a.dat");
  samples[samples.size() - 9] = static_cast<char>(samples[samples.size() - 9] ^ 1);
  folder.write("a.dat", samples);
  expect_error([&] { read_signal(table_recipe(), folder / "a"); }, "checksum of the samples is");
  EXPECT_TRUE(read_signal(table_recipe({"data.verify=false"}), folder / "a").warnings.empty());
}

// A recording that fills less than half of the window is mostly zeros: the user is told.
TEST(RecordingSignal, WarnsOfShortRecordings) {
  const TemporaryFolder folder;
  write_record(folder, "a", 1, true, {"I", "II"});
  EXPECT_TRUE(read_signal(table_recipe(), folder / "a").warnings.empty());
  const std::vector<std::string> warnings =
      read_signal(table_recipe({"data.seconds=300"}), folder / "a").warnings;
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_NE(warnings[0].find("the network's 300 s are filled up with zeros"), std::string::npos)
      << warnings[0];
}

TEST(RecordingCovariates, AgeAndSexOrZero) {
  const Recipe recipe = table_recipe({"input.covariates=['sex','age']"});
  io::LabelledRecording r;
  EXPECT_EQ(recording_covariates(recipe, r), (std::vector<float>{0, 0}));
  r.age = 75;
  r.sex = io::Sex::female;
  EXPECT_EQ(recording_covariates(recipe, r), (std::vector<float>{-1, 0.5F}));
}

TEST(RecordingAugment, ChangesLeadsAndNeverLosesAll) {
  Recipe::Augment off;
  std::vector<float> x(40), k = {1, 2};
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i + 1);
  }
  const std::vector<float> before = x;
  augment_recording(off, 4, 100, 1, 2, 3, x, k);
  EXPECT_EQ(x, before);
  Recipe::Augment offset = off;
  offset.offset = 1;
  augment_recording(offset, 4, 100, 1, 2, 3, x, k);
  for (std::size_t i = 4; i < x.size(); ++i) {
    EXPECT_NEAR(x[i] - before[i], x[i % 4] - before[i % 4], 1e-5);  // the offset is constant over a lead
  }
  EXPECT_NE(x[0] - before[0], x[1] - before[1]);
  Recipe::Augment factor = off;
  factor.gain_noise = 0.1;
  std::vector<float> zeros(40);
  augment_recording(factor, 4, 100, 1, 2, 3, zeros, k);
  EXPECT_EQ(zeros, std::vector<float>(40));
  x = before;
  augment_recording(factor, 4, 100, 1, 2, 3, x, k);
  EXPECT_NE(x, before);
  Recipe::Augment drop = off;
  drop.lead_drop = 1;
  std::set<std::size_t> stayed;
  for (std::int64_t slot = 0; slot < 50; ++slot) {
    x = before;
    augment_recording(drop, 4, 100, 1, 2, slot, x, k);
    for (std::size_t h = 0; h < 4; ++h) {
      if (x[h] != 0) {
        stayed.insert(h);
      }
    }
    EXPECT_EQ(std::ranges::count(x, 0.0F), 30);  // three of four leads are dropped
  }
  EXPECT_EQ(stayed.size(), 4U);
}

LoadedRecording described(const std::string& id, const std::string& patient, std::uint64_t hash,
                          const Names& labels = {}) {
  LoadedRecording recording;
  recording.about.id = id;
  recording.about.patient = patient;
  recording.about.labels = labels;
  recording.hashes = {hash};
  return recording;
}

TEST(RecordingSplit, HashKeepsPatientsAndCopiesTogetherWhateverElseThereIs) {
  const Recipe recipe =
      table_recipe({"data.validation_share=0.2", "data.test_share=0.3", "data.stratify=false"});
  std::vector<LoadedRecording> recordings;
  for (int i = 0; i < 4000; ++i) {  // two recordings per patient; every tenth recording copies an earlier one
    recordings.push_back(described(std::to_string(i), i % 3 == 0 ? "" : "P" + std::to_string(i / 2),
                                   static_cast<std::uint64_t>(i % 10 == 9 ? i - 7 : i) + 1));
  }
  const auto splits_of = [](const auto& division) {
    std::map<std::size_t, std::size_t> splits;
    for (std::size_t split = 0; split < 3; ++split) {
      for (const std::size_t i : division[split]) {
        EXPECT_TRUE(splits.emplace(i, split).second);
      }
    }
    return splits;
  };
  const auto splits = splits_of(divide(recipe, recordings, {}));
  ASSERT_EQ(splits.size(), recordings.size());
  std::map<std::string, std::size_t> of_patient;
  std::map<std::uint64_t, std::size_t> of_signal;
  double count[3] = {};
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const std::size_t split = splits.at(i);
    count[split] += 1.0 / static_cast<double>(recordings.size());
    EXPECT_EQ(of_signal.try_emplace(recordings[i].hashes[0], split).first->second, split);
    if (!recordings[i].about.patient.empty()) {
      EXPECT_EQ(of_patient.try_emplace(recordings[i].about.patient, split).first->second, split);
    }
  }
  // There are about 2000 groups, so the standard deviation of a share is 0.01.
  EXPECT_NEAR(count[0], 0.5, 0.05);
  EXPECT_NEAR(count[1], 0.2, 0.05);
  EXPECT_NEAR(count[2], 0.3, 0.05);
  const std::vector<LoadedRecording> half(recordings.begin(), recordings.begin() + 2000);
  for (const auto& [i, split] : splits_of(divide(recipe, half, {}))) {
    EXPECT_EQ(splits.at(i), split);
  }
  Recipe other = recipe;
  other.data.split_seed = 2;
  EXPECT_NE(splits_of(divide(other, recordings, {})), splits);
}

// Stratified by label, with patients and copies together: the shares of each label, of recordings without a label, and
// of all recordings are met to within the largest group, 4 recordings.
TEST(RecordingSplit, HashAndFoldsKeepSharesOfLabelsAndPatientsTogether) {
  std::vector<LoadedRecording> recordings;
  for (int i = 0; i < 400; ++i) {
    Names labels = i % 7 == 0 ? Names{} : Names{i % 3 == 0 ? "A" : "B"};
    if (i % 11 == 0) {
      labels.push_back("C");
    }
    recordings.push_back(described(std::to_string(i), i % 5 == 0 ? "" : "P" + std::to_string(i / 2),
                                   static_cast<std::uint64_t>(i % 10 == 9 ? i - 7 : i) + 1, labels));
  }
  const auto check = [&](const Recipe& recipe, const std::array<double, 3>& shares) {
    const auto splits = divide(recipe, recordings, {"A", "B", "C"});
    std::map<std::string, std::set<std::size_t>> together;
    for (const char* label : {"A", "B", "C", ""}) {
      double total = 0;
      std::array<double, 3> counts{};
      for (std::size_t split = 0; split < 3; ++split) {
        for (const std::size_t i : splits[split]) {
          const Names& labels = recordings[i].about.labels;
          const bool counted = *label == '\0' ? labels.empty() : std::ranges::count(labels, label) > 0;
          counts[split] += counted ? 1 : 0;
          total += counted ? 1 : 0;
          together["patient " + recordings[i].about.patient].insert(split);
          together["signal " + std::to_string(recordings[i].hashes[0])].insert(split);
        }
      }
      for (std::size_t split = 0; split < 3; ++split) {
        EXPECT_NEAR(counts[split], shares[split] * total, 4.01) << label << " " << split;
      }
    }
    together.erase("patient ");
    for (const auto& [what, on] : together) {
      EXPECT_EQ(on.size(), 1U) << what;
    }
    EXPECT_EQ(splits[0].size() + splits[1].size() + splits[2].size(), recordings.size());
  };
  check(table_recipe({"data.validation_share=0.2", "data.test_share=0.3"}), {0.5, 0.2, 0.3});
  check(table_recipe({"data.protocol=folds", "data.folds=4", "data.fold=4"}), {0.5, 0.25, 0.25});
  expect_error(
      [&] {
        divide(table_recipe({"data.protocol=folds", "data.folds=999"}), recordings, {});
      },
      "data.folds: 999 folds of");
}

TEST(RecordingSplit, AsReleased) {
  // Class A has 5 recordings, of which int(5 * 0.4) = 2 validate; class B has 3, of which 1 validates.
  const std::vector<LoadedRecording> recordings = {
      described("0", "", 1, {"A"}), described("1", "", 2, {"B", "A"}), described("2", "", 3, {"A"}),
      described("3", "", 4, {"B"}), described("4", "", 5, {"A", "B"}), described("5", "", 6, {"A"}),
      described("6", "", 7, {})};
  const Recipe recipe = table_recipe({"data.protocol=tianchi-paper", "data.allow_leakage=true"});
  const auto splits = divide(recipe, recordings, {"A", "B"});
  EXPECT_EQ(splits[1], (std::vector<std::size_t>{0, 1}));
  EXPECT_EQ(splits[0], (std::vector<std::size_t>{2, 3, 4, 5, 6}));
  EXPECT_TRUE(splits[2].empty());
}

TEST(RecordingSplit, FoldsAndFiles) {
  const TemporaryFolder folder;
  std::vector<LoadedRecording> recordings = {described("a", "", 1), described("b", "", 2),
                                             described("c", "", 3)};
  const Recipe folds =
      table_recipe({"data.protocol=strat_folds", "data.validation_fold=2", "data.test_fold=7"});
  expect_error([&] { divide(folds, recordings, {}); }, "recording a has no fold");
  recordings[0].about.fold = 7;
  recordings[1].about.fold = 9;
  recordings[2].about.fold = 2;
  const auto by_fold = divide(folds, recordings, {});
  EXPECT_EQ(by_fold[0], std::vector<std::size_t>{1});
  EXPECT_EQ(by_fold[1], std::vector<std::size_t>{2});
  EXPECT_EQ(by_fold[2], std::vector<std::size_t>{0});
  const auto with_file = [&](const std::string& text) {
    return divide(
        table_recipe({"data.protocol=file", "data.split_file=" + folder.write("s.csv", text).string()}),
        recordings, {});
  };
  EXPECT_EQ(with_file("c,train\nb,validation\n")[0], std::vector<std::size_t>{2});
  expect_error([&] { with_file("c,train\nd,test\n"); }, "recording d is not among");
  expect_error([&] { with_file("c,train,-,0,5\n"); }, "parts of recordings");
}

class Folder : public testing::Test {
 protected:
  void SetUp() override {
    std::string table = "file,labels,patient\n";
    for (int i = 0; i < 12; ++i) {
      const std::string name = "r" + std::to_string(i);
      write_record(folder_, name, i, i % 2 == 0, {"I", "II"});
      table += name + "," +
               (i % 2 == 0 ? "fast"
                : i == 9   ? "odd"
                : i == 11  ? ""
                           : "slow|odd") +
               ",P" + std::to_string(i / 2) + "\n";
    }
    folder_.write("t.csv", table);
  }
  RecordingSplits load(const std::string& split, const std::vector<std::string>& more = {}) const {
    std::vector<std::string> overrides = {"data.protocol=file",
                                          "data.split_file=" + folder_.write("s.csv", split).string()};
    overrides.insert(overrides.end(), more.begin(), more.end());
    return load_recording_splits(table_recipe(overrides), folder_.path());
  }
  TemporaryFolder folder_;
};

TEST(RecordingCrops, CoverTheRecordingAndEndWithIt) {
  Recipe recipe = table_recipe({"data.seconds=10", "data.length=1000"});
  EXPECT_EQ(crop_begins(recipe), (std::vector<std::int64_t>{0}));
  EXPECT_EQ(recipe.crop_length(), 1000);
  recipe.data.crop = 2.5;
  EXPECT_EQ(recipe.crop_length(), 250);
  EXPECT_EQ(crop_begins(recipe), (std::vector<std::int64_t>{0, 125, 250, 375, 500, 625, 750}));
  recipe.data.crop_step = 2;
  EXPECT_EQ(crop_begins(recipe), (std::vector<std::int64_t>{0, 200, 400, 600, 750}));
  recipe.data.crop = 10;
  EXPECT_EQ(crop_begins(recipe), (std::vector<std::int64_t>{0}));
}

// Each of the 4 places is drawn about 1000 times of 4000, with a standard deviation of 27.
TEST(RecordingCrops, AreDrawnFromAllPlacesAlike) {
  std::map<std::int64_t, int> drawn;
  for (std::int64_t step = 0; step < 40; ++step) {
    for (std::int64_t slot = 0; slot < 100; ++slot) {
      ++drawn[drawn_crop(53, 50, 7, step, slot)];
      EXPECT_EQ(drawn_crop(53, 50, 7, step, slot), drawn_crop(53, 50, 7, step, slot));
    }
  }
  ASSERT_EQ(drawn.size(), 4U);
  for (const auto& [begin, count] : drawn) {
    EXPECT_TRUE(begin >= 0 && begin <= 3) << begin;
    EXPECT_NEAR(count, 1000, 130) << begin;
  }
  EXPECT_EQ(drawn_crop(50, 50, 7, 3, 4), 0);
}

TEST_F(Folder, ACropIsAPartOfItsRecording) {
  const std::string split = "r1,train\nr3,train\nr0,train\nr10,validation\nr5,validation\n";
  const RecordingSplits whole = load(split, {"data.allow_leakage=true"});
  const RecordingSplits data = load(split, {"data.allow_leakage=true", "data.crop=4"});
  EXPECT_EQ(data.train.whole_length(), 50);
  ASSERT_EQ(data.train.length(), 20);
  const ExampleId id = data.train.drawn({2, 0}, 1, 5, 9);
  std::vector<float> x(40), all(100);
  data.train.make(id, x, {});
  whole.train.make({2, 0}, all, {});
  EXPECT_TRUE(std::ranges::equal(x, std::span(all).subspan(static_cast<std::size_t>(2 * id.beat), 40)));
}

// The network's answers to crops that the test cuts, joined by the test.
TEST_F(Folder, LogitsOfARecordingJoinThoseOfItsCrops) {
  const std::string split = "r1,train\nr3,train\nr0,train\nr10,validation\nr5,validation\n";
  for (const std::string how : {"mean", "max"}) {
    const RecordingSplits data =
        load(split, {"data.allow_leakage=true", "data.length=250", "data.crop=4", "data.crop_step=3",
                     "decision.crops=" + how, "train.evaluation_batch=4", "network.width=4"});
    OwnedStream stream(Device::cpu);
    const auto network = model::make_network(network_options(data.recipe), stream.get(), 3);
    Classifier classifier{*network, data.recipe, std::vector<float>(data.recipe.classes.size()), stream.get(),
                          std::make_shared<GraphForward>(*network, stream.get(), DType::f32, false)};
    const std::vector<float> got = predict_recordings(classifier, data.train).logits;
    const std::size_t classes = data.recipe.classes.size();
    for (std::size_t r = 0; r < data.train.size(); ++r) {
      std::vector<std::vector<float>> rows;
      for (const std::size_t begin : {0U, 75U, 150U}) {
        const auto crop = std::span(data.train[r].x).subspan(2 * begin, 200);
        rows.push_back(logits_of(classifier, crop, {}, 1));
      }
      for (std::size_t c = 0; c < classes; ++c) {
        const float a = rows[0][c], b = rows[1][c], d = rows[2][c];
        const float expected =
            how == "max" ? std::max({a, b, d}) : static_cast<float>((double{a} + b + d) / 3);
        EXPECT_EQ(got[r * classes + c], expected) << how << ' ' << r << ' ' << c;
      }
    }
  }
}

TEST_F(Folder, ClassesAreThoseThatTrain) {
  const std::string split = "r1,train\nr3,train\nr11,train\nr0,validation\nr10,validation\n";
  const RecordingSplits data = load(split, {"data.allow_leakage=true"});
  EXPECT_EQ(data.recipe.classes, (Names{"odd", "slow"}));
  EXPECT_EQ(data.train.size(), 3U);
  EXPECT_EQ(data.train[0].targets, (std::vector<float>{1, 1}));
  EXPECT_EQ(data.validation[0].targets, (std::vector<float>{0, 0}));
  EXPECT_EQ(data.warnings.size(), 3U);  // "fast" is no class, and neither class has a validation recording
  EXPECT_NE(data.warnings[0].find("label fast is no class: no training recording has it, but validation"),
            std::string::npos)
      << data.warnings[0];
  EXPECT_EQ(data.signal_bytes, 12 * 50 * 2 * 4);
  EXPECT_EQ(load(split, {"data.allow_leakage=true"}).fingerprint, data.fingerprint);
  EXPECT_NE(load(split, {"data.allow_leakage=true", "data.length=60"}).fingerprint, data.fingerprint);
  const RecordingSplits dropped =
      load("r1,train\nr2,train\nr11,train\nr9,validation\n",
           {"data.unlabelled=drop", "classes=['slow','fast']", "train.choose=last"});
  EXPECT_EQ(dropped.dropped, 2);
  EXPECT_EQ(dropped.splits.train, (Names{"r1", "r2"}));
  EXPECT_EQ(dropped.validation.size(), 0U);
  expect_error([&] { load("r0,train\nr3,validation\n", {"classes=['slow']"}); },
               "no recording of class slow");
  expect_error([&] { load("r0,train\n"); }, "no recording validates");
}

// Recordings that all have the same labels teach nothing, and score 1 whatever their signals.
TEST_F(Folder, RefusesOneClassToTrainOnAndWarnsOfOneToScore) {
  expect_error(
      [&] { load("r0,train\nr2,train\nr4,validation\nr7,validation\n"); },
      "all 2 recordings to train on have the same labels (fast 2); expected a class that some of them "
      "have and others lack");
  expect_error([&] { load("r1,train\nr3,train\nr4,validation\n", {"train.choose=last"}); },
               "all 2 recordings to train on have the same labels (odd 2, slow 2); ");
  const auto warned = [&](const std::string& split, const std::string& says) {
    const RecordingSplits data = load(split, {"train.choose_by=macro_f1"});
    return std::ranges::count_if(data.warnings, [&](const std::string& w) { return w.find(says) != w.npos; });
  };
  const std::string train = "r0,train\nr9,train\nr3,train\n";
  EXPECT_EQ(warned(train + "r4,validation\nr6,validation\nr10,test\n",
                   "all 2 recordings to validate with have the same labels (fast 2 and none of 2 other "
                   "classes): their scores do not show whether classes are told apart"),
            1);
  EXPECT_EQ(warned(train + "r4,validation\nr7,validation\nr10,test\n",
                   "all 1 recordings to test with have the same labels (fast 1 and none of 2 other classes)"),
            1);
  EXPECT_EQ(warned(train + "r4,validation\nr7,validation\nr10,test\nr11,test\n", "the same labels"), 0);
  EXPECT_EQ(warned("r9,train\nr3,train\nr4,validation\nr7,validation\n",
                   "all 2 recordings to train on are of class odd: nothing teaches its absence"),
            1);
}

TEST_F(Folder, StopsAtLeaks) {
  const auto stops = [&](const std::string& split, const std::string& says) {
    expect_error([&] { load(split); }, says);
    EXPECT_FALSE(load(split, {"data.allow_leakage=true"}).leaks.empty());
  };
  stops("r0,train\nr7,train\nr1,validation\n", "records r0 (train) and r1 (validation) are one person");
  stops("r0,train\nr7,train\nr0,test\nr2,validation\n", "record r0 is in more than one split");
  write_record(folder_, "r2", 0, true, {"I", "II"});  // makes r2 a copy of r0
  stops("r0,train\nr7,train\nr2,test\nr4,validation\n",
        "signals of record r0 (train) are identical to those of record r2 (test)");
  EXPECT_TRUE(load("r0,train\nr7,train\nr4,validation\n").leaks.empty());
}

// A recording named 201 must not be taken for record 201 of MIT-BIH.
TEST(RecordingLeaks, NamesAreNotThoseOfMitBih) {
  const TemporaryFolder folder;
  write_record(folder, "200", 0, false, {"I", "II"});
  write_record(folder, "201", 1, true, {"I", "II"});
  write_record(folder, "202", 2, true, {"I", "II"});
  folder.write("t.csv", "file,labels\n200,B\n201,A\n202,A\n");
  const auto split = folder.write("s.csv", "200,train\n201,train\n202,validation\n").string();
  EXPECT_TRUE(
      load_recording_splits(table_recipe({"data.protocol=file", "data.split_file=" + split}), folder.path())
          .leaks.empty());
}

// The other limb leads in PTB-XL's files equal those computed from I and II, up to rounding to 1 uV.
TEST(RecordingData, PtbXlAgreesWithItsOwnLimbLeads) {
  const auto data = io::real_data("ptbxl-500");
  if (!data) {
    GTEST_SKIP() << "NOT TESTED on PTB-XL: SEC_DATA is not set";
  }
  const std::string leads = "data.leads=['III','AVR','AVL','AVF']";
  const TemporaryFolder folder;
  const RecordingSignal given =
      read_signal(table_recipe({leads, "data.length=5000"}), *data / "records500/00000/00001_hr");
  io::DigitalRecord two = io::read_digital(*data, "records500/00000/00001_hr");
  two.header.name = "two";
  two.header.signals.resize(2);
  two.signals.resize(2);
  io::write_digital(folder.path(), two);
  const RecordingSignal computed = read_signal(table_recipe({leads, "data.length=5000"}), folder / "two");
  float worst = 0;
  for (std::size_t i = 0; i < given.x.size(); ++i) {
    worst = std::max(worst, std::abs(given.x[i] - computed.x[i]));
  }
  EXPECT_LT(worst, 0.0021F);  // mV; each lead of the file is rounded separately
  EXPECT_GT(*std::ranges::max_element(given.x), 0.1F);
}

}  // namespace
}  // namespace sec::train
