#include "kernels/optimizer.h"

#include <cmath>

namespace sec::kernels {

StepValues adam_values(const AdamOptions& options, double rate, std::int64_t step) {
  require(step >= 0, "adam: expected steps to count from 0, got {}", step);
  const auto taken = static_cast<double>(step) + 1;
  StepValues values;
  values.step = static_cast<std::uint32_t>(step);
  values.rate = static_cast<float>(rate);
  values.adam_rate = static_cast<float>(double{values.rate} / (1 - std::pow(double{options.beta1}, taken)));
  values.adam_correction = static_cast<float>(1 / std::sqrt(1 - std::pow(double{options.beta2}, taken)));
  return values;
}

}  // namespace sec::kernels
