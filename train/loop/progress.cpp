#include "train/loop/progress.h"

#include <cmath>

#include "engine/error.h"
#include "io/files/json.h"

namespace sec::train {
namespace {

using json = io::Json;

// Throws JsonError unless the value is a number or null.
double number_of(const json& value) {
  return value.is_null() ? std::nan("") : value.get<double>();
}

constexpr std::int64_t most_steps = UINT32_MAX;  // random numbers are drawn by a step of 32 bits

// The number `key` of an object.
double number_at(const json& object, const char* key, const std::string& file) {
  const json& value = object.at(key);
  require(value.is_number() && std::isfinite(value.get<double>()),
          "{}: its progress has {} = {}, expected a number", file, key, value.dump_ascii());
  return value.get<double>();
}

// The integer `key` of an object, from 0 to `most`.
std::int64_t count_at(const json& object, const char* key, std::int64_t most, const std::string& file) {
  const json& value = object.at(key);
  require(value.is_count() && value.get<std::uint64_t>() <= static_cast<std::uint64_t>(most),
          "{}: its progress has {} = {}, expected an integer from 0 to {}", file, key, value.dump_ascii(),
          most);
  return value.get<std::int64_t>();
}

}  // namespace

double chosen_score(const EpochRecord& record, const std::string& choose_by) {
  return choose_by == "macro_auc"  ? record.validation_auc
         : choose_by == "micro_f1" ? record.validation_micro_f1
                                   : record.validation_macro_f1;
}

std::string to_text(const Progress& progress) {
  // Undefined scores are NaN. JSON has no NaN, so they are written as null.
  json history = json::array();
  for (const EpochRecord& e : progress.history) {
    history.push_back({{"best", e.best},
                       {"epoch", e.epoch},
                       {"learning_rate", e.learning_rate},
                       {"step", e.step},
                       {"train_loss", e.train_loss},
                       {"validation_accuracy", e.validation_accuracy},
                       {"validation_auc", e.validation_auc},
                       {"validation_f1", e.validation_f1},
                       {"validation_loss", e.validation_loss},
                       {"validation_macro_f1", e.validation_macro_f1},
                       {"validation_micro_f1", e.validation_micro_f1}});
  }
  return json{{"best_epoch", progress.best_epoch},
              {"best_score", progress.best_score},
              {"epoch_loss", progress.epoch_loss},
              {"epochs_without_gain", progress.epochs_without_gain},
              {"finished", progress.finished},
              {"history", history},
              {"step", progress.step}}
      .dump();
}

Progress parse_progress(const std::string& text, const std::string& file) try {
  const json value = json::parse(text);
  Progress progress;
  progress.step = count_at(value, "step", most_steps, file);
  progress.epoch_loss = number_at(value, "epoch_loss", file);
  progress.best_score = number_at(value, "best_score", file);
  const json& history = value.at("history");
  require(history.is_array(), "{}: its progress has a history that is not a list", file);
  for (const json& e : history) {
    EpochRecord record;
    record.epoch = static_cast<int>(count_at(e, "epoch", INT32_MAX, file));
    record.step = count_at(e, "step", most_steps, file);
    record.learning_rate = number_at(e, "learning_rate", file);
    record.train_loss = number_at(e, "train_loss", file);
    record.validation_loss = number_of(e.at("validation_loss"));
    record.validation_accuracy = number_of(e.at("validation_accuracy"));
    record.validation_macro_f1 = number_of(e.at("validation_macro_f1"));
    const json& scores = e.at("validation_f1");
    require(scores.is_array(), "{}: its progress has a validation_f1 that is not a list", file);
    for (const json& f1 : scores) {
      record.validation_f1.push_back(number_of(f1));
    }
    record.validation_micro_f1 = number_of(e.at("validation_micro_f1"));
    record.validation_auc = number_of(e.at("validation_auc"));
    record.best = e.at("best").get<bool>();
    progress.history.push_back(std::move(record));
    require(progress.history.back().epoch == std::ssize(progress.history),
            "{}: its progress lists epoch {} as number {}", file, progress.history.back().epoch,
            progress.history.size());
  }
  const std::int64_t epochs = std::ssize(progress.history);
  progress.best_epoch = static_cast<int>(count_at(value, "best_epoch", epochs, file));
  progress.epochs_without_gain = static_cast<int>(count_at(value, "epochs_without_gain", epochs, file));
  progress.finished = value.at("finished").get<bool>();
  require(!progress.finished || epochs > 0, "{}: its progress is finished without an epoch", file);
  return progress;
} catch (const io::JsonError&) {
  fail("{}: its progress cannot be read: expected what sectrain writes", file);
}

void require_possible(const Progress& progress, std::int64_t epochs, std::int64_t epoch_steps,
                      std::size_t classes, const std::string& file) {
  const std::int64_t done = std::ssize(progress.history);
  require(done <= epochs && progress.step <= epochs * epoch_steps,
          "{}: its progress is step {} with {} epochs of history, but the run has {} epochs of {} steps",
          file, progress.step, done, epochs, epoch_steps);
  // An epoch whose last step has been taken may not have been validated yet.
  const bool pending = progress.step % epoch_steps == 0 && done == progress.step / epoch_steps - 1;
  require(done == progress.step / epoch_steps || pending,
          "{}: its progress has {} epochs of history at step {}, with {} steps per epoch", file, done,
          progress.step, epoch_steps);
  for (const EpochRecord& record : progress.history) {
    require(record.step == record.epoch * epoch_steps,
            "{}: its progress ends epoch {} at step {}, with {} steps per epoch", file, record.epoch,
            record.step, epoch_steps);
    require(record.validation_f1.empty() || record.validation_f1.size() == classes,
            "{}: its progress has {} scores for {} classes in epoch {}", file, record.validation_f1.size(),
            classes, record.epoch);
  }
}

}  // namespace sec::train
