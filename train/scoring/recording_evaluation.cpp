#include "train/scoring/recording_evaluation.h"

#include <cmath>
#include <map>

namespace sec::train {
namespace {

constexpr int resamples = 1000;

double log_sigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

std::vector<float> halves(std::size_t classes) {
  return std::vector<float>(classes, 0.0F);
}

}  // namespace

double mean_label_loss(std::span<const float> logits, std::span<const float> targets, const Recipe& recipe) {
  const bool focal = recipe.loss.kind == "focal";
  double sum = 0;
  for (std::size_t i = 0; i < logits.size(); ++i) {
    const bool is = targets[i] > 0;
    const double z = is ? logits[i] : -logits[i];  // a larger z means a smaller loss
    const double weight = is ? recipe.loss.focal_alpha : 1 - recipe.loss.focal_alpha;
    const double missing = 1 - std::exp(log_sigmoid(z));
    sum -= log_sigmoid(z) * (focal ? weight * std::pow(missing, recipe.loss.focal_gamma) : 1.0);
  }
  const auto cells = static_cast<double>(logits.size());
  return focal ? sum / (cells / static_cast<double>(recipe.classes.size())) : sum / cells;
}

RecordingPrediction predict_recordings(Classifier& classifier, const RecordingDataset& split) {
  return {logits_of(classifier, split, split.labelled()), split.all_targets()};
}

void validate_recordings(Classifier& classifier, const RecordingDataset& split, EpochRecord& record) {
  if (split.size() == 0) {
    return;
  }
  const Recipe& recipe = classifier.recipe;
  const std::size_t classes = recipe.classes.size();
  const RecordingPrediction p = predict_recordings(classifier, split);
  const MultiLabelScores scores = score_labels(recipe.classes, p.logits, p.targets, halves(classes));
  record.validation_loss = mean_label_loss(p.logits, p.targets, recipe);
  record.validation_macro_f1 =
      std::isnan(scores.macro_f1) ? 0 : scores.macro_f1;  // NaN: nothing is predicted
  record.validation_micro_f1 =
      batch_micro_f1(p.logits, p.targets, classes, static_cast<std::size_t>(recipe.train.batch));
  record.validation_auc = multi_label_auc(classifier.stream, p.logits, p.targets, classes).macro;
  for (const LabelScore& c : scores.classes) {
    record.validation_f1.push_back(c.f1);
  }
}

MultiLabelScores evaluate_recordings(Classifier& classifier, const std::string& name,
                                     const RecordingDataset& split, const RecordingPrediction& prediction,
                                     std::span<const float> thresholds) {
  const Recipe& recipe = classifier.recipe;
  const std::size_t classes = recipe.classes.size();
  const auto& [logits, targets] = prediction;
  MultiLabelScores scores = score_labels(recipe.classes, logits, targets, thresholds);
  scores.name = name;
  scores.batch_micro_f1 =
      batch_micro_f1(logits, targets, classes, static_cast<std::size_t>(recipe.train.batch));
  scores.auc = multi_label_auc(classifier.stream, logits, targets, classes);
  std::map<std::string, std::int32_t> numbers;
  std::vector<std::int32_t> patients;
  for (std::size_t i = 0; i < split.size(); ++i) {
    const io::LabelledRecording& about = split[i].about;
    const std::string person = about.patient.empty() ? "recording " + about.id : "patient " + about.patient;
    patients.push_back(numbers.try_emplace(person, static_cast<std::int32_t>(numbers.size())).first->second);
  }
  scores.range = bootstrap_multi_label_auc(logits, targets, patients, classes, resamples,
                                           static_cast<std::uint64_t>(recipe.seed));
  return scores;
}

std::vector<float> score_recordings(RunSummary& run, Classifier& classifier, const RecordingSplits& data) {
  const std::size_t classes = data.recipe.classes.size();
  const RecordingPrediction validation = predict_recordings(classifier, data.validation);
  std::vector<float> chosen;
  if (data.recipe.decision.thresholds == "validation") {
    chosen = best_thresholds(validation.logits, validation.targets, classes);
  }
  const auto add = [&](const std::string& name, const RecordingDataset& split,
                       const RecordingPrediction& prediction) {
    if (split.size() == 0) {
      return;
    }
    if (chosen.empty()) {
      run.recordings.push_back(evaluate_recordings(classifier, name, split, prediction, halves(classes)));
    } else {
      run.recordings.push_back(evaluate_recordings(classifier, name, split, prediction, chosen));
      run.recordings.push_back(
          evaluate_recordings(classifier, name + " at 0.5", split, prediction, halves(classes)));
    }
  };
  add("test", data.test, predict_recordings(classifier, data.test));
  add("validation", data.validation, validation);
  return chosen;
}

}  // namespace sec::train
