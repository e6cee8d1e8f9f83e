// Training on heartbeats of one class each.
#include <fmt/ranges.h>

#include "tools/training_task.h"
#include "train/evaluate.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::train;

constexpr std::size_t misread_shown = 60;

// "22 records, 45842 beats: N 44000, S 900, V 3700, F 400, Q 8"
std::string side_text(const Inputs& inputs) {
  const auto counts = count_classes(inputs);
  std::vector<std::string> parts;
  std::int64_t total = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    parts.push_back(fmt::format("{} {}", aami_classes[c], counts[c]));
    total += counts[c];
  }
  return fmt::format("{} record(s), {} beats: {}", inputs.records().size(), total, fmt::join(parts, ", "));
}

std::string data_text(const fs::path& folder, const Dataset& data) {
  return fmt::format("{}{}. Train: {}. Validation: {}. Test: {}.", fs::weakly_canonical(folder).string(),
                     data.synthetic ? " (synthetic)" : "", side_text(data.train), side_text(data.validation),
                     side_text(data.test));
}

std::string protocol_text(const Recipe& recipe, const Dataset& data) {
  const auto list = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string("none") : fmt::format("{}", fmt::join(names, " "));
  };
  const Recipe::Data& d = recipe.data;
  const std::string division =
      d.protocol == "beats"
          ? "Intra-patient: beats divided at random, every patient is on every side, and windows overlap "
            "across them. Such figures say little about another patient. "
      : d.protocol == "folds" ? fmt::format("Fold {} of {}, divided by patient. ", d.fold, d.folds)
      : d.protocol == "file"  ? fmt::format("Divided as {} says. ", d.split_file)
                              : "";
  return division + fmt::format(
                        "Beats at annotated R peaks, in the AAMI EC57 classes; the network tells {} apart. A "
                        "window holds {} s "
                        "before and {} s after the peak at {} Hz. The patient's amplitude, median beat and "
                        "rhythm are taken "
                        "from "
                        "earlier beats alone, without labels, but for the interval to the next beat. Trained "
                        "on: {}. Weights "
                        "chosen ({}) on: {}. Scored once on: {}.",
                        fmt::join(recipe.classes, ", "), recipe.data.before, recipe.data.after,
                        recipe.data.rate, list(data.sides.train),
                        recipe.train.choose == "best" ? "best macro-F1" : "last epoch",
                        list(data.sides.validation), list(data.sides.test));
}

std::string test_name(const Recipe& recipe) {
  if (recipe.data.protocol == "beats") {
    return "test (intra-patient)";
  }
  if (recipe.data.protocol == "folds") {
    return fmt::format("test (fold {} of {})", recipe.data.fold, recipe.data.folds);
  }
  if (recipe.data.protocol == "file") {
    return "test";
  }
  return recipe.data.test == std::vector<std::string>{"DS2"} ? "DS2" : "test";
}

// Scores validation and test records with the chosen weights.
void score_run(RunSummary& run, Trainer& trainer, const Dataset& data, const Recipe& recipe) {
  Classifier classifier = trainer.load_chosen();
  const auto add = [&](const std::vector<Evaluation>& more) {
    run.evaluations.insert(run.evaluations.end(), more.begin(), more.end());
  };
  const std::size_t classes = recipe.classes.size();
  std::optional<TestResult> validation;
  std::optional<double> temperature;
  if (!data.sides.validation.empty()) {
    validation = evaluate(classifier, data.validation, 0, data.sides);
    if (recipe.loss.kind == "cross_entropy") {  // the others' probabilities are no softmax
      temperature = fit_temperature(validation->logits, validation->labels, classes);
    }
  }
  if (!data.sides.test.empty()) {
    const TestResult test = evaluate(classifier, data.test, misread_shown, data.sides);
    add(evaluations(test_name(recipe), test.records, recipe.seed));
    const std::vector<std::string> seen = test_records_seen(data.sides);
    if (!seen.empty() && seen.size() < test.records.size()) {
      add(evaluations(test_name(recipe), test.records, recipe.seed, seen));
    }
    run.aucs.push_back({test_name(recipe), test.auc, test.auc_range});
    run.calibrations.push_back(calibrate(test_name(recipe), test, classes, temperature));
    run.records = test.records;
    run.patients = by_patient(test.records);
    run.misread = test.misread;
    run.misread_total = test.misread_total;
  }
  if (validation) {
    add(evaluations("validation", validation->records, recipe.seed));
    run.aucs.push_back({"validation", validation->auc, validation->auc_range});
    run.calibrations.push_back(calibrate("validation", *validation, classes, temperature));
  }
}

class BeatTask final : public TrainingTask {
 public:
  BeatTask(const Recipe& recipe, const fs::path& folder)
      : recipe_(recipe), folder_(folder), data_(load_dataset(recipe, folder)) {}

  const Recipe& recipe() const override { return recipe_; }
  const Sides& sides() const override { return data_.sides; }
  const std::string& fingerprint() const override { return data_.fingerprint; }
  std::array<std::string, 3> side_texts() const override {
    return {side_text(data_.train), side_text(data_.validation), side_text(data_.test)};
  }
  void describe(RunSummary& run) const override {
    run.data = data_text(folder_, data_);
    run.synthetic = data_.synthetic;
    run.protocol = protocol_text(recipe_, data_);
    run.warnings = data_.warnings;
    run.leaks = data_.leaks;
  }
  TrainingData data() const override { return training_data(recipe_, data_); }
  void score(RunSummary& run, Trainer& trainer) const override { score_run(run, trainer, data_, recipe_); }

 private:
  Recipe recipe_;
  fs::path folder_;
  Dataset data_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_beat_task(const Recipe& recipe, const fs::path& folder) {
  return std::make_unique<BeatTask>(recipe, folder);
}

}  // namespace sec::tools
