// The parts of a page's data: arrays, contributions, filters, gates, and the beat before it becomes an input.
#include "train/inspect/page_data.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <set>

#include "engine/philox.h"
#include "io/models/half.h"
#include "model/networks.h"
#include "tests/io/files.h"
#include "tests/train/tiny_run.h"
#include "train/data/beat_dataset.h"
#include "train/inspect/arrays.h"
#include "train/inspect/what_if.h"
#include "train/inspect/window.h"

namespace sec::train {
namespace {

std::uint16_t to_half(float value) {
  return io::f16(value).bits;
}

float from_half(std::uint16_t bits) {
  io::f16 half;
  half.bits = bits;
  return static_cast<float>(half);
}

std::string bytes_of(const std::string& text) {
  static const std::string letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  unsigned bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') {
      break;
    }
    bits = bits << 6U | static_cast<unsigned>(letters.find(c));
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<char>(bits >> static_cast<unsigned>(count) & 0xFFU));
    }
  }
  return bytes;
}

// The values of an array, as a page reads them.
std::vector<double> values_of(const io::Json& array) {
  const std::string bytes = bytes_of(array.at("data").get<std::string>());
  const std::string type = array.at("dtype").get<std::string>();
  const double scale = array.contains("scale") ? array.at("scale").get<double>() : 1;
  const double offset = array.contains("offset") ? array.at("offset").get<double>() : 0;
  const std::size_t size = type == "f32" ? 4 : type == "u8" ? 1 : 2;
  std::vector<double> values;
  for (std::size_t i = 0; i < bytes.size(); i += size) {
    std::uint32_t raw = 0;
    for (std::size_t j = size; j-- > 0;) {
      raw = raw << 8U | static_cast<unsigned char>(bytes[i + j]);
    }
    const double value = type == "f32"   ? static_cast<double>(std::bit_cast<float>(raw))
                         : type == "f16" ? static_cast<double>(from_half(static_cast<std::uint16_t>(raw)))
                         : type == "i16" ? static_cast<double>(static_cast<std::int16_t>(raw))
                                         : static_cast<double>(raw);
    values.push_back(value * scale + offset);
  }
  return values;
}

// RFC 4648, section 10.
TEST(Arrays, Base64) {
  EXPECT_EQ(base64(""), "");
  EXPECT_EQ(base64("f"), "Zg==");
  EXPECT_EQ(base64("fo"), "Zm8=");
  EXPECT_EQ(base64("foo"), "Zm9v");
  EXPECT_EQ(base64("foob"), "Zm9vYg==");
  EXPECT_EQ(base64("fooba"), "Zm9vYmE=");
  EXPECT_EQ(base64("foobar"), "Zm9vYmFy");
}

// Values of IEEE 754 binary16 from its definition.
TEST(Arrays, HalfPrecision) {
  EXPECT_EQ(to_half(0), 0x0000);
  EXPECT_EQ(to_half(-0.0F), 0x8000);
  EXPECT_EQ(to_half(1), 0x3C00);
  EXPECT_EQ(to_half(-2), 0xC000);
  EXPECT_EQ(to_half(65504), 0x7BFF);
  EXPECT_EQ(to_half(65519), 0x7BFF);
  EXPECT_EQ(to_half(65520), 0x7C00);
  EXPECT_EQ(to_half(INFINITY), 0x7C00);
  EXPECT_EQ(to_half(-INFINITY), 0xFC00);
  EXPECT_EQ(to_half(NAN) & 0x7C00, 0x7C00);
  EXPECT_NE(to_half(NAN) & 0x03FF, 0);
  EXPECT_EQ(to_half(0x1p-14F), 0x0400);
  EXPECT_EQ(to_half(0x1p-24F), 0x0001);
  EXPECT_EQ(to_half(0x1p-25F), 0x0000);      // a tie goes to even
  EXPECT_EQ(to_half(0x1.8p-24F), 0x0002);    // a tie goes to even
  EXPECT_EQ(to_half(1 + 0x1p-11F), 0x3C00);  // a tie goes to even
  EXPECT_EQ(to_half(1 + 0x3p-11F), 0x3C02);  // a tie goes to even
  EXPECT_EQ(to_half(0x1.FFFp0F), 0x4000);    // the carry goes into the exponent
  EXPECT_EQ(to_half(0x1.FFEp-15F), 0x0400);  // from the largest subnormal to the smallest normal number
  for (std::uint32_t bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    if ((half & 0x7C00) != 0x7C00 || (half & 0x03FF) == 0) {
      ASSERT_EQ(to_half(from_half(half)), half);
    }
  }
}

