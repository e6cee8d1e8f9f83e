#include "train/scoring/recording_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "train/data/recording_signal.h"

namespace sec::train {
namespace {

constexpr int resamples = 1000;

double log_sigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

constexpr std::size_t misread_shown = 12;

std::vector<ExamplePrediction> predictions_of(const Recipe& recipe, const std::string& split,
                                              const RecordingDataset& data,
                                              const RecordingPrediction& prediction,
                                              std::span<const float> thresholds) {
  const std::size_t classes = recipe.classes.size();
  std::vector<ExamplePrediction> result;
  for (std::size_t i = 0; i < data.size(); ++i) {
    ExamplePrediction one{.split = split,
                          .recording = data[i].about.id,
                          .patient = data[i].about.patient,
                          .truth = {},
                          .decision = {},
                          .probabilities = {}};
    for (std::size_t c = 0; c < classes; ++c) {
      const float logit = prediction.logits[i * classes + c];
      one.probabilities.push_back(static_cast<float>(1 / (1 + std::exp(-static_cast<double>(logit)))));
      if (prediction.targets[i * classes + c] > 0) {
        one.truth.push_back(recipe.classes[c]);
      }
      if (logit > thresholds[c]) {
        one.decision.push_back(recipe.classes[c]);
      }
    }
    result.push_back(std::move(one));
  }
  return result;
}

// Adds the first data.seconds of the recording's leads in mV, without the zeros that fill up a short recording.
void add_signal(MisreadRecording& misread, const Recipe& recipe, const LoadedRecording& recording) {
  std::vector<float> x = recording.x;  // (L, H)
  if (recipe.input.amplitudes != "millivolts") {
    Recipe plain = recipe;
    plain.input.amplitudes = "millivolts";
    plain.data.verify = false;  // was compared when the training read it
    x = read_signal(plain, recording.about.path).x;
  }
  const std::size_t leads = recipe.data.leads.size();
  const auto samples = static_cast<std::size_t>(
      std::llround(static_cast<double>(recipe.data.length) * (1 - recording.filled)));
  misread.rate = recipe.recording_rate();
  misread.lead_names = recipe.data.leads;
  misread.leads.assign(leads, std::vector<float>(samples));
  for (std::size_t t = 0; t < samples; ++t) {
    for (std::size_t h = 0; h < leads; ++h) {
      misread.leads[h][t] = x[t * leads + h];
    }
  }
}

// The recordings with a wrong label; the most confident errors get their signals and are stored in `run`.
void add_misread(RunSummary& run, const Recipe& recipe, const RecordingDataset& data,
                 const RecordingPrediction& prediction, std::span<const float> thresholds) {
  const std::size_t classes = recipe.classes.size();
  std::vector<std::pair<MisreadRecording, std::size_t>> all;
  for (std::size_t i = 0; i < data.size(); ++i) {
    MisreadRecording misread{.recording = data[i].about.id,
                             .patient = data[i].about.patient,
                             .missed = {},
                             .stated = {},
                             .lead_names = {},
                             .leads = {}};
    for (std::size_t c = 0; c < classes; ++c) {
      const float logit = prediction.logits[i * classes + c];
      const bool is = prediction.targets[i * classes + c] > 0;
      const bool predicted = logit > thresholds[c];
      if (is != predicted) {
        (is ? misread.missed : misread.stated)
            .push_back(
                fmt::format("{} {:.2f}", recipe.classes[c], 1 / (1 + std::exp(-static_cast<double>(logit)))));
        misread.confidence =
            std::max(misread.confidence, std::abs(static_cast<double>(logit) - thresholds[c]));
      }
    }
    if (!misread.missed.empty() || !misread.stated.empty()) {
      all.emplace_back(std::move(misread), i);
    }
  }
  run.misread_recordings_total = std::ssize(all);
  std::ranges::stable_sort(all, std::greater<>(), [](const auto& one) { return one.first.confidence; });
  all.resize(std::min(all.size(), misread_shown));
  for (auto& [misread, i] : all) {
    add_signal(misread, recipe, data[i]);
    run.misread_recordings.push_back(std::move(misread));
  }
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
  std::vector<WholeRecording> recordings;
  for (std::size_t i = 0; i < split.size(); ++i) {
    recordings.push_back({split[i].x, split[i].covariates});
  }
  return {logits_of(classifier, recordings), split.all_targets()};
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
  const RecordingPrediction test = predict_recordings(classifier, data.test);
  add("test", data.test, test);
  add("validation", data.validation, validation);
  const std::vector<float> thresholds = chosen.empty() ? halves(classes) : chosen;
  const auto add_predictions = [&](const char* split, const RecordingDataset& examples,
                                   const RecordingPrediction& prediction) {
    for (ExamplePrediction& one : predictions_of(data.recipe, split, examples, prediction, thresholds)) {
      run.predictions.push_back(std::move(one));
    }
  };
  const auto add_curves = [&](const char* name, const RecordingPrediction& prediction) {
    if (!prediction.logits.empty()) {
      run.curves.push_back(threshold_curves(
          name, data.recipe.classes, prediction.logits,
          [&](std::size_t i, std::size_t c) { return prediction.targets[i * classes + c] > 0; }));
    }
  };
  add_predictions("train", data.train, predict_recordings(classifier, data.train));
  add_predictions("validation", data.validation, validation);
  add_predictions("test", data.test, test);
  add_curves("test", test);
  add_curves("validation", validation);
  const bool tested = data.test.size() > 0;
  add_misread(run, data.recipe, tested ? data.test : data.validation, tested ? test : validation, thresholds);
  return chosen;
}

}  // namespace sec::train
