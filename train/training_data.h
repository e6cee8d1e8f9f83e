// What a trainer needs to know of the data: the same for heartbeats and for whole recordings.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "train/dataset.h"
#include "train/predict.h"
#include "train/run_summary.h"

namespace sec::train {

struct TrainingData {
  const Examples& train;
  std::string fingerprint;
  std::vector<float> class_weights;     // (classes), or empty: all 1
  std::vector<float> decision_offsets;  // (classes), see Classifier
  // Writes what the network says of the validation side into the record; nothing where there is none.
  std::function<void(Classifier&, EpochRecord&)> validate;
};

// `data` must outlive the result.
TrainingData training_data(const Recipe& recipe, const Dataset& data);

}  // namespace sec::train
