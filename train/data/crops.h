// Crops of whole recordings: parts of equal length, of which a network sees one at a time. A crop of x (L, H) is contiguous.
#pragma once

#include <cstdint>
#include <vector>

#include "train/recipe/recipe.h"

namespace sec::train {

// The first samples of the crops by which a recording is classified: every data.crop_step seconds from 0, and a last
// crop that ends with the recording. {0} without data.crop.
std::vector<std::int64_t> crop_begins(const Recipe& recipe);

// The first sample of the crop that is drawn for place `slot` in the batch of training step `step`: all places in the
// recording are equally likely. `whole` and `length` are the samples of the recording and of the crop.
std::int64_t drawn_crop(std::int64_t whole, std::int64_t length, std::uint64_t seed, std::int64_t step,
                        std::int64_t slot);

}  // namespace sec::train
