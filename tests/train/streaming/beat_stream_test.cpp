#include "train/streaming/beat_stream.h"

#include <algorithm>
#include <limits>

#include "io/models/safetensors.h"
#include "io/wfdb/signal.h"
#include "tests/io/beat_match.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {
namespace {

const std::vector<std::string> everything = {
    "input.channels=[\"lead1\",\"lead1-difference\",\"lead2-difference\",\"rhythm\"]",
    "input.rhythm=[\"rr/mean\",\"next/mean\",\"previous/mean\",\"rr/mean32\",\"next/mean10\",\"rr/previous\",\"next/rr\",\"tscore32\"]",
    "input.covariates=[\"rhythm\",\"irregularity\",\"intervals\"]"};

std::vector<std::span<const float>> part_of(const std::vector<std::vector<float>>& signals, std::size_t begin,
                                            std::size_t count) {
  std::vector<std::span<const float>> parts;
  for (const std::vector<float>& signal : signals) {
    parts.push_back(std::span(signal).subspan(begin, std::min(count, signal.size() - begin)));
  }
  return parts;
}

// Pushes a recording in pieces and takes beats as soon as they are ready.
// A beat is added when `ahead` samples after it have been pushed;
// a negative `ahead` adds a beat before its samples.
BeatBatch streamed(const Recipe& recipe, const io::Recording& recording, const std::vector<Beat>& beats,
                   std::size_t piece, std::int64_t late) {
  BeatStream stream(recipe, recording.rate);
  BeatBatch all;
  std::size_t next = 0;
  const auto take = [&] {
    while (stream.ready() > 0) {
      const BeatBatch some = stream.take(7);
      all.samples.insert(all.samples.end(), some.samples.begin(), some.samples.end());
      all.x.insert(all.x.end(), some.x.begin(), some.x.end());
      all.covariates.insert(all.covariates.end(), some.covariates.begin(), some.covariates.end());
    }
  };
  for (std::size_t begin = 0; begin < recording.signals[0].size(); begin += piece) {
    const auto end = static_cast<std::int64_t>(begin + piece);
    for (; next < beats.size() && beats[next].sample + late < end; ++next) {
      stream.add_beat(beats[next].sample);
    }
    stream.push(part_of(recording.signals, begin, piece));
    take();
  }
  for (; next < beats.size(); ++next) {
    stream.add_beat(beats[next].sample);
  }
  stream.finish();
  stream.conclude();
  take();
  return all;
}

// The inputs from a stream are bitwise equal to those of training on the whole record.
// This holds for any size of the pieces and any time of adding beats.
TEST(BeatStream, GivesWhatTrainingSees) {
  for (const char* wander : {"median", "highpass", "none"}) {
    for (const char* rate : {"120", "125", "360"}) {
      std::vector<std::string> keys = everything;
      if (rate == std::string("360")) {
        keys.push_back(
            "data.after=20");  // s: such a window is awaited for longer than samples are kept otherwise
      }
      keys.push_back(std::string("data.wander=") + wander);
      keys.push_back(std::string("data.rate=") + rate);
      const Recipe recipe = tiny_recipe(keys);
      const BeatDataset inputs(recipe, {load_record(tiny_database(), "208", recipe)});
      const io::Recording recording = io::read_record(tiny_database(), "208");
      const std::vector<Beat>& beats = inputs.records()[0].beats;
      ASSERT_GT(beats.size(), 40U);
      const auto cells = static_cast<std::size_t>(inputs.length() * inputs.leads());
      const auto k = static_cast<std::size_t>(inputs.covariates());
      PinnedVector<float> x(beats.size() * cells);
      PinnedVector<float> covariates(beats.size() * k);
      for (std::size_t i = 0; i < beats.size(); ++i) {
        inputs.make({0, static_cast<std::int32_t>(i)}, {&x[i * cells], cells}, {&covariates[i * k], k});
      }
      for (const auto& [piece, late] : std::vector<std::pair<std::size_t, std::int64_t>>{
               {1, 150}, {97, 0}, {3600, 3000}, {1000, -5000}, {1000000, 0}}) {
        const BeatBatch batch = streamed(recipe, recording, beats, piece, late);
        ASSERT_EQ(batch.samples.size(), beats.size()) << wander << ' ' << piece;
        EXPECT_TRUE(batch.x == x) << wander << ' ' << rate << ' ' << piece;
        EXPECT_TRUE(batch.covariates == covariates) << wander << ' ' << rate << ' ' << piece;
      }
    }
  }
}

TEST(BeatStream, WaitsForTheNextBeatUnlessToldNotTo) {
  const Recipe recipe = tiny_recipe();
  const io::Recording recording = io::read_record(tiny_database(), "100");
  BeatStream stream(recipe, recording.rate);
  stream.push(part_of(recording.signals, 0, 3600));
  stream.add_beat(500);
  stream.add_beat(800);
  EXPECT_EQ(stream.ready(), 1U);
  stream.conclude();
  EXPECT_EQ(stream.ready(), 2U);
  EXPECT_EQ(stream.take(10).samples, (std::vector<std::int64_t>{500, 800}));
  stream.add_beat(1100);  // the beat before it has already been taken
  EXPECT_EQ(stream.ready(), 0U);
  stream.add_beat(1400);
  EXPECT_EQ(stream.take(10).samples, (std::vector<std::int64_t>{1100}));
  io::expect_error([&] { stream.add_beat(1000); }, "a beat at sample 1000 after a beat at 1400");
  io::expect_error([&] { stream.push(part_of({recording.signals[0]}, 0, 10)); },
                   "samples of 1 leads, but the network reads 2");
}

TEST(LeadFilter, HoldsInvalidSamples) {
  Recipe recipe = tiny_recipe({"data.wander=none", "data.rate=360"});
  const float none = std::numeric_limits<float>::quiet_NaN();
  const auto filtered = [&](const std::vector<float>& samples) {
    LeadFilter filter(recipe.data, 360);
    std::vector<float> output;
    filter.push(samples, output);
    filter.finish(output);
    return output;
  };
  EXPECT_EQ(filtered({none, none, 2, none, 3, none}), (std::vector<float>{2, 2, 2, 2, 3, 3}));
  EXPECT_EQ(filtered({none, none}), (std::vector<float>{0, 0}));
  std::vector<float> late(3700,
                          none);  // without a valid sample within ten seconds the signal is 0 from the start
  late.back() = 5;
  std::vector<float> expected(3700, 0.0F);
  expected.back() = 5;
  EXPECT_EQ(filtered(late), expected);
}

// The classifier finds the beats in raw samples.
// Each beat has the class that the network predicts for the whole record at the same R peaks.
TEST(StreamClassifier, FindsAndClassifies) {
  const io::TemporaryFolder folder;
  const Recipe recipe = tiny_recipe(everything);
  write_model(folder / "best.safetensors", recipe, {0.1F, -0.2F});
  Model model(folder.path(), Device::cpu);
  const io::Recording recording = io::read_record(tiny_database(), "100");
  StreamOptions options;
  options.rate = recording.rate;
  options.batch = 16;
  StreamClassifier classifier(model, options);
  std::vector<ClassifiedBeat> found;
  for (std::size_t begin = 0; begin < recording.signals[0].size(); begin += 1234) {
    classifier.push(part_of(recording.signals, begin, 1234), found);
  }
  classifier.finish(found);

  BeatRecord record = load_record(tiny_database(), "100", recipe);
  std::vector<std::int64_t> peaks;
  std::vector<io::Annotation> annotated;
  for (const Beat& beat : record.beats) {
    annotated.push_back({beat.sample, 1, 0, 0, 0, ""});
  }
  record.beats.clear();
  for (const ClassifiedBeat& beat : found) {
    peaks.push_back(beat.sample);
    record.beats.push_back({beat.sample, io::resampled_position(beat.sample, {1, 3}), 0, 0});
  }
  const io::BeatMatch match = io::match_beats(annotated, peaks, recording.rate, 0);
  EXPECT_GT(match.found, 50);
  EXPECT_LE(match.missed + match.extra, 1);

  describe_beats(record, recipe);
  const BeatDataset inputs(recipe, {record});
  Classifier whole = model.classifier();
  const Prediction prediction = predict(whole, inputs, inputs.beats(true));
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].label, prediction.labels[i]);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_EQ(found[i].logits[c], prediction.logits[2 * i + c]);
    }
  }
}

