// Attribution on a network that sectrain trained here, within seconds, on generated recordings with premature beats.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/stream.h"
#include "io/synthetic/database.h"
#include "tests/io/files.h"
#include "tests/run_program.h"
#include "train/data/beat_dataset.h"
#include "train/data/patient.h"
#include "train/inspect/window.h"
#include "train/loop/checkpoint.h"
#include "train/loop/model_file.h"

namespace sec::train {
namespace {

constexpr const char* recipe_text = R"(
title = "premature beats"
classes = ["N", "S", "V"]
[data]
train = ["s00001", "s00002", "s00003", "s00004", "s00005"]
validation = ["s00006"]
test = ["s00007"]
before = 0.55
after = 0.65
[input]
channels = ["lead1-difference", "rhythm"]
covariates = ["rhythm"]
past_beats = 16
[network]
width = 8
[sampler]
kind = "weighted"
epoch_samples = 480
[train]
epochs = 4
batch = 16
rate = 3e-3
warmup_epochs = 0.5
clip_norm = 2.0
average_decay = 0.9
)";

// One training for all tests.
struct Training {
  io::TemporaryFolder folder;
  std::string error;

  Training() {
    io::SyntheticOptions options;
    options.minutes = 4;
    options.seed = 3;
    options.count = 7;
    options.mix = io::ClassMix{0.8, 0.12, 0.08, 0, 0};
    io::write_synthetic_database(folder / "data", options);
    folder.write("recipe.toml", recipe_text);
    const Outcome run =
        run_program(std::string(SECTRAIN) + " --quiet --config " + (folder / "recipe.toml").string() +
                        " --data " + (folder / "data").string() + " --out " + (folder / "run").string(),
                    folder.path());
    error = run.status == 0 ? "" : run.error;
  }
};

class TrainedNetwork : public testing::Test {
 protected:
  void SetUp() override {
    static const Training run;
    ASSERT_EQ(run.error, "");
    file_ = weights_file(run.folder / "run");
    recipe_ = read_weights_info(file_).recipe;
    network_ = read_model(file_, 0, stream_).network;
    dataset_.emplace(recipe_, std::vector<BeatRecord>{load_any_record(run.folder / "data/s00006", recipe_)});
  }

  int decided(const NetworkInput& input) {
    const std::vector<float> logits = logits_of(*network_, stream_, input);
    return static_cast<int>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  // Some beats of each class that the network puts into it.
  std::vector<ExampleId> beats_of(int label, std::size_t most) {
    std::vector<ExampleId> found;
    for (const ExampleId id : dataset_->beats()) {
      if (found.size() < most && dataset_->label(id) == label &&
          decided(inputs_of(*dataset_, {&id, 1})) == label) {
        found.push_back(id);
      }
    }
    return found;
  }

  // The magnitude of the attributions of rhythm inputs as a share of all.
  static double rhythm_share(const InspectedInput& inspected, const Attribution& attribution) {
    double rhythm = 0;
    double all = 0;
    const std::size_t channels = inspected.channels.size();
    for (std::size_t i = 0; i < attribution.x.size(); ++i) {
      all += std::abs(static_cast<double>(attribution.x[i]));
      rhythm +=
          inspected.channels[i % channels].is_rhythm() ? std::abs(static_cast<double>(attribution.x[i])) : 0;
    }
    for (const float value : attribution.covariates) {
      all += std::abs(static_cast<double>(value));
      rhythm += std::abs(static_cast<double>(value));
    }
    return rhythm / all;
  }

  Stream stream_;
  std::filesystem::path file_;
  Recipe recipe_;
  std::unique_ptr<model::Network> network_;
  std::optional<BeatDataset> dataset_;
};

TEST_F(TrainedNetwork, GradientsSumToTheDifferenceAndRandomWeightsGiveAnotherPicture) {
  std::vector<ExampleId> beats;
  for (const int label : {0, 1, 2}) {
    const std::vector<ExampleId> some = beats_of(label, 2);
    EXPECT_FALSE(some.empty()) << label;
    beats.insert(beats.end(), some.begin(), some.end());
  }
  for (const ExampleId id : beats) {
    const InspectedInput inspected = inspected_beat(*dataset_, id, recipe_);
    const Target target = target_for(dataset_->label(id), 3);
    for (const NetworkInput* baseline : {&inspected.flat, &*inspected.usual}) {
      const Attribution attribution =
          integrated_gradients(*network_, stream_, inspected.input, *baseline, target, {.most_steps = 4096});
      EXPECT_LE(attribution.completeness_error(), 0.01) << id.beat;
      const RandomisedWeights random = randomised_weights(network_->options(), stream_, inspected.input,
                                                          *baseline, target, attribution, 3);
      EXPECT_LT(std::abs(random.correlation), 0.3) << id.beat;
    }
  }
}

// A beat with the patient's usual shape that only comes early: what makes it S is the rhythm, by both methods.
TEST_F(TrainedNetwork, OfABeatThatOnlyComesEarlyTheRhythmDecides) {
  const std::vector<ExampleId> beats = beats_of(0, 12);
  ASSERT_GE(beats.size(), 6U);
  int called_s = 0;
  for (const ExampleId id : beats) {
    InspectedInput inspected = inspected_beat(*dataset_, id, recipe_);
    const auto index = static_cast<std::size_t>(id.beat);
    const BeatRecord& record = dataset_->record(id);
    BeatRhythm early = undisturbed(record.rhythm[index]);
    early.rr = early.interval = 0.6 * early.mean;
    early.next = 1.3 * early.mean;
    const auto length = static_cast<std::size_t>(recipe_.window_length());
    const std::size_t leads = record.signals.size();
    std::vector<float> windows(leads * length);
    for (std::size_t lead = 0; lead < leads; ++lead) {
      cut_window(record.signals[lead], record.beats[index].centre - recipe_.window_before(),
                 std::span(windows).subspan(lead * length, length));
    }
    present({windows,
             {&record.amplitudes[index * leads], leads},
             {&record.templates[index * leads * length], leads * length},
             early},
            recipe_.input, dataset_->channels(), inspected.input.x);
    inspected.input.covariates =
        covariates_of({&early, 1}, recipe_.input.covariates, parse_measures(recipe_.input.rhythm));
    if (decided(inspected.input) != 1) {
      continue;
    }
    ++called_s;
    const Target target = target_for(1, 3);
    for (const NetworkInput* baseline : {&inspected.flat, &*inspected.usual}) {
      EXPECT_GT(rhythm_share(inspected,
                             integrated_gradients(*network_, stream_, inspected.input, *baseline, target)),
                0.5);
      EXPECT_GT(rhythm_share(inspected, occlusion(*network_, stream_, inspected.input, *baseline, target,
                                                  inspected.patches)),
                0.5);
    }
  }
  EXPECT_GT(called_s, static_cast<int>(beats.size() / 2));
}

}  // namespace
}  // namespace sec::train
