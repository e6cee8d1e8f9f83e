#include "tools/capi/sec.h"

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <thread>

#include "io/wfdb/signal.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {
namespace {

class Capi : public testing::Test {
 protected:
  void SetUp() override {
    recipe_ = tiny_recipe();
    write_model(folder_ / "best.safetensors", recipe_, {0, 0.5F});
    model_ = sec_load(folder_.path().c_str(), "cpu");
    ASSERT_NE(model_, nullptr) << sec_last_error();
  }
  void TearDown() override { sec_free(model_); }

  io::TemporaryFolder folder_;
  Recipe recipe_;
  sec_model* model_ = nullptr;
};

TEST_F(Capi, TellsWhatTheModelIs) {
  ASSERT_EQ(sec_class_count(model_), 2);
  EXPECT_STREQ(sec_class_name(model_, 1), "V");
  EXPECT_EQ(sec_class_name(model_, 2), nullptr);
  EXPECT_EQ(sec_class_name(model_, -1), nullptr);
  ASSERT_EQ(sec_lead_count(model_), 2);
  EXPECT_STREQ(sec_lead_name(model_, 0), "MLII");
  const sec_shape shape = sec_input_shape(model_);
  EXPECT_EQ(shape.length, recipe_.window_length());
  EXPECT_EQ(shape.channels, 3);
  EXPECT_EQ(shape.covariates, 10);
  EXPECT_NE(std::string(sec_version()), "");
}

// Windows get the same logits as by the C++ classes, also when several threads classify at once.
TEST_F(Capi, ClassifiesWindows) {
  const BeatDataset inputs(recipe_, {load_record(tiny_database(), "208", recipe_)});
  const std::vector<ExampleId> beats = inputs.beats(true);
  const Batch batch = make_batch(inputs, beats);
  Model model(folder_.path(), Device::cpu);
  Classifier classifier = model.classifier();
  const Prediction prediction = predict(classifier, inputs, beats);
  std::vector<std::thread> threads;
  for (int t = 0; t < 3; ++t) {
    threads.emplace_back([&] {
      std::vector<float> logits(beats.size() * 2);
      std::vector<std::int32_t> labels(beats.size());
      EXPECT_EQ(sec_classify(model_, std::ssize(beats), batch.x.data(), batch.covariates.data(),
                             logits.data(), labels.data()),
                0)
          << sec_last_error();
      EXPECT_EQ(logits, prediction.logits);
      EXPECT_TRUE(std::equal(labels.begin(), labels.end(), prediction.labels.begin()));
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

TEST_F(Capi, FailuresAreToldOneThreadAtATime) {
  EXPECT_EQ(sec_load("no/such/run", "cpu"), nullptr);
  EXPECT_NE(std::string(sec_last_error()).find("no/such/run: no such file"), std::string::npos);
  std::thread([] { EXPECT_STREQ(sec_last_error(), ""); }).join();
  EXPECT_EQ(sec_load(nullptr, "cpu"), nullptr);
  EXPECT_EQ(sec_load(folder_.path().c_str(), "abacus"), nullptr);
  EXPECT_NE(sec_classify(nullptr, 1, nullptr, nullptr, nullptr, nullptr), 0);
  EXPECT_NE(sec_classify(model_, -1, nullptr, nullptr, nullptr, nullptr), 0);
  const float x = 0;
  EXPECT_NE(sec_classify(model_, 1, &x, nullptr, nullptr, nullptr), 0);
  EXPECT_NE(std::string(sec_last_error()).find("of which the network takes 10"), std::string::npos);
  EXPECT_EQ(sec_session_open(model_, 5, 0), nullptr);
  sec_session* stream = sec_session_open(model_, 360, 0);
  ASSERT_NE(stream, nullptr);
  EXPECT_NE(sec_session_push(stream, 1, nullptr), 0);
  EXPECT_EQ(sec_session_take(stream, 1, nullptr, nullptr), -1);
  EXPECT_EQ(sec_session_finish(stream), 0);
  EXPECT_NE(sec_session_finish(stream), 0);
  sec_session_free(stream);
  sec_session_free(nullptr);
  sec_free(nullptr);
}

// A window that holds NaN has no class. The call fails and says which window; the others have their answers.
TEST_F(Capi, AWindowThatCannotBeClassifiedIsAFailure) {
  const sec_shape shape = sec_input_shape(model_);
  const auto cells = static_cast<std::size_t>(shape.length * shape.channels);
  std::vector<float> x(2 * cells, 0.1F);
  const std::vector<float> covariates(2 * static_cast<std::size_t>(shape.covariates), 0.0F);
  x[cells + 7] = std::nanf("");
  std::vector<float> logits(4);
  std::vector<std::int32_t> labels(2);
  EXPECT_NE(sec_classify(model_, 2, x.data(), covariates.data(), logits.data(), labels.data()), 0);
  EXPECT_STREQ(sec_last_error(), "sec_classify: window 1 cannot be classified: its logits are not finite");
  EXPECT_TRUE(std::isfinite(logits[0]) && std::isfinite(logits[1]));
  EXPECT_GE(labels[0], 0);
  EXPECT_EQ(labels[1], SEC_NOT_CLASSIFIABLE);
}

// No function crashes on NULL.
// The tests link the library of the build folder, which finds the models of the source tree.
TEST_F(Capi, PretrainedModelsHaveNames) {
  sec_model* model = sec_load("pretrained:mitdb", "cpu");
  ASSERT_NE(model, nullptr) << sec_last_error();
  EXPECT_STREQ(sec_class_name(model, 0), "N");
  sec_free(model);
  EXPECT_EQ(sec_load("pretrained:none", "cpu"), nullptr);
  const std::string error = sec_last_error();
  EXPECT_NE(error.find("pretrained:none: no such model; there "), std::string::npos) << error;
  EXPECT_NE(error.find("pretrained:mitdb"), std::string::npos) << error;
}

TEST_F(Capi, NullIsAFailure) {
  const auto last_error = [] { return std::string(sec_last_error()); };
  EXPECT_EQ(sec_class_count(nullptr), -1);
  EXPECT_EQ(last_error(), "sec_class_count: model is NULL");
  EXPECT_EQ(sec_class_name(nullptr, 0), nullptr);
  EXPECT_EQ(last_error(), "sec_class_name: model is NULL");
  EXPECT_EQ(sec_lead_count(nullptr), -1);
  EXPECT_EQ(last_error(), "sec_lead_count: model is NULL");
  EXPECT_EQ(sec_lead_name(nullptr, 0), nullptr);
  EXPECT_EQ(last_error(), "sec_lead_name: model is NULL");
  EXPECT_EQ(sec_label_count(nullptr), -1);
  EXPECT_EQ(last_error(), "sec_label_count: model is NULL");
  EXPECT_EQ(sec_input_shape(nullptr).length, -1);
  EXPECT_EQ(last_error(), "sec_input_shape: model is NULL");
  EXPECT_EQ(sec_load(folder_.path().c_str(), nullptr), nullptr);
  EXPECT_EQ(sec_session_open(nullptr, 360, 0), nullptr);
  EXPECT_NE(sec_session_push(nullptr, 0, nullptr), 0);
  EXPECT_NE(sec_session_finish(nullptr), 0);
  EXPECT_EQ(sec_session_take(nullptr, 0, nullptr, nullptr), -1);
}

// A child of fork() is told that it cannot compute, instead of waiting for threads that only its parent has.
TEST_F(Capi, AForkedChildIsRefused) {
  const sec_shape shape = sec_input_shape(model_);
  const std::vector<float> x(static_cast<std::size_t>(shape.length * shape.channels), 0.1F);
  const std::vector<float> covariates(static_cast<std::size_t>(shape.covariates), 0.0F);
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(20);  // ends a child that hangs
    const bool failed = sec_classify(model_, 1, x.data(), covariates.data(), nullptr, nullptr) != 0 &&
                        std::string(sec_last_error()).find("before fork()") != std::string::npos &&
                        sec_load(folder_.path().c_str(), "cpu") == nullptr;
    ::_exit(failed ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  EXPECT_EQ(sec_classify(model_, 1, x.data(), covariates.data(), nullptr, nullptr), 0) << sec_last_error();
}

// Models of whole recordings assign any number of classes: those whose logit exceeds the threshold of training.
TEST_F(Capi, WholeRecordings) {
  const Recipe recipe = parse_recipe(
      "classes = ['A', 'B', 'C']\n[data]\ntask = 'recordings'\nsource = 'table'\nlabel_file = 't.csv'\n"
      "protocol = 'hash'\nleads = ['I', 'II']\nlength = 500\n[network]\nwidth = 4\n[loss]\nkind = 'bce'\n",
      "whole.toml", {});
  io::TemporaryFolder folder;
  write_model(folder / "best.safetensors", recipe, std::vector<float>(recipe.classes.size(), 0.1F));
  sec_model* whole = sec_load(folder.path().c_str(), "cpu");
  ASSERT_NE(whole, nullptr) << sec_last_error();
  const auto classes = static_cast<std::size_t>(sec_class_count(whole));
  ASSERT_EQ(classes, recipe.classes.size());
  ASSERT_EQ(sec_label_count(whole), static_cast<int>(classes));
  EXPECT_EQ(sec_label_count(model_), 1);
  const sec_shape shape = sec_input_shape(whole);
  EXPECT_EQ(shape.length, recipe.data.length);
  const auto cells = static_cast<std::size_t>(shape.length * shape.channels);
  std::vector<float> x(3 * cells);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(std::sin(0.1 * static_cast<double>(i)) * static_cast<double>(1 + i / cells));
  }
  x[2 * cells + 5] = std::nanf("");
  const std::vector<float> covariates(3 * static_cast<std::size_t>(shape.covariates), 0.0F);
  std::vector<float> logits(3 * classes);
  std::vector<std::int32_t> labels(3 * classes, 7);
  EXPECT_NE(sec_classify(whole, 3, x.data(), covariates.data(), logits.data(), labels.data()), 0);
  EXPECT_STREQ(sec_last_error(), "sec_classify: window 2 cannot be classified: its logits are not finite");
  Model model(folder.path(), Device::cpu);
  Classifier classifier = model.classifier();
  const std::vector<float> expected = logits_of(classifier, x, covariates, 3);
  for (std::size_t i = 0; i < 2 * classes; ++i) {
    EXPECT_EQ(logits[i], expected[i]);
    EXPECT_EQ(labels[i], logits[i] + classifier.offsets[i % classes] > 0 ? 1 : 0);
  }
  for (std::size_t i = 2 * classes; i < 3 * classes; ++i) {
    EXPECT_EQ(labels[i], SEC_NOT_CLASSIFIABLE);
  }
  EXPECT_EQ(sec_session_open(whole, 360, 0), nullptr);
  sec_free(whole);
}

// The C program computes the same from text input as the C++ classes.
TEST_F(Capi, ExampleInC) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  std::string frames;
  for (std::size_t i = 0; i < recording.signals[0].size(); ++i) {
    frames += fmt::format("{},{}\n", recording.signals[0][i], recording.signals[1][i]);
  }
  folder_.write("frames", frames);
  const std::string out = (folder_ / "out").string();
  const int status = std::system((std::string(EXAMPLE) + " " + folder_.path().string() + " 360 <" +
                                  (folder_ / "frames").string() + " >" + out)
                                     .c_str());
  ASSERT_EQ(WEXITSTATUS(status), 0);
  Model model(folder_.path(), Device::cpu);
  StreamOptions options;
  options.rate = 360;
  options.batch = 1;
  options.longest_wait = 2;
  StreamClassifier classifier(model, options);
  std::vector<ClassifiedBeat> beats;
  for (std::size_t i = 0; i < recording.signals[0].size(); ++i) {
    const std::span<const float> frame[] = {{&recording.signals[0][i], 1}, {&recording.signals[1][i], 1}};
    classifier.push(frame, beats);
  }
  classifier.finish(beats);
  ASSERT_GT(beats.size(), 40U);
  std::string expected;
  for (const ClassifiedBeat& beat : beats) {
    expected += fmt::format("{:.3f} {}\n", static_cast<double>(beat.sample) / 360,
                            recipe_.classes[static_cast<std::size_t>(beat.label)]);
  }
  EXPECT_EQ(io::content_of(out), expected);
}

}  // namespace
}  // namespace sec::train