TEST(Model, RefusesWhatDoesNotFit) {
  const io::TemporaryFolder folder;
  const Recipe recipe = tiny_recipe();
  io::expect_error([&] { Model(folder.path(), Device::cpu); }, "best.safetensors: no such file");
  io::expect_error([&] { Model(folder / "none", Device::cpu); }, "none: no such file");
  write_model(folder / "best.safetensors", recipe, {0});
  io::expect_error([&] { Model(folder.path(), Device::cpu); }, "a number for each of 2 classes");
  write_model(folder / "best.safetensors", recipe, {0, 0});
  EXPECT_EQ(Model(folder.path(), Device::cpu).file(), folder / "best.safetensors");
  EXPECT_EQ(Model(folder / "best.safetensors", Device::cpu).file(), folder / "best.safetensors");
  io::SafetensorsFile file = io::read_safetensors(folder / "best.safetensors");
  const io::SafetensorsFile good = file;
  file.metadata["recipe"] = to_toml(tiny_recipe({"network.width=8"}));
  io::write_safetensors(folder / "best.safetensors", file);
  io::expect_error([&] { Model(folder.path(), Device::cpu); }, "its recipe describes");
  file = good;
  file.tensors.erase(file.tensors.begin());
  io::write_safetensors(folder / "best.safetensors", file);
  io::expect_error([&] { Model(folder.path(), Device::cpu); }, "does not fit this network: ");
}

}  // namespace
}  // namespace sec::train
