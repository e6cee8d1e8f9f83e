#include "train/loop/training_data.h"

#include "train/loop/objective.h"
#include "train/scoring/recording_evaluation.h"

namespace sec::train {
namespace {

void validate(Classifier& classifier, const BeatDataset& validation, EpochRecord& record) {
  const std::vector<ExampleId> beats = validation.beats();
  if (beats.empty()) {
    return;
  }
  const Recipe& recipe = classifier.recipe;
  const Prediction prediction = predict(classifier, validation, beats);
  Confusion confusion(recipe.classes);
  for (std::size_t i = 0; i < beats.size(); ++i) {
    confusion.add(validation.beat(beats[i]).label, prediction.labels[i]);
  }
  const Scores scores = score(confusion);
  record.validation_loss = mean_loss(prediction, beats, validation, recipe);
  record.validation_accuracy = scores.accuracy;
  record.validation_macro_f1 = scores.macro_f1;
  for (const ClassScore& c : scores.classes) {
    record.validation_f1.push_back(c.f1);
  }
}

}  // namespace

TrainingData training_data(const Recipe& recipe, const BeatSplits& data) {
  return {data.train, data.fingerprint, class_weights(recipe, data.train),
          decision_offsets(recipe, data.train), [&data](Classifier& classifier, EpochRecord& record) {
            validate(classifier, data.validation, record);
          }};
}

TrainingData training_data(const RecordingSplits& data) {
  const std::vector<double>& weights = data.recipe.loss.weights;
  return {data.train, data.fingerprint, std::vector<float>(weights.begin(), weights.end()),
          std::vector<float>(data.recipe.classes.size(), 0.0F),
          [&data](Classifier& classifier, EpochRecord& record) {
            validate_recordings(classifier, data.validation, record);
          }};
}

}  // namespace sec::train
