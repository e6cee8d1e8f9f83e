// Divides whole recordings into training, validation and test splits.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "train/data/recording_dataset.h"

namespace sec::train {

// The indices of the recordings in train, validation and test, each in the order of `recordings`.
// By data.protocol:
//   strat_folds    data.validation_fold validates, data.test_fold tests, and all other folds train
//   hash           by patient: recordings that share a patient or a lead's signal stay together. Each split gets
//                  its share of the recordings of every class (stratify.h), or, with data.stratify = false, a
//                  group's split is a hash of what it shares and of data.split_seed alone
//   folds          data.folds folds, grouped and stratified as for hash: fold data.fold tests, the next validates
//   tianchi-paper  the split of the released code: in the order of the label file, the first 40 % of
//                  each of `classes` validate; all others train; the test split is empty
//   file           the ids listed in data.split_file; other recordings are not used
// `classes` are the labels that are stratified.
// Throws Error on a recording without a fold, on more folds than patients and on an unknown id in the split file.
// Also throws Error if the training split is empty.
std::array<std::vector<std::size_t>, 3> divide(const Recipe& recipe,
                                               const std::vector<LoadedRecording>& recordings,
                                               const std::vector<std::string>& classes);

}  // namespace sec::train
