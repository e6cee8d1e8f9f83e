#include "train/report/json.h"

#include <cmath>

namespace sec::train {

json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}

json to_json(const EpochRecord& e, const std::vector<std::string>& classes) {
  json f1 = json::object();
  for (std::size_t c = 0; c < e.validation_f1.size(); ++c) {
    f1[classes[c]] = number(e.validation_f1[c]);
  }
  return {{"epoch", e.epoch},
          {"step", e.step},
          {"learning_rate", e.learning_rate},
          {"train_loss", number(e.train_loss)},
          {"validation_loss", number(e.validation_loss)},
          {"validation_accuracy", number(e.validation_accuracy)},
          {"validation_macro_f1", number(e.validation_macro_f1)},
          {"validation_f1", f1},
          {"validation_micro_f1", number(e.validation_micro_f1)},
          {"validation_macro_auc", number(e.validation_auc)},
          {"best", e.best},
          {"samples_per_second", number(e.samples_per_second)},
          {"seconds", number(e.seconds)}};
}

}  // namespace sec::train
