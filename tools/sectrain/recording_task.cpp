// Training on whole recordings, each of which has several labels.
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

#include "tools/sectrain/training_task.h"
#include "train/data/recording_splits.h"
#include "train/loop/checkpoint.h"
#include "train/scoring/recording_evaluation.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::train;

constexpr std::size_t classes_shown = 12;

// Formats a split: "389 recordings of 350 patients: NORM 241, MI 50, ... and 59 more classes".
std::string split_text(const RecordingDataset& side, const std::vector<std::string>& classes) {
  std::vector<std::string> parts;
  std::set<std::string> patients;
  bool all_known = side.size() > 0;
  for (std::size_t i = 0; i < side.size(); ++i) {
    patients.insert(side[i].about.patient);
    all_known = all_known && !side[i].about.patient.empty();
  }
  for (std::size_t c = 0; c < std::min(classes.size(), classes_shown); ++c) {
    std::int64_t count = 0;
    for (std::size_t i = 0; i < side.size(); ++i) {
      count += side[i].targets[c] > 0 ? 1 : 0;
    }
    parts.push_back(fmt::format("{} {}", classes[c], count));
  }
  const std::size_t more = classes.size() - parts.size();
  return fmt::format("{} recordings{}: {}{}", side.size(),
                     all_known ? fmt::format(" of {} patients", patients.size()) : "", fmt::join(parts, ", "),
                     more > 0 ? fmt::format(" and {} more classes", more) : "");
}

// How recordings of one person are kept together: by patient, as far as patients are known.
std::string grouping_text(const RecordingSplits& data) {
  const auto all = static_cast<std::int64_t>(data.train.size() + data.validation.size() + data.test.size());
  if (data.without_patient == 0) {
    return "Divided by patient";
  }
  return data.without_patient >= all + data.dropped
             ? std::string(
                   "Divided by recording, because no patient is known: one person may be on several sides")
             : fmt::format(
                   "Divided by patient where the patient is known; {} recordings have none, so one person "
                   "may be on several sides",
                   data.without_patient);
}

std::string division_text(const RecordingSplits& data) {
  const Recipe::Data& d = data.recipe.data;
  if (d.protocol == "strat_folds") {
    return fmt::format("Divided by the database's folds: {} validates, {} is tested, all others train.",
                       d.validation_fold, d.test_fold);
  }
  if (d.protocol == "hash") {
    return fmt::format(
        "{}. Recordings with identical signals stay together. {} puts {:g} of them on the validation and {:g} on "
        "the test side (seed {}).",
        grouping_text(data),
        d.stratify ? "A division with nearly the same shares of every class on each side" : "A hash",
        d.validation_share, d.test_share, d.split_seed);
  }
  if (d.protocol == "folds") {
    return fmt::format(
        "{}. Recordings with identical signals stay together. Fold {} of {} is tested, the next one validates; "
        "folds have nearly the same shares of every class (seed {}).",
        grouping_text(data), d.fold, d.folds, d.split_seed);
  }
  if (d.protocol == "tianchi-paper") {
    return "Divided as the released code does it: of each class the first 40 % validate, all other "
           "recordings "
           "train. There is no test side: what chose the weights is reported.";
  }
  return fmt::format("Divided as {} says.", d.split_file);
}

std::string protocol_text(const RecordingSplits& data) {
  const Recipe& recipe = data.recipe;
  const Recipe::Data& d = recipe.data;
  return fmt::format(
      "{} Whole recordings with any number of labels each, {} classes. The network is given the first {:g} s "
      "of the "
      "leads {}, resampled to {} samples, in {}{}. Weights chosen: {}. A class is stated above {}.",
      division_text(data), recipe.classes.size(), d.seconds, fmt::join(d.leads, ", "), d.length,
      recipe.input.amplitudes == "millivolts" ? "mV"
      : recipe.input.amplitudes == "raw"      ? "the files' whole numbers"
                                              : "units of each lead's standard deviation",
      recipe.input.covariates.empty() ? ""
                                      : fmt::format(", and {}", fmt::join(recipe.input.covariates, ", ")),
      recipe.train.choose == "last" ? "last epoch" : "best " + recipe.train.choose_by + " in validation",
      recipe.decision.thresholds == "half"
          ? "a probability of 0.5"
          : "the probability that gave the best F1 in validation, each class its own");
}

class RecordingTask final : public TrainingTask {
 public:
  RecordingTask(const Recipe& recipe, const fs::path& folder)
      : folder_(folder), data_(load_recording_splits(recipe, folder)) {}

  const Recipe& recipe() const override { return data_.recipe; }
  const Splits& splits() const override { return data_.splits; }
  const std::string& fingerprint() const override { return data_.fingerprint; }
  std::array<std::string, 3> split_texts() const override {
    const std::vector<std::string>& classes = data_.recipe.classes;
    return {split_text(data_.train, classes), split_text(data_.validation, classes),
            split_text(data_.test, classes)};
  }
  void describe(RunSummary& run) const override {
    const auto [train, validation, test] = split_texts();
    run.data = fmt::format(
        "{}. Train: {}. Validation: {}. Test: {}.{} Signals in memory: {:.1f} MB.",
        fs::weakly_canonical(folder_).string(), train, validation, test,
        data_.dropped > 0 ? fmt::format(" Left out, being of none of the classes: {}.", data_.dropped) : "",
        static_cast<double>(data_.signal_bytes) / 1e6);
    run.protocol = protocol_text(data_);
    run.warnings = data_.warnings;
    run.leaks = data_.leaks;
  }
  TrainingData data() const override { return training_data(data_); }

  void score(RunSummary& run, Trainer& trainer) const override {
    Classifier classifier = trainer.load_chosen();
    if (const std::vector<float> thresholds = score_recordings(run, classifier, data_); !thresholds.empty()) {
      trainer.decide_above(thresholds);
    }
  }

 private:
  fs::path folder_;
  RecordingSplits data_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_recording_task(const Recipe& recipe, const fs::path& folder) {
  return std::make_unique<RecordingTask>(recipe, folder);
}

}  // namespace sec::tools