TEST(Arrays, EveryTypeIsReadBack) {
  const std::vector<float> values = {-1.5F, 0.25F, 3, 0.1F, -0.7F, 2};
  for (const auto& [json, tolerance] : {std::pair{f32_array(values, {2, 3}), 0.0},
                                        {f16_array(values, {2, 3}), 1e-3},
                                        {u8_array(values, {2, 3}), 4.5 / 255 / 2 + 1e-6},
                                        {i16_array(values, {2, 3}), 3.0 / 32767}}) {
    EXPECT_EQ(json.at("shape").get<std::vector<int>>(), (std::vector<int>{2, 3}));
    const std::vector<double> read = values_of(json);
    ASSERT_EQ(read.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_NEAR(read[i], values[i], tolerance) << json.at("dtype").get<std::string>();
    }
  }
  const std::vector<double> gap = values_of(i16_array(std::vector<float>{1, NAN}, {2}));
  EXPECT_NEAR(gap[1], -32768.0 / 32767, 1e-9);
  EXPECT_NE(io::error_of([&] { f32_array(values, {7}); }), "");
}

// The filter (1, -1) differentiates: its gain at the angle w is 2 sin(w / 2).
TEST(PageData, TheGainOfAFilter) {
  Stream stream;
  model::NetworkOptions o;
  o.leads = 1;
  o.length = 100;
  o.classes = 2;
  o.width = 2;
  const auto network = model::make_network(o, stream, 1);
  layers::Parameter& stem = network->parameters().parameters().front();  // (50, 1, 2)
  std::vector<float> w(100);
  w[2 * 7 + 1] = 1;
  w[2 * 8 + 1] = -1;
  stem.value.assign(stream, w);
  const NetworkInput input{1, std::vector<float>(100), {}};
  const Observation observation = observe(*network, stream, input, std::vector<float>{1, 0});
  const io::Json json = stem_json(observation, stream, 250);
  const auto hz = json.at("response").at("hz").get<std::vector<double>>();
  const std::vector<double> gain = values_of(json.at("response").at("gain"));
  ASSERT_EQ(gain.size(), 2 * hz.size());
  EXPECT_EQ(hz.back(), 125);
  for (std::size_t i = 0; i < hz.size(); ++i) {
    EXPECT_EQ(gain[i], 0);
    EXPECT_NEAR(gain[hz.size() + i], 2 * std::sin(3.141592653589793 * hz[i] / 250), 1e-5);
  }
}

TEST(PageData, UsualGatesAreMeansOverAClass) {
  GatesAndFeatures reference;
  reference.gates = {{1, 2, 3, 4, 5, 9},
                     {0.5F, 0.25F, 0.75F}};  // of three inputs, with two channels and with one
  const std::vector<int> labels = {0, 1, 0};
  const auto usual = usual_gates(reference, labels, 0, "N");
  ASSERT_TRUE(usual);
  EXPECT_EQ(usual->values, (std::vector<std::vector<float>>{{3, 5.5F}, {0.625F}}));
  EXPECT_FALSE(usual_gates(reference, labels, 2, "V"));
}

