// What a network says of whole recordings, and how good that is.
#pragma once

#include <string>
#include <vector>

#include "train/multi_label.h"
#include "train/predict.h"
#include "train/recordings.h"
#include "train/run_summary.h"

namespace sec::train {

// Writes loss, F1 scores at a probability of 0.5 and the macro AUC of a side into an epoch's record; nothing
// if it is empty.
void validate_recordings(Classifier& classifier, const Recordings& side, EpochRecord& record);

struct RecordingPrediction {
  std::vector<float> logits;   // (N, classes)
  std::vector<float> targets;  // (N, classes)
};
RecordingPrediction predict_recordings(Classifier& classifier, const Recordings& side);

// Scores of a side at these thresholds of the logits, with intervals by patient.
MultiLabelScores evaluate_recordings(Classifier& classifier, const std::string& name, const Recordings& side,
                                     const RecordingPrediction& prediction,
                                     std::span<const float> thresholds);

// The mean over examples of the loss summed over classes (focal), or the mean over cells (bce), in double
// precision and without weights.
double mean_label_loss(std::span<const float> logits, std::span<const float> targets, const Recipe& recipe);

}  // namespace sec::train
