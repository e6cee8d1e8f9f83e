// What a trainer needs to know of the data: the same for heartbeats and for whole recordings.
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
  std::vector<float> class_weights;     // (classes), or empty: all 1
  std::vector<float> decision_offsets;  // (classes), see Classifier
  // Writes what the network says of the validation side into the record; nothing where there is none.
  std::function<void(Classifier&, EpochRecord&)> validate;
};

// `data` must outlive the result.
TrainingData training_data(const Recipe& recipe, const BeatSplits& data);
TrainingData training_data(const RecordingSplits& data);

}  // namespace sec::train
