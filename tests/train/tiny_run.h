// Shared by the tests of training: a small synthetic database, made once,
// and a recipe that trains on it within a second.
#pragma once

#include <string>

#include "io/synthetic/database.h"
#include "tests/io/files.h"
#include "train/recipe/recipe.h"

namespace sec::train {

// Eight records of one minute each; 201 and 202 are of one person.
inline const std::filesystem::path& tiny_database() {
  static const io::TemporaryFolder folder;
  static const bool made = [] {
    io::SyntheticOptions options;
    options.minutes = 1;
    options.records = {"100", "101", "106", "119", "201", "202", "205", "208"};
    io::write_synthetic_database(folder.path(), options);
    return true;
  }();
  (void)made;
  return folder.path();
}

inline const std::string tiny_recipe_text = R"(
title = "a tiny run"
classes = ["N", "V"]
[data]
train = ["101", "106", "119", "208", "201"]
validation = ["205"]
test = ["100", "202"]
[input]
channels = ["lead1", "lead2-difference", "rhythm"]
covariates = ["rhythm", "irregularity"]
past_beats = 8
[network]
width = 4
[sampler]
kind = "weighted"
epoch_samples = 160
[augment]
scale = 0.1
noise = 0.05
wander = 0.05
shift = 0.02
lead_drop = 0.2
covariate_noise = 0.05
covariate_drop = 0.1
[train]
epochs = 3
batch = 16
rate = 3e-3
warmup_epochs = 0.5
clip_norm = 2.0
average_decay = 0.9
checkpoint_steps = 4
log_steps = 5
)";

inline Recipe tiny_recipe(const std::vector<std::string>& overrides = {}) {
  return parse_recipe(tiny_recipe_text, "tiny.toml", overrides);
}

}  // namespace sec::train