// Strips of a node: bins of mean magnitude, least and largest value, computed here again from the observation.
TEST(PageData, StripsAndMapsFollowTheActivations) {
  Stream stream;
  model::NetworkOptions o;
  o.leads = 2;
  o.length = 1000;
  o.classes = 2;
  o.width = 4;
  const auto network = model::make_network(o, stream, 1);
  NetworkInput input{1, {}, {}};
  for (std::uint64_t i = 0; i < 2000; ++i) {
    input.x.push_back(2 * uniform({5, 0, 0}, i) - 1);
  }
  const Observation observation = observe(*network, stream, input, std::vector<float>{1, 0});
  const io::Json nodes = nodes_json(observation, 250, true);
  const ObservedNode& conv = observation.node("conv1");  // (1, 476, 2, 4)
  const io::Json& json = nodes.element(1);
  EXPECT_EQ(json.at("name").get<std::string>(), "conv1");
  EXPECT_NEAR(json.at("field").at("size_ms").get<double>(), 200, 1e-9);
  EXPECT_EQ(json.at("bytes").get<int>(), 476 * 2 * 4 * 4);
  const std::vector<double> mean = values_of(json.at("strip").at("mean"));
  const std::vector<double> high = values_of(json.at("strip").at("max"));
  const std::vector<double> map = values_of(json.at("maps"));
  ASSERT_EQ(mean.size(), 200U);
  ASSERT_EQ(map.size(), 800U);
  double norm = 0;
  for (const float g : conv.gradient) {
    norm += static_cast<double>(g) * g;
  }
  EXPECT_NEAR(json.at("gradient_norm").get<double>(), std::sqrt(norm), 1e-9);
  for (const std::int64_t bin : {0, 77, 199}) {
    const std::int64_t begin = bin * 476 / 200;
    const std::int64_t end = (bin + 1) * 476 / 200;
    double sum = 0;
    double most = -INFINITY;
    double channel = 0;
    for (std::int64_t i = begin * 8; i < end * 8; ++i) {
      const double value = conv.values[static_cast<std::size_t>(i)];
      sum += std::abs(value);
      most = std::max(most, value);
      channel += i % 4 == 3 ? value : 0;
    }
    EXPECT_NEAR(mean[static_cast<std::size_t>(bin)], sum / static_cast<double>((end - begin) * 8), 1e-3);
    EXPECT_NEAR(high[static_cast<std::size_t>(bin)], most, 2e-3);
    EXPECT_NEAR(map[static_cast<std::size_t>(bin * 4 + 3)], channel / static_cast<double>((end - begin) * 2),
                0.01);
  }
}

class InspectedBeat : public testing::Test {
 protected:
  InspectedBeat() : dataset_(recipe_, {load_any_record(tiny_database() / "106", recipe_)}) {}

  const Recipe recipe_ = tiny_recipe();
  const BeatDataset dataset_;
};

TEST_F(InspectedBeat, IsWhatTheDatasetMakes) {
  const BeatDataset trained(recipe_, {load_record(tiny_database(), "106", recipe_)});
  for (const ExampleId id : {ExampleId{0, 0}, ExampleId{0, 20}, ExampleId{0, 41}}) {
    const InspectedInput inspected = inspected_beat(dataset_, id, recipe_);
    EXPECT_EQ(inspected.input.x, inputs_of(trained, {&id, 1}).x);
    EXPECT_EQ(inspected.input.covariates, inputs_of(trained, {&id, 1}).covariates);
    EXPECT_EQ(inspected.covariates.size(), inspected.input.covariates.size());
    EXPECT_EQ(inspected.reference, io::beat_class_names[static_cast<std::size_t>(trained.beat(id).aami)]);
  }
}

// The usual beat: no difference from itself, and a rhythm without prematurity.
TEST_F(InspectedBeat, TheUsualBeatIsInTime) {
  const InspectedInput inspected = inspected_beat(dataset_, {0, 30}, recipe_);
  ASSERT_TRUE(inspected.usual);
  const std::size_t channels = inspected.channels.size();
  ASSERT_EQ(channels, 3U);
  EXPECT_EQ(inspected.channels[1].kind, "difference");
  EXPECT_TRUE(inspected.channels[2].is_rhythm());
  for (std::size_t i = 0; i < inspected.usual->x.size(); i += channels) {
    EXPECT_EQ(inspected.usual->x[i + 1], 0);
  }
  // In time every interval is the mean, so all measures are 0.
  for (std::size_t t = 0; t < inspected.usual->x.size() / channels; ++t) {
    EXPECT_EQ(inspected.usual->x[t * channels + 2], 0) << t;
  }
  for (std::size_t k = 0; k < inspected.usual->covariates.size(); ++k) {
    const bool is_interval =
        inspected.covariates[k].find('/') != std::string::npos;  // the irregularity is kept
    EXPECT_EQ(inspected.usual->covariates[k], is_interval ? 0 : inspected.input.covariates[k])
        << inspected.covariates[k];
  }
}

TEST_F(InspectedBeat, NearestToATime) {
  const BeatRecord& record = dataset_.records().front();
  const auto seconds = [&](std::size_t i) {
    return static_cast<double>(record.beats[i].sample) / record.source_rate;
  };
  EXPECT_EQ(beat_near(record, seconds(12) + 0.05, "r"), 12U);
  EXPECT_EQ(beat_near(record, (0.4 * seconds(12) + 0.6 * seconds(13)), "r"), 13U);
  io::expect_error([&] { beat_near(record, 61, "r"); }, "r: 61 s is outside the recording, which has 60 s");
  io::expect_error([&] { beat_near(record, -1, "r"); }, "outside");
  BeatRecord sparse = record;
  sparse.beats.resize(3);
  io::expect_error([&] { beat_near(sparse, 30, "r"); }, "no beat within 2 s of 30 s, the nearest is at");
}

