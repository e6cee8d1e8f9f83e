// Weights in and out, as a user works with them: secmodel, training from a file of weights, and the return to
// the best weights when the learning rate drops.
#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/stream.h"
#include "io/models/safetensors.h"
#include "model/networks.h"
#include "model/state_dict.h"
#include "tests/run_program.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"
#include "train/loop/model_file.h"
#include "train/loop/schedule.h"
#include "train/loop/trainer.h"

namespace sec::train {
namespace {

using io::content_of;
using io::TemporaryFolder;

Outcome secmodel(const TemporaryFolder& folder, const std::string& arguments) {
  return run_program(std::string(SECMODEL) + " " + arguments, folder.path());
}

// A golden file's initial weights as a state dict, its batch as signals, and the expected logits.
struct Sample {
  std::string dict, signals;
  std::vector<float> logits;
};

Sample sample_in(const TemporaryFolder& folder, const std::string& name) {
  const io::SafetensorsFile golden =
      io::read_safetensors(std::string(SEC_GOLDEN) + "/" + name + ".safetensors");
  io::SafetensorsFile dict;
  io::SafetensorsFile signals;
  for (const auto& [key, tensor] : golden.tensors) {
    if (key.starts_with("initial/")) {
      dict.tensors[key.substr(8)] = tensor;
    }
  }
  const io::StoredTensor& x = golden.at("x");
  const auto halves = x.as<bf16>("x");
  const std::vector<float> wide(halves.begin(), halves.end());
  signals.tensors["x"] = io::StoredTensor::of<float>(x.shape, std::span(wide));
  if (golden.tensors.contains("covariates")) {
    signals.tensors["covariates"] = golden.at("covariates");
  }
  const auto logits = golden.at("logits_evaluation").as<float>("logits");
  Sample sample{(folder / "dict.safetensors").string(),
                (folder / "signals.safetensors").string(),
                {logits.begin(), logits.end()}};
  io::write_safetensors(sample.dict, dict);
  io::write_safetensors(sample.signals, signals);
  return sample;
}

// Every command takes a run folder as secinfer does.
TEST(Secmodel, TakesARunFolder) {
  const TemporaryFolder folder;
  const Sample sample = sample_in(folder, "leads2_length720_tied");
  const std::string run = (folder / "run").string();
  std::filesystem::create_directories(run);
  ASSERT_EQ(
      secmodel(folder, "import " + sample.dict + " --length 720 --out " + run + "/best.safetensors").status,
      0);
  for (const std::string command : {"onnx", "export", "import"}) {
    const std::string out = (folder / command).string();
    const Outcome by_folder = secmodel(folder, command + " " + run + " --out " + out);
    EXPECT_EQ(by_folder.status, 0) << command << ": " << by_folder.error;
    const std::string written = content_of(out);
    ASSERT_EQ(secmodel(folder, command + " " + run + "/best.safetensors --out " + out).status, 0);
    EXPECT_TRUE(content_of(out) == written) << command;
  }
  EXPECT_EQ(secmodel(folder, "summary " + run).out,
            secmodel(folder, "summary " + run + "/best.safetensors").out);
  const Outcome none = secmodel(folder, "summary " + folder.path().string());
  EXPECT_EQ(none.status, 1);
  EXPECT_NE(none.error.find("best.safetensors: no such file: expected a run folder"), std::string::npos)
      << none.error;
}

TEST(Secmodel, ImportsPredictsAndExports) {
  const TemporaryFolder folder;
  const Sample sample = sample_in(folder, "leads2_length720_tied");
  const std::string model = (folder / "model.safetensors").string();
  const std::string back = (folder / "back.safetensors").string();
  ASSERT_EQ(secmodel(folder, "import " + sample.dict + " --length 720 --out " + model).status, 0);
  for (const std::string& from : {model, sample.dict}) {
    const Outcome outcome =
        secmodel(folder, "predict " + from + " " + sample.signals + " --json --device cpu");
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    std::istringstream lines(outcome.out);
    std::string line;
    std::size_t i = 0;
    while (std::getline(lines, line)) {
      const auto logits = nlohmann::json::parse(line).at("logits").get<std::vector<double>>();
      for (const double logit : logits) {
        EXPECT_NEAR(logit, sample.logits.at(i), 1e-4 * (1 + std::abs(sample.logits.at(i))));
        ++i;
      }
    }
    EXPECT_EQ(i, sample.logits.size());
  }
  ASSERT_EQ(secmodel(folder, "export " + model + " --out " + back).status, 0);
  const io::SafetensorsFile before = io::read_safetensors(sample.dict);
  const io::SafetensorsFile after = io::read_safetensors(back);
  ASSERT_EQ(after.tensors.size(), before.tensors.size());
  for (const auto& [name, tensor] : before.tensors) {
    EXPECT_TRUE(after.at(name).bytes == tensor.bytes) << name;
  }
  const Outcome summary = secmodel(folder, "summary " + model);
  EXPECT_NE(summary.out.find("block2_list.1.3"), std::string::npos);
  ASSERT_EQ(secmodel(folder, "onnx " + model + " --out " + (folder / "m.onnx").string()).status, 0);
  EXPECT_NE(content_of(folder / "m.onnx").find("BatchNormalization"), std::string::npos);
}

// An ONNX model of sectrain says which leads, rate and classes it has, and how its input and answers are made.
TEST(Secmodel, OnnxSaysWhatTheModelTakesAndGives) {
  const TemporaryFolder folder;
  const std::string model = (folder / "model.safetensors").string();
  const std::string onnx = (folder / "m.onnx").string();
  const auto exported = [&](const train::Recipe& recipe, const std::vector<float>& offsets) {
    train::write_model(model, recipe, offsets);
    const Outcome outcome = secmodel(folder, "onnx " + model + " --out " + onnx);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return content_of(onnx);
  };
  const auto expect = [](const std::string& content, const std::string& key, const std::string& value) {
    // In an entry of two texts of up to 127 bytes, the key is followed by the tag and the length of the value.
    const std::string entry = key + "\x12" + static_cast<char>(value.size()) + value;
    EXPECT_NE(content.find(entry), std::string::npos) << key << " " << value;
  };
  for (const char* network : {"se-ecgnet", "resnet34"}) {
    const train::Recipe recipe =
        train::tiny_recipe({fmt::format("network.model='{}'", network), "network.baseline_width=4"});
    const std::string content = exported(recipe, {0, 0.5F});
    expect(content, "task", "beats");
    expect(content, "classes", R"(["N","V"])");
    expect(content, "leads", R"(["MLII","other"])");
    expect(content, "rate_hz", "120.0");
    expect(content, "logit_offsets", "[0.0,0.5]");
    expect(content, "decision", "the class with the largest logit + logit_offset");
    EXPECT_NE(content.find(R"("wander":"median")"), std::string::npos);
    EXPECT_NE(content.find(train::to_toml(recipe)), std::string::npos);
  }
  const train::Recipe whole = train::parse_recipe(
      "classes = ['A', 'B']\n[data]\ntask = 'recordings'\nsource = 'table'\nlabel_file = 't.csv'\n"
      "protocol = 'hash'\nleads = ['I', 'II']\nlength = 500\n[network]\nwidth = 4\n[loss]\nkind = 'bce'\n",
      "whole.toml", {});
  const std::string content = exported(whole, {0, 0});
  expect(content, "task", "recordings");
  expect(content, "rate_hz", "50.0");
  expect(content, "thresholds", "[0.5,0.5]");
  expect(content, "decision", "every class with logit + logit_offset > 0");

  io::SafetensorsFile signals;
  const std::vector<float> x(2 * 500, 0.1F);
  signals.tensors["x"] = io::StoredTensor::of<float>({1, 2, 500}, std::span(x));
  io::write_safetensors(folder / "signals.safetensors", signals);
  const Outcome predicted = secmodel(
      folder, "predict " + model + " " + (folder / "signals.safetensors").string() + " --json --device cpu");
  ASSERT_EQ(predicted.status, 0) << predicted.error;
  EXPECT_EQ(nlohmann::json::parse(predicted.out)["classes"], nlohmann::json({"A", "B"}));
}

TEST(Secmodel, ReadsARealTianchiRecording) {
  const auto samples = io::real_data("tianchi-hefei/samples");
  if (!samples) {
    GTEST_SKIP() << "NOT TESTED on a real recording: SEC_DATA is not set";
  }
  const TemporaryFolder folder;
  Stream stream;
  StoredNetwork made{
      std::make_unique<model::SeEcgNet>(model::SeEcgNetOptions{8, 2048, 34, 0, 4}, stream, 1), {}, {}};
  const std::string path = (folder / "m.safetensors").string();
  write_model(path, made, stream);
  const Outcome outcome =
      secmodel(folder, "predict " + path + " " + (*samples / "train_2.txt").string() + " --json");
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  EXPECT_EQ(nlohmann::json::parse(outcome.out).at("logits").size(), 34U);
}

// The authors' state dict under its own names: the same logits, and back to the same bits. A model says which unit
// of samples it wants, and predict feeds it.
TEST(Secmodel, ReleasedNamesAndWholeNumbers) {
  const TemporaryFolder folder;
  const auto at = [&](const char* name) { return (folder / name).string(); };
  OwnedStream stream(Device::cpu);
  model::NetworkOptions options;  // of 8 leads, without covariates, which recordings in text form lack
  options.length = 2048;
  options.classes = 5;
  options.width = 8;
  const auto network = model::make_network(options, stream, 3);
  const Sample sample{at("dict"), at("signals"), {}};
  io::write_safetensors(sample.dict, model::to_state_dict(*network, {}, stream));
  std::vector<float> waves(2 * 8 * 2048);
  for (std::size_t i = 0; i < waves.size(); ++i) {
    waves[i] = static_cast<float>(std::sin(0.01 * static_cast<double>(i)));
  }
  io::SafetensorsFile batch;
  batch.tensors["x"] = io::StoredTensor::of<float>({2, 8, 2048}, std::span<const float>(waves));
  io::write_safetensors(sample.signals, batch);
  io::SafetensorsFile released;
  for (const auto& [name, tensor] : io::read_safetensors(sample.dict).tensors) {
    released.tensors[model::released_name(name)] = tensor;
  }
  io::write_safetensors(at("released"), released);
  ASSERT_EQ(secmodel(folder, "import " + at("released") + " --length 2048 --out " + at("model")).status, 0);
  ASSERT_EQ(secmodel(folder, "import " + sample.dict + " --length 2048 --out " + at("plain")).status, 0);
  EXPECT_EQ(secmodel(folder, "predict " + at("released") + " " + sample.signals + " --device cpu").out,
            secmodel(folder, "predict " + sample.dict + " " + sample.signals + " --device cpu").out);
  ASSERT_EQ(secmodel(folder, "export " + at("model") + " --names released --out " + at("back")).status, 0);
  const io::SafetensorsFile back = io::read_safetensors(at("back"));
  ASSERT_EQ(back.tensors.size(), released.tensors.size());
  for (const auto& [name, tensor] : released.tensors) {
    EXPECT_TRUE(back.at(name).bytes == tensor.bytes) << name;
  }

  std::string recording = "I II V1 V2 V3 V4 V5 V6\n";
  std::vector<float> whole(8 * 5000);
  for (std::size_t t = 0; t < 5000; ++t) {
    for (std::size_t h = 0; h < 8; ++h) {
      whole[h * 5000 + t] = static_cast<float>(static_cast<int>((t * (h + 3)) % 201) - 100);
      recording += std::to_string(static_cast<int>(whole[h * 5000 + t])) + (h < 7 ? ' ' : '\n');
    }
  }
  folder.write("r.txt", recording);
  const auto logits = [&](const std::string& arguments) {
    const Outcome outcome = secmodel(folder, "predict --json --device cpu " + arguments);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return outcome.status == 0 ? nlohmann::json::parse(outcome.out)["logits"].get<std::vector<double>>()
                               : std::vector<double>();
  };
  const std::vector<double> raw = logits(at("released") + " --length 5000 " + at("r.txt"));
  io::SafetensorsFile signals;
  signals.tensors["x"] = io::StoredTensor::of<float>({1, 8, 5000}, std::span<const float>(whole));
  io::write_safetensors(at("x.safetensors"), signals);
  const std::vector<double> direct = logits(at("released") + " --length 5000 " + at("x.safetensors"));
  ASSERT_EQ(raw.size(), direct.size());
  for (std::size_t c = 0; c < raw.size(); ++c) {
    // Millivolts times the gain differ from whole numbers by a rounding, which the layers amplify.
    EXPECT_NEAR(raw[c], direct[c], 1e-3 * (1 + std::abs(direct[c])));
  }
  EXPECT_EQ(logits(at("model") + " " + at("r.txt")),
            logits(at("plain") + " --amplitudes raw " + at("r.txt")));
  EXPECT_EQ(logits(at("model") + " --amplitudes millivolts " + at("r.txt")),
            logits(at("plain") + " " + at("r.txt")));
  EXPECT_NE(logits(at("model") + " " + at("r.txt")), logits(at("plain") + " " + at("r.txt")));
  EXPECT_NE(logits(at("model") + " --amplitudes standardised " + at("r.txt")),
            logits(at("model") + " " + at("r.txt")));
  EXPECT_NE(
      secmodel(folder, "summary " + at("model")).out.find("input amplitudes: raw, the file's whole numbers"),
      std::string::npos);
  EXPECT_NE(secmodel(folder, "summary " + at("plain")).out.find("input amplitudes: millivolts"),
            std::string::npos);
  ASSERT_EQ(
      secmodel(folder, "import " + sample.dict + " --amplitudes raw --length 2048 --out " + at("stated"))
          .status,
      0);
  EXPECT_EQ(logits(at("stated") + " " + at("r.txt")), logits(at("model") + " " + at("r.txt")));
  EXPECT_EQ(secmodel(folder, "predict " + at("model") + " --amplitudes volts " + at("r.txt")).status, 2);
}

TEST(Secmodel, RefusesWrongFilesInOneLine) {
  const TemporaryFolder folder;
  const Sample sample = sample_in(folder, "leads2_length720_tied");
  const std::string out = (folder / "out").string();
  const std::string bytes = content_of(sample.dict);
  const auto refused = [&](const std::string& path, const std::string& message) {
    const Outcome outcome = secmodel(folder, "import " + path + " --length 720 --out " + out);
    EXPECT_EQ(outcome.status, 1);
    EXPECT_NE(outcome.error.find("secmodel: " + path + ": " + message), std::string::npos) << outcome.error;
    EXPECT_EQ(std::ranges::count(outcome.error, '\n'), 1) << outcome.error;
    EXPECT_FALSE(std::filesystem::exists(out));
  };
  refused(sample.signals, "not a state dict of SE-ECGNet: missing conv1.weight");
  refused(folder.write("short", bytes.substr(0, bytes.size() / 2)).string(), "tensor '");
  refused(folder.write("header", std::string(7, '\0') + '\x80' + bytes.substr(8)).string(),
          "header of 9223372036854775808 bytes, expected at most");
  io::SafetensorsFile dict = io::read_safetensors(sample.dict);
  dict.tensors["fc.bias"] = io::StoredTensor::of<std::int32_t>({4}, std::vector<std::int32_t>(4));
  io::write_safetensors(folder / "type", dict);
  refused((folder / "type").string(), "does not fit this network: fc.bias is I32 (4), expected F32 (4)");

  dict.metadata = {{"format", "sec weights 1"}, {"network", R"({"name": "LeNet"})"}};
  io::write_safetensors(folder / "kind", dict);
  refused((folder / "kind").string(), "holds a network \"LeNet\" that is not known here");

  const Outcome no_length = secmodel(folder, "import " + sample.dict + " --out " + out);
  EXPECT_EQ(no_length.status, 1);
  EXPECT_NE(no_length.error.find("give --length"), std::string::npos) << no_length.error;
  EXPECT_EQ(secmodel(folder, "import " + sample.dict).status, 2);
  EXPECT_EQ(secmodel(folder, "transmogrify " + sample.dict).status, 2);
  const Outcome other = secmodel(folder, "predict " + sample.dict + " --length 500 " + sample.signals);
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.error.find("2 lead(s) of 720 samples with 2 covariate(s), but"), std::string::npos);
}

// A trainer of the tiny recipe's network on the given data.
Trainer trainer_in(const std::filesystem::path& folder, const Recipe& recipe, const BeatSplits& data) {
  TrainerOptions options;
  options.recipe = recipe;
  options.folder = folder;
  return {options, data};
}

TEST(Init, TrainingStartsFromTheFile) {
  const TemporaryFolder folder;
  const BeatSplits data = load_beat_splits(tiny_recipe(), tiny_database());
  Stream stream;
  Trainer source = trainer_in(folder.path(), tiny_recipe({"seed=9"}), data);
  const std::vector<float> weights = source.network().parameters().values().to_vector(stream);
  const std::string dict = (folder / "dict.safetensors").string();
  io::write_safetensors(dict, model::to_state_dict(source.network(), {}, stream));

  Trainer started = trainer_in(folder.path(), tiny_recipe({"network.init=" + dict}), data);
  EXPECT_NE(started.network().parameters().values().to_vector(stream), weights);
  started.start();
  EXPECT_EQ(started.network().parameters().values().to_vector(stream), weights);

  const TemporaryFolder run;
  const std::string command = std::string(SECTRAIN) + " --config " +
                              folder.write("r.toml", tiny_recipe_text).string() + " --data " +
                              tiny_database().string() + " --set train.epochs=1 --quiet --init ";
  const std::string into = " --out " + (run / "a").string();
  const Outcome begun = run_program(command + dict + into, run.path());
  EXPECT_EQ(begun.status, 0) << begun.error;
  EXPECT_NE(content_of(run / "a" / "recipe.toml").find(dict), std::string::npos);
  const std::string golden = std::string(SEC_GOLDEN) + "/leads2_length720_tied.safetensors";
  EXPECT_EQ(run_program(command + golden + into + " --overwrite", run.path()).status, 1);
}

TEST(StepReload, GoesOnFromTheBestWeights) {
  Recipe::Train options =
      tiny_recipe({"train.schedule=step", "train.step_epochs=[1.0, 2.5]", "train.step_reload=true"}).train;
  EXPECT_TRUE(drops_rate(options, 1));
  EXPECT_FALSE(drops_rate(options, 2));
  options.step_reload = false;
  EXPECT_FALSE(drops_rate(options, 1));

  // The rate drops after the second epoch. If that epoch was worse than the first, training goes on from the
  // first epoch's weights if step_reload is set, else from the second's. A too high rate makes this likely.
  const BeatSplits data = load_beat_splits(tiny_recipe(), tiny_database());
  int tested = 0;
  for (int seed = 4; seed <= 12 && tested < 2; ++seed) {
    for (const bool reload : {true, false}) {
      const TemporaryFolder folder;
      TrainerOptions settings;
      settings.recipe = tiny_recipe({"train.schedule=step", "train.step_epochs=[2.0]", "train.rate=0.05",
                                     "train.average_decay=0", "train.warmup_epochs=0"});
      settings.recipe.train.step_reload = reload;
      settings.recipe.seed = seed;
      settings.folder = folder.path();
      Trainer* running = nullptr;
      settings.on_epoch = [&](const EpochRecord& record) {
        if (record.epoch != 2 || record.best) {
          return;
        }
        Stream stream;
        const std::vector<float> now = running->network().parameters().values().to_vector(stream);
        const io::SafetensorsFile best = io::read_safetensors(folder / "best.safetensors");
        const auto conv = best.at("conv1.weight").as<float>("conv1.weight");  // the first parameters in `now`
        EXPECT_EQ(std::equal(conv.begin(), conv.end(), now.begin()), reload) << "seed " << seed;
        ++tested;
      };
      Trainer trainer(settings, data);
      running = &trainer;
      trainer.run();
    }
  }
  EXPECT_EQ(tested, 2) << "no seed had a second epoch worse than the first";
}

}  // namespace
}  // namespace sec::train
