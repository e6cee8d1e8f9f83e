// Weights of single epochs, which a run keeps if its recipe has train.keep_epochs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace sec::train {

struct KeptEpoch {
  int epoch = 0;  // counts from 1
  std::filesystem::path file;
};

// "epoch_0007.safetensors", in the run folder.
std::string kept_epoch_name(int epoch);

// The kept weights in a run folder, by epoch. Other files of the folder are left out.
std::vector<KeptEpoch> kept_epochs(const std::filesystem::path& folder);

// The names of kept weights that killed runs may have left temporary files of, whether the weights exist or not.
std::vector<std::string> interrupted_epoch_names(const std::filesystem::path& folder);

}  // namespace sec::train