TEST_F(InspectedBeat, BeatsAreFoundIfAsked) {
  const BeatRecord found = load_any_record(tiny_database() / "106", recipe_, true);
  const BeatRecord& annotated = dataset_.records().front();
  // Of a clean generated record the detector finds nearly every beat within 50 ms.
  int matched = 0;
  for (const Beat& beat : annotated.beats) {
    matched += std::ranges::any_of(
        found.beats, [&](const Beat& other) { return std::abs(other.sample - beat.sample) < 18; });
  }
  EXPECT_GT(matched, static_cast<int>(annotated.beats.size() * 9 / 10));
  EXPECT_EQ(found.beats.front().aami, -1);
  EXPECT_EQ(found.beats.front().label, -1);
  EXPECT_EQ(found.rhythm.size(), found.beats.size());
}

// The page makes the input from these data; here present() does.
TEST_F(InspectedBeat, TheWhatIfDataMakeTheInput) {
  const std::size_t index = 25;
  const io::Json json = beat_json(dataset_.records().front(), index, recipe_);
  const auto to_floats = [](const std::vector<double>& values) {
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> windows = to_floats(values_of(json.at("windows")));
  const std::vector<float> templates = to_floats(values_of(json.at("templates")));
  const auto amplitudes = json.at("amplitudes").get<std::vector<float>>();
  const BeatRhythm& rhythm = dataset_.records().front().rhythm[index];
  EXPECT_EQ(json.at("rhythm").at("mean10").get<double>(), rhythm.mean10);
  EXPECT_EQ(json.at("rhythm").at("spread32").get<double>(), rhythm.spread32);
  EXPECT_EQ(json.at("measures").get<std::vector<std::string>>(), recipe_.input.rhythm);
  const InspectedInput inspected = inspected_beat(dataset_, {0, static_cast<std::int32_t>(index)}, recipe_);
  std::vector<float> x(inspected.input.x.size());
  present({windows, amplitudes, templates, rhythm}, recipe_.input, dataset_.channels(), x);
  EXPECT_EQ(x, inspected.input.x);
}

TEST(Rhythm, EveryCovariateHasAName) {
  const std::vector<std::string> measures = {"rr/mean", "next/mean32", "tscore32"};
  for (const std::vector<std::string>& groups :
       {std::vector<std::string>{"rhythm"}, {"intervals"}, {"irregularity"}, {"intervals", "rhythm"}}) {
    for (const std::int64_t beats : {1, 3}) {
      EXPECT_EQ(std::ssize(covariate_names(groups, measures, beats)),
                covariate_count(groups, measures.size(), beats));
    }
  }
  EXPECT_EQ(covariate_names({"rhythm"}, measures), measures);
}

TEST(WhatIf, ChangesTouchOneThingEach) {
  InspectedInput inspected;
  inspected.input = {1, {1, 2, 3, 4, 5, 6}, {7}};
  inspected.channels = {{"I", "lead", 0}, {"rhythm", "rhythm", -1}};
  inspected.covariates = {"age"};
  const std::vector<Change> changes = changes_of(inspected);
  ASSERT_EQ(changes.size(), 6U);
  EXPECT_EQ(changes[0].name, "I removed");
  EXPECT_EQ(changes[0].input.x, (std::vector<float>{0, 2, 0, 4, 0, 6}));
  EXPECT_EQ(changes[1].input.x, (std::vector<float>{0.5F, 2, 1.5F, 4, 2.5F, 6}));
  EXPECT_EQ(changes[2].input.x, (std::vector<float>{2, 2, 6, 4, 10, 6}));
  EXPECT_EQ(changes[3].input.x, (std::vector<float>{1, 0, 3, 0, 5, 0}));
  EXPECT_NE(changes[4].input.x[0], 1);
  EXPECT_EQ(changes[4].input.x[1], 2);
  EXPECT_EQ(changes[5].input.covariates, (std::vector<float>{0}));
}

}  // namespace
}  // namespace sec::train
