// The data that a trainer uses, in one form for heartbeats and whole recordings.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/data/beat_splits.h"
#include "train/data/recording_splits.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

struct TrainingData {
  const Dataset& train;
  std::string fingerprint;
  std::vector<float> class_weights;     // (classes), or empty if all are 1
  std::vector<float> decision_offsets;  // (classes), see Classifier
  // Writes the scores of the validation split into the record. An empty split leaves the record unchanged.
  std::function<void(Classifier&, EpochRecord&)> validate;
};

// `data` must outlive the result.
TrainingData training_data(const Recipe& recipe, const BeatSplits& data);
TrainingData training_data(const RecordingSplits& data);

}  // namespace sec::train
