#include "train/report/predictions.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

namespace sec::train {
namespace {

std::string field(const std::string& text) {
  if (text.find_first_of(",\"\r\n;\t") == std::string::npos) {
    return text;
  }
  std::string quoted = "\"";
  for (const char c : text) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + '"';
}

}  // namespace

std::string predictions_csv(const RunSummary& run) {
  const bool beats =
      std::ranges::any_of(run.predictions, [](const ExamplePrediction& one) { return one.sample >= 0; });
  const bool databases = std::ranges::any_of(
      run.predictions, [](const ExamplePrediction& one) { return !one.database.empty(); });
  std::string csv = std::string("split,") + (databases ? "database," : "") + "recording,patient," +
                    (beats ? "time_s,sample," : "") + "truth,decision,right";
  for (const std::string& name : run.classes) {
    csv += "," + field("probability " + name);
  }
  csv += '\n';
  auto out = std::back_inserter(csv);
  for (const ExamplePrediction& one : run.predictions) {
    fmt::format_to(out, "{},", one.split);
    if (databases) {
      fmt::format_to(out, "{},", field(one.database));
    }
    fmt::format_to(out, "{},{},", field(one.recording), field(one.patient));
    if (beats) {
      fmt::format_to(out, "{:.3f},{},", one.time, one.sample);
    }
    fmt::format_to(out, "{},{},{}", field(fmt::format("{}", fmt::join(one.truth, "|"))),
                   field(fmt::format("{}", fmt::join(one.decision, "|"))), one.right() ? "yes" : "no");
    for (const float probability : one.probabilities) {
      fmt::format_to(out, ",{:.6g}", probability);
    }
    csv += '\n';
  }
  const bool ascii = std::ranges::all_of(csv, [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  return ascii ? csv : "\xEF\xBB\xBF" + csv;
}

}  // namespace sec::train
