#include "train/data/loader.h"

#include <algorithm>
#include <cmath>

#include "io/wfdb/annotation.h"
#include "tests/train/tiny_run.h"
#include "train/data/beat_splits.h"

namespace sec::train {
namespace {

using io::error_of;

BeatDataset tiny_inputs(const Recipe& recipe) {
  return BeatDataset(recipe, load_records(tiny_database(), std::vector<std::string>{"106", "208"}, recipe));
}

TEST(BeatDataset, WindowHoldsTheLeadAroundTheBeat) {
  const Recipe recipe = tiny_recipe({"input.channels=[\"lead1\"]", "input.normalise=false", "input.clip=0"});
  const BeatDataset inputs = tiny_inputs(recipe);
  for (const ExampleId id : {ExampleId{0, 0}, ExampleId{0, 20}, ExampleId{1, 30}}) {
    std::vector<float> x(static_cast<std::size_t>(inputs.length()));
    std::vector<float> covariates(static_cast<std::size_t>(inputs.covariates()));
    inputs.make(id, x, covariates);
    const std::vector<float>& signal = inputs.record(id).signals[0];
    const std::int64_t centre = inputs.beat(id).centre;
    EXPECT_EQ(centre, std::llround(static_cast<double>(inputs.beat(id).sample) / 3));  // 360 -> 120 Hz
    for (std::int64_t t = 0; t < inputs.length(); ++t) {
      const std::int64_t at = std::clamp<std::int64_t>(centre - recipe.window_before() + t, 0,
                                                       static_cast<std::int64_t>(signal.size()) - 1);
      ASSERT_EQ(x[static_cast<std::size_t>(t)], signal[static_cast<std::size_t>(at)]);
    }
  }
}

// The description of the patient is causal: later beats must not change the input of a beat.
TEST(BeatDataset, AmplitudeAndTemplateComeFromThePast) {
  const Recipe recipe = tiny_recipe();
  BeatRecord record = load_record(tiny_database(), "106", recipe);
  const BeatRecord whole = record;
  const std::size_t kept = 40;
  record.beats.resize(kept);
  describe_beats(record, recipe);
  EXPECT_TRUE(std::equal(record.amplitudes.begin(), record.amplitudes.end(), whole.amplitudes.begin()));
  EXPECT_TRUE(std::equal(record.templates.begin(), record.templates.end(), whole.templates.begin()));
}

TEST(BeatDataset, AmplitudeIsTheMedianOfPastPeakToPeaks) {
  const Recipe recipe = tiny_recipe({"input.long_beats=false", "input.past_beats=5"});
  const BeatRecord record = load_record(tiny_database(), "106", recipe);
  for (const std::size_t i : {3U, 5U, 20U}) {
    std::vector<float> sizes;
    for (std::size_t j = i - std::min<std::size_t>(i, 5); j < i; ++j) {
      const std::vector<float>& s = record.signals[1];
      const auto centre = s.begin() + record.beats[j].centre;
      sizes.push_back(*std::max_element(centre - 12, centre + 13) -
                      *std::min_element(centre - 12, centre + 13));
    }
    std::sort(sizes.begin(), sizes.end());
    EXPECT_FLOAT_EQ(record.amplitudes[i * 2 + 1], sizes[sizes.size() / 2]) << i;
  }
}

TEST(BeatDataset, UnknownChannelsAndLeadsAreNamed) {
  EXPECT_NE(error_of([] { tiny_inputs(tiny_recipe({"input.channels=['lead3']"})); }).find("\"lead3\""),
            std::string::npos);
  EXPECT_NE(error_of([] { tiny_inputs(tiny_recipe({"data.leads=['V9']"})); }).find("V9"), std::string::npos);
  EXPECT_NE(
      error_of([] { tiny_inputs(tiny_recipe({"data.leads=['MLII','other','other']"})); }).find("106.hea"),
      std::string::npos);
}

bool same(const Batch& a, const Batch& b) {
  return a.step == b.step && a.x == b.x && a.covariates == b.covariates && a.labels == b.labels;
}

TEST(Loader, BatchesDependOnSeedAndStepAlone) {
  const Recipe recipe = tiny_recipe({"train.loader_threads=0"});
  const BeatDataset inputs = tiny_inputs(recipe);
  Loader plain(inputs, recipe, 1, 0);
  std::vector<Batch> expected;
  for (int i = 0; i < 25; ++i) {
    expected.push_back(plain.next());
  }
  EXPECT_EQ(plain.epoch_steps(), 10);
  EXPECT_EQ(expected[24].epoch, 2);
  for (const int threads : {1, 3}) {
    Recipe threaded = recipe;
    threaded.train.loader_threads = threads;
    for (const std::size_t first : {0U, 7U, 13U}) {  // a fresh run, and two resumed runs
      Loader loader(inputs, threaded, 1, static_cast<std::int64_t>(first));
      for (std::size_t i = first; i < 25; ++i) {
        ASSERT_TRUE(same(loader.next(), expected[i])) << threads << " threads, step " << i;
      }
    }
  }
  Loader other(inputs, recipe, 2, 0);
  EXPECT_FALSE(same(other.next(), expected[0]));
}

// A beat annotated after the last sample, as in record 860 of the supraventricular database, does not refuse the record.
TEST(LoadRecord, LeavesOutBeatsOutsideTheSignal) {
  const io::TemporaryFolder folder;
  for (const char* extension : {".hea", ".dat", ".atr"}) {
    std::filesystem::copy(tiny_database() / (std::string("106") + extension),
                          folder / (std::string("106") + extension));
  }
  const BeatRecord good = load_record(folder.path(), "106", tiny_recipe());
  std::vector<io::Annotation> beats = io::read_annotations(folder / "106.atr", 360);
  io::Annotation late = beats.back();
  late.sample = 21'601;
  beats.push_back(late);
  io::write_annotations(folder / "106.atr", beats);
  const BeatRecord record = load_record(folder.path(), "106", tiny_recipe());
  EXPECT_EQ(record.beats.size(), good.beats.size());
  EXPECT_TRUE(good.warnings.empty());
  ASSERT_EQ(record.warnings.size(), 1U);
  EXPECT_NE(record.warnings[0].find("1 beat(s) annotated outside the record's 21600 samples"),
            std::string::npos);
}

TEST(Loader, AugmentationChangesWhatItSays) {
  const Recipe plain = tiny_recipe({"augment.scale=0", "augment.noise=0", "augment.wander=0",
                                    "augment.shift=0", "augment.lead_drop=0", "augment.covariate_noise=0",
                                    "augment.covariate_drop=0", "train.loader_threads=0"});
  const BeatDataset inputs = tiny_inputs(plain);
  const Batch original = Loader(inputs, plain, 1, 0).next();
  const Batch clean = make_batch(inputs, original.beats);
  EXPECT_EQ(original.x, clean.x);
  EXPECT_EQ(original.covariates, clean.covariates);

  const std::size_t h = 3, cells = static_cast<std::size_t>(inputs.length()) * h;
  Recipe dropped = plain;
  dropped.augment.lead_drop = 1;
  dropped.augment.covariate_drop = 1;
  const Batch without = Loader(inputs, dropped, 1, 0).next();
  for (std::size_t i = 0; i < without.x.size(); ++i) {
    ASSERT_EQ(without.x[i], i % h == 1 ? 0.0F : clean.x[i]);  // channel 1 belongs to lead 2
  }
  EXPECT_EQ(without.covariates, PinnedVector<float>(clean.covariates.size()));

  Recipe scaled = plain;
  scaled.augment.scale = 0.3;
  const Batch larger = Loader(inputs, scaled, 1, 0).next();
  std::size_t peak = 0;
  for (std::size_t i = 0; i < cells; i += h) {
    peak = std::abs(clean.x[i]) > std::abs(clean.x[peak]) ? i : peak;
  }
  const float factor = larger.x[peak] / clean.x[peak];
  EXPECT_NE(factor, 1.0F);
  for (std::size_t i = 0; i < cells; i += h) {
    ASSERT_NEAR(larger.x[i], factor * clean.x[i], 1e-5);  // rounding errors of an f32 product and quotient
    ASSERT_EQ(larger.x[i + 2], clean.x[i + 2]);           // the rhythm strip is not scaled
  }
}

TEST(BeatSplits, SplitsAreDisjoint) {
  const Recipe r = tiny_recipe({"data.train=['*']", "data.test=['100','202']"});
  const Splits splits = resolve_splits(r, tiny_database());
  EXPECT_EQ(splits.train, (std::vector<std::string>{"101", "106", "119", "201", "208"}));
  EXPECT_EQ(test_records_seen(splits), (std::vector<std::string>{"202"}));
  EXPECT_NE(error_of([] { resolve_splits(tiny_recipe({"data.test=['205']"}), tiny_database()); }).find("205"),
            std::string::npos);
  EXPECT_NE(error_of([] {
              resolve_splits(tiny_recipe({"data.train=['101','101']"}), tiny_database());
            }).find("twice"),
            std::string::npos);
  const Splits standard =
      resolve_splits(tiny_recipe({"data.train=['DS1']", "data.test=['DS2']"}), tiny_database());
  EXPECT_EQ(standard.train.size() + standard.validation.size(), 22U);
  EXPECT_EQ(standard.test.size(), 22U);
  EXPECT_EQ(test_records_seen(standard), (std::vector<std::string>{"202"}));
}

TEST(BeatSplits, ClassWithoutBeatsIsNamed) {
  const std::string error =
      error_of([] { load_beat_splits(tiny_recipe({"classes=['N','V','Q']"}), tiny_database()); });
  EXPECT_NE(error.find("no beat of class Q to validate with: N "), std::string::npos) << error;
  EXPECT_NE(error.find(", Q 0 in record(s) 205"), std::string::npos) << error;
  // Without a validation split nothing but the training split can lack the class.
  const std::string of_training = error_of([] {
    load_beat_splits(tiny_recipe({"classes=['N','V','Q']", "data.train=['101','119']", "data.validation=[]",
                                  "train.choose=last"}),
                     tiny_database());
  });
  EXPECT_NE(of_training.find("no beat of class Q to train on: N "), std::string::npos) << of_training;
}

TEST(BeatSplits, RealDatabaseHasThePublishedCounts) {
  const char* data = std::getenv("SEC_DATA");
  if (data == nullptr) {
    GTEST_SKIP() << "SEC_DATA is not set: the MIT-BIH database is not read";
  }
  const std::filesystem::path folder = std::filesystem::path(data) / "mitdb";
  Recipe recipe = tiny_recipe({"data.train=['DS1']", "data.validation=['114','118','124','205']",
                               "data.test=['DS2']", "input.past_beats=1"});
  const BeatSplits d = load_beat_splits(recipe, folder);  // checks the published counts
  EXPECT_EQ(count_classes(d.test), (std::array<std::int64_t, 5>{44259, 1837, 3221, 388, 7}));
  EXPECT_FALSE(d.synthetic);
}

}  // namespace
}  // namespace sec::train
