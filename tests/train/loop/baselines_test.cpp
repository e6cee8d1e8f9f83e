// The baseline networks with heartbeats: sequences of beats, recipes, training and files.
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>

#include "io/models/safetensors.h"
#include "model/networks.h"
#include "tests/train/tiny_run.h"
#include "train/loop/model_file.h"
#include "train/loop/trainer.h"
#include "train/streaming/beat_stream.h"

namespace sec::train {
namespace {

using io::error_of;
using io::TemporaryFolder;

const std::vector<std::string> sequences = {"network.model=bircnn", "input.beats=5",
                                            "network.baseline_width=2",
                                            "input.covariates=[\"intervals\", \"rhythm\"]"};

std::vector<std::string> with(std::vector<std::string> overrides, const std::vector<std::string>& more) {
  overrides.insert(overrides.end(), more.begin(), more.end());
  return overrides;
}

struct Made {
  std::vector<float> x, covariates;
};

Made made(const BeatDataset& inputs, ExampleId id) {
  Made m{std::vector<float>(static_cast<std::size_t>(inputs.length() * inputs.leads())),
         std::vector<float>(static_cast<std::size_t>(inputs.covariates()))};
  inputs.make(id, m.x, m.covariates);
  return m;
}

TEST(Sequences, AreTheWindowsAndIntervalsOfTheirBeats) {
  const BeatDataset alone =
      load_beat_splits(tiny_recipe({"input.covariates=[\"intervals\"]"}), tiny_database()).train;
  const BeatDataset five = load_beat_splits(tiny_recipe(sequences), tiny_database()).train;
  ASSERT_EQ(five.length(), 5 * alone.length());
  ASSERT_EQ(five.covariates(), 5 * 2 + 5);
  const auto last = static_cast<std::int32_t>(five.records()[0].beats.size()) - 1;
  for (const std::int32_t beat : {0, 1, 17, last - 1, last}) {
    const Made sequence = made(five, {0, beat});
    auto x = sequence.x.begin();
    auto intervals = sequence.covariates.begin();
    for (int offset = -2; offset <= 2; ++offset) {
      const Made one = made(alone, {0, std::clamp(beat + offset, 0, last)});
      EXPECT_TRUE(std::equal(one.x.begin(), one.x.end(), x)) << beat << ", " << offset;
      EXPECT_TRUE(std::equal(one.covariates.begin(), one.covariates.end(), intervals))
          << beat << ", " << offset;
      x += static_cast<std::ptrdiff_t>(one.x.size());
      intervals += 2;
    }
    for (const RhythmMeasure& measure : parse_measures(Recipe().input.rhythm)) {
      EXPECT_EQ(measure.of(five.records()[0].rhythm[static_cast<std::size_t>(beat)]), *intervals++)
          << "the middle beat's own measures";
    }
  }
}

TEST(Sequences, NeedANetworkAndARecipeThatKnowThem) {
  const auto refusal = [](const std::vector<std::string>& overrides) {
    return error_of([&] { tiny_recipe(overrides); });
  };
  EXPECT_EQ(refusal({"input.beats=3"}), "tiny.toml: input.beats = 3 needs network.model = \"bircnn\"");
  EXPECT_EQ(refusal(with(sequences, {"input.beats=4"})),
            "tiny.toml: input.beats: expected an odd number, so that there is a middle beat, got 4");
  EXPECT_EQ(refusal({"network.model=bircnn"}),
            "tiny.toml: network.model = \"bircnn\" needs \"intervals\" as the first of input.covariates");
  EXPECT_NE(refusal({"network.model=lenet"}).find("network.model: expected one of se-ecgnet, resnet34"),
            std::string::npos);
  EXPECT_EQ(error_of([] { BeatStream(tiny_recipe(sequences), 360); }),
            "this network takes sequences of 5 heartbeats (input.beats), which streams do not support");
}

// Each baseline trains, loads its weights from both file formats, and refuses weights of other networks.
TEST(Baselines, TrainAndKeepTheirWeights) {
  Stream stream;
  for (const std::string model : {"resnet34", "ecgnet", "bircnn"}) {
    const Recipe recipe = tiny_recipe(
        with(model == "bircnn" ? sequences : std::vector<std::string>{},
             {"network.model=" + model, "network.baseline_width=2", "train.epochs=2", "train.rate=0.01"}));
    const BeatSplits data = load_beat_splits(recipe, tiny_database());
    const TemporaryFolder folder;
    TrainerOptions options;
    options.recipe = recipe;
    options.folder = folder.path();
    Trainer trainer(options, data);
    EXPECT_EQ(trainer.run(), TrainingEnd::finished) << model;
    const std::vector<EpochRecord>& history = trainer.progress().history;
    EXPECT_LT(history[1].train_loss, history[0].train_loss) << model;

    const auto best = folder / "best.safetensors";
    const StoredNetwork read = read_model(best, 0, stream);
    Classifier chosen = trainer.load_chosen();
    const std::vector<float> weights = chosen.network.parameters().values().to_vector(stream);
    EXPECT_EQ(read.network->parameters().values().to_vector(stream), weights) << model;
    EXPECT_EQ(read.network->options().model, model);
    EXPECT_EQ(read.network->summary(), chosen.network.summary());

    const auto dict = folder / "dict.safetensors";
    io::write_safetensors(dict, model::to_state_dict(chosen.network, {}, stream));
    Recipe again = recipe;
    again.network.init = dict.string();
    options.recipe = again;
    Trainer started(options, data);
    started.start();
    EXPECT_EQ(started.network().parameters().values().to_vector(stream), weights) << model;

    options.recipe = tiny_recipe({"network.init=" + best.string()});
    EXPECT_NE(error_of([&] {
                Trainer(options, load_beat_splits(options.recipe, tiny_database())).start();
              }).find(": holds " + model::network_title(model) + ", expected SE-ECGNet"),
              std::string::npos);
  }
}

TEST(Baselines, AreNamedOnTheCommandLine) {
  const TemporaryFolder folder;
  const std::string run = (folder / "run").string();
  const std::string command =
      std::string(SECTRAIN) + " --config " + folder.write("r.toml", tiny_recipe_text).string() + " --data " +
      tiny_database().string() + " --set train.epochs=1 --set network.baseline_width=2" + " --quiet --out " +
      run + " 2>" + (folder / "stderr").string() + " --model ";
  const auto status = [&](const std::string& model) {
    return std::system((command + model + " >/dev/null").c_str());
  };
  EXPECT_EQ(WEXITSTATUS(status("lenet")), 2);
  EXPECT_EQ(status("resnet34"), 0) << io::content_of(folder / "stderr");
  EXPECT_EQ(read_recipe((folder / "run" / "recipe.toml").string()).network.model, "resnet34");
  EXPECT_NE(io::content_of(folder / "run" / "report.html").find("ResNet34-1d by the recipe of"),
            std::string::npos);
}

}  // namespace
}  // namespace sec::train
