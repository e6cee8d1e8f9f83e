// What a network says of whole recordings, and how good that is.
#pragma once

#include <string>
#include <vector>

#include "train/data/recording_splits.h"
#include "train/scoring/multi_label.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// Writes loss, F1 scores at a probability of 0.5 and the macro AUC of a side into an epoch's record; nothing
// if it is empty.
void validate_recordings(Classifier& classifier, const RecordingDataset& side, EpochRecord& record);

struct RecordingPrediction {
  std::vector<float> logits;   // (N, classes)
  std::vector<float> targets;  // (N, classes)
};
RecordingPrediction predict_recordings(Classifier& classifier, const RecordingDataset& side);

// Scores of a side at these thresholds of the logits, with intervals by patient.
MultiLabelScores evaluate_recordings(Classifier& classifier, const std::string& name,
                                     const RecordingDataset& side, const RecordingPrediction& prediction,
                                     std::span<const float> thresholds);

// Scores the validation and the test recordings, and adds the results to `run`. With decision.thresholds =
// "validation" returns the thresholds of the logits, one a class, that it chose on the validation side; else
// nothing.
std::vector<float> score_recordings(RunSummary& run, Classifier& classifier, const RecordingSplits& data);

// The mean over examples of the loss summed over classes (focal), or the mean over cells (bce), in double
// precision and without weights.
double mean_label_loss(std::span<const float> logits, std::span<const float> targets, const Recipe& recipe);

}  // namespace sec::train
