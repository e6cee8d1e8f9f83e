#include "train/data/crops.h"

#include <algorithm>
#include <cmath>

#include "kernels/augmentation.h"

namespace sec::train {

std::vector<std::int64_t> crop_begins(const Recipe& recipe) {
  const std::int64_t last = recipe.data.length - recipe.crop_length();
  const double seconds = recipe.data.crop_step > 0 ? recipe.data.crop_step : recipe.data.crop / 2;
  const std::int64_t step = std::max<std::int64_t>(1, std::llround(seconds * recipe.recording_rate()));
  std::vector<std::int64_t> begins;
  for (std::int64_t begin = 0; begin < last; begin += step) {
    begins.push_back(begin);
  }
  begins.push_back(last);
  return begins;
}

std::int64_t drawn_crop(std::int64_t whole, std::int64_t length, std::uint64_t seed, std::int64_t step,
                        std::int64_t slot) {
  const kernels::ExampleRandom random{seed, static_cast<std::uint32_t>(step),
                                      static_cast<std::uint64_t>(slot)};
  return whole > length ? kernels::crop_begin(random, whole - length) : 0;
}

}  // namespace sec::train
