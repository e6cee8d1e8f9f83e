// Predictions of a network for whole recordings, and their scores.
#pragma once

#include <string>
#include <vector>

#include "train/data/recording_splits.h"
#include "train/scoring/multi_label.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// Writes the loss, the F1 scores at a probability of 0.5 and the macro AUC of a split into an epoch's record.
// An empty split leaves the record unchanged.
void validate_recordings(Classifier& classifier, const RecordingDataset& split, EpochRecord& record);

struct RecordingPrediction {
  std::vector<float> logits;   // (N, classes)
  std::vector<float> targets;  // (N, classes)
};
RecordingPrediction predict_recordings(Classifier& classifier, const RecordingDataset& split);

// Scores a split at these thresholds of the logits, with confidence intervals from a bootstrap over patients.
MultiLabelScores evaluate_recordings(Classifier& classifier, const std::string& name,
                                     const RecordingDataset& split, const RecordingPrediction& prediction,
                                     std::span<const float> thresholds);

// Scores the validation and the test recordings, and adds the results to `run`.
// With decision.thresholds = "validation" it chooses a threshold of each class's logit on the validation
// split. Returns these thresholds; otherwise an empty vector.
std::vector<float> score_recordings(RunSummary& run, Classifier& classifier, const RecordingSplits& data);

// The mean loss in double precision, without class weights.
// "focal" is summed over classes and averaged over examples;
// "bce" is averaged over the cells (examples, classes).
double mean_label_loss(std::span<const float> logits, std::span<const float> targets, const Recipe& recipe);

}  // namespace sec::train
