#include "train/loop/run_log.h"

#include "io/files/atomic_file.h"
#include "io/files/read_file.h"
#include "train/report/json.h"

namespace sec::train {

std::string log_line(const StepReport& r) {
  return json{{"event", "step"},
              {"epoch", r.epoch},
              {"step", r.step},
              {"loss", r.loss},
              {"learning_rate", r.learning_rate},
              {"gradient_norm", r.gradient_norm},
              {"samples_per_second", r.samples_per_second}}
      .dump();
}

std::string log_line(const EpochRecord& record, const std::vector<std::string>& classes) {
  json line = {{"event", "epoch"}};
  line.update(to_json(record, classes));
  return line.dump();
}

void continue_log(const std::filesystem::path& path, std::int64_t step, std::vector<EpochRecord>& history) {
  if (!std::filesystem::exists(path)) {
    return;
  }
  constexpr std::uintmax_t largest_log = 2'000'000'000;  // bytes; a step takes about 150
  const std::string text = io::read_file(path, largest_log);
  std::string kept;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end == std::string::npos ? text.size() : end + 1;
    const json value = json::parse_or_null(line);
    if (!value.is_object() || !value.contains("step") || !value["step"].is_integer() ||
        value["step"].get<std::int64_t>() > step) {
      continue;
    }
    kept += line + "\n";
    const auto number = [&](const char* key) {
      return value.contains(key) && value[key].is_number() ? value[key].get<double>() : 0.0;
    };
    if (!value.contains("event") || value["event"] != "epoch") {
      continue;
    }
    for (EpochRecord& e : history) {
      if (e.epoch == number("epoch")) {
        e.seconds = number("seconds");
        e.samples_per_second = number("samples_per_second");
      }
    }
  }
  io::write_atomically(path, kept);
}

}  // namespace sec::train
