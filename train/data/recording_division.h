// How whole recordings are divided over the three splits.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "train/data/recording_dataset.h"

namespace sec::train {

// By side (train, validation, test): indices into the recordings, in their order. As data.protocol says:
//   strat_folds    data.validation_fold and data.test_fold; every other fold trains
//   hash           by patient: recordings that share a patient or a lead's signal stay together, and the side
//                  is a function of what they share and data.split_seed, whatever else is in the folder
//   tianchi-paper  the released code's: of each class the first 40 %, in the label file's order, validate
//                  (the union over `classes`); all others train; nothing is tested
//   file           as data.split_file lists their ids; others are left out
// Throws Error on a recording without a fold, an id in the split file that is not there or is on two splits,
// and if nothing is left to train on.
std::array<std::vector<std::size_t>, 3> divide(const Recipe& recipe,
                                               const std::vector<LoadedRecording>& recordings,
                                               const std::vector<std::string>& classes);

}  // namespace sec::train
