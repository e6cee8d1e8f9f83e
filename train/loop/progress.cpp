#include "train/loop/progress.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "engine/error.h"

namespace sec::train {
namespace {

using nlohmann::json;

// Converts a score to JSON. JSON has no NaN, so undefined scores are null.
json number(double value) {
  return std::isfinite(value) ? json(value) : json(nullptr);
}
double number_of(const json& value) {
  return value.is_null() ? std::nan("") : value.get<double>();
}

}  // namespace

double chosen_score(const EpochRecord& record, const std::string& choose_by) {
  return choose_by == "macro_auc"  ? record.validation_auc
         : choose_by == "micro_f1" ? record.validation_micro_f1
                                   : record.validation_macro_f1;
}

std::string to_text(const Progress& progress) {
  json history = json::array();
  for (const EpochRecord& e : progress.history) {
    json f1 = json::array();
    for (const double value : e.validation_f1) {
      f1.push_back(number(value));
    }
    history.push_back({{"epoch", e.epoch},
                       {"step", e.step},
                       {"learning_rate", e.learning_rate},
                       {"train_loss", e.train_loss},
                       {"validation_loss", number(e.validation_loss)},
                       {"validation_accuracy", number(e.validation_accuracy)},
                       {"validation_macro_f1", number(e.validation_macro_f1)},
                       {"validation_f1", f1},
                       {"validation_micro_f1", number(e.validation_micro_f1)},
                       {"validation_auc", number(e.validation_auc)},
                       {"best", e.best}});
  }
  return json{{"step", progress.step},
              {"epoch_loss", progress.epoch_loss},
              {"best_score", progress.best_score},
              {"best_epoch", progress.best_epoch},
              {"epochs_without_gain", progress.epochs_without_gain},
              {"finished", progress.finished},
              {"history", history}}
      .dump();
}

Progress parse_progress(const std::string& text, const std::string& file) try {
  const json value = json::parse(text);
  Progress progress;
  progress.step = value.at("step");
  progress.epoch_loss = value.at("epoch_loss");
  progress.best_score = value.at("best_score");
  progress.best_epoch = value.at("best_epoch");
  progress.epochs_without_gain = value.at("epochs_without_gain");
  progress.finished = value.at("finished");
  for (const json& e : value.at("history")) {
    EpochRecord record;
    record.epoch = e.at("epoch");
    record.step = e.at("step");
    record.learning_rate = e.at("learning_rate");
    record.train_loss = e.at("train_loss");
    record.validation_loss = number_of(e.at("validation_loss"));
    record.validation_accuracy = number_of(e.at("validation_accuracy"));
    record.validation_macro_f1 = number_of(e.at("validation_macro_f1"));
    for (const json& f1 : e.at("validation_f1")) {
      record.validation_f1.push_back(number_of(f1));
    }
    record.validation_micro_f1 = number_of(e.at("validation_micro_f1"));
    record.validation_auc = number_of(e.at("validation_auc"));
    record.best = e.at("best");
    progress.history.push_back(std::move(record));
  }
  return progress;
} catch (const json::exception& error) {
  fail("{}: its progress cannot be read: {}", file, error.what());
}

}  // namespace sec::train
