#include "train/loop/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sec::train {

double learning_rate(const Recipe::Train& options, std::int64_t epoch_steps, std::int64_t step) {
  const auto steps_per_epoch = static_cast<double>(epoch_steps);
  const auto now = static_cast<double>(step);
  const double total = steps_per_epoch * static_cast<double>(options.epochs);
  const double warmup = std::min(std::round(options.warmup_epochs * steps_per_epoch), total);
  if (now < warmup) {
    return options.rate * (now + 1) / warmup;
  }
  if (options.schedule == "cosine") {
    const double done = total > warmup ? std::min(1.0, (now - warmup) / (total - warmup)) : 1.0;
    return options.final_rate +
           (options.rate - options.final_rate) * 0.5 * (1 + std::cos(std::numbers::pi * done));
  }
  double rate = options.rate;
  if (options.schedule == "step") {
    for (const double epoch : options.step_epochs) {
      rate *= now >= epoch * steps_per_epoch ? options.step_factor : 1.0;
    }
  }
  return rate;
}

bool drops_rate(const Recipe::Train& options, std::int64_t epoch) {
  return options.schedule == "step" && options.step_reload && epoch < options.epochs &&
         std::ranges::count(options.step_epochs, static_cast<double>(epoch)) > 0;
}

}  // namespace sec::train
