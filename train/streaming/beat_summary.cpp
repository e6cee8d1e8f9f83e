#include "train/streaming/beat_summary.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "io/files/json.h"
#include "train/report/html.h"

namespace sec::train {
namespace {

constexpr std::int64_t shortest_run = 3;
constexpr double longest_gap = 3;  // s

bool is_ectopic(const std::string& name) {
  return name == "V" || name == "S";
}

}  // namespace

BeatSummary::BeatSummary(std::vector<std::string> classes) : classes_(std::move(classes)) {}

void BeatSummary::add(double time, int label) {
  const auto hour = static_cast<std::size_t>(time / 3600);
  while (hours_.size() <= hour) {
    hours_.emplace_back(classes_.size());
  }
  if (label < 0) {
    ++not_classifiable_;
    finish();  // of unknown class: it ends a run
    return;
  }
  ++hours_[hour][static_cast<std::size_t>(label)];
  const std::string& name = classes_[static_cast<std::size_t>(label)];
  if (current_.beats == 0 || current_.name != name || time - current_.end > longest_gap) {
    finish();
    current_ = {name, time, time, 0};
  }
  current_.end = time;
  ++current_.beats;
}

void BeatSummary::finish() {
  if (in_run()) {
    runs_.push_back(current_);
  }
  current_ = {};
}

bool BeatSummary::in_run() const {
  return current_.beats >= shortest_run && is_ectopic(current_.name);
}

std::vector<std::int64_t> BeatSummary::totals() const {
  std::vector<std::int64_t> sums(classes_.size());
  for (const auto& hour : hours_) {
    for (std::size_t c = 0; c < sums.size(); ++c) {
      sums[c] += hour[c];
    }
  }
  return sums;
}

std::string clock_text(double seconds) {
  const std::int64_t tenths = std::llround(seconds * 10);
  return fmt::format("{}:{:02}:{:02}.{}", tenths / 36000, tenths / 600 % 60, tenths / 10 % 60, tenths % 10);
}

std::string text_of(const BeatSummary& summary, std::size_t shown) {
  std::string text = fmt::format("{:<10}", "hour");
  for (const std::string& name : summary.classes()) {
    text += fmt::format("{:>9}", name);
  }
  text += fmt::format("{:>9}\n", "beats");
  const auto line = [&](const std::string& head, const std::vector<std::int64_t>& counts) {
    std::int64_t sum = 0;
    text += fmt::format("{:<10}", head);
    for (const std::int64_t count : counts) {
      text += fmt::format("{:>9}", count);
      sum += count;
    }
    text += fmt::format("{:>9}\n", sum);
  };
  for (std::size_t hour = 0; hour < summary.hours().size(); ++hour) {
    line(std::to_string(hour), summary.hours()[hour]);
  }
  line("all", summary.totals());
  if (summary.not_classifiable() > 0) {
    text += counted(summary.not_classifiable(), "beat") + " could not be classified\n";
  }
  const std::vector<BeatRun>& runs = summary.runs();
  for (std::size_t i = 0; i < std::min(shown, runs.size()); ++i) {
    text += fmt::format("{} run of {} beats at {}, {:.0f}/min\n", runs[i].name, runs[i].beats,
                        clock_text(runs[i].begin), runs[i].rate());
  }
  if (runs.size() > shown) {
    text += "and " + counted(static_cast<std::int64_t>(runs.size() - shown), "more run") + "\n";
  }
  return text;
}

std::string json_of(const BeatSummary& summary) {
  using io::Json;
  const auto counted = [&](const std::vector<std::int64_t>& counts) {
    Json json = Json::object();
    for (std::size_t c = 0; c < counts.size(); ++c) {
      json[summary.classes()[c]] = counts[c];
    }
    return json;
  };
  Json json = {{"beats", counted(summary.totals())},
               {"not_classifiable", summary.not_classifiable()},
               {"hours", Json::array()},
               {"runs", Json::array()}};
  for (const auto& hour : summary.hours()) {
    json["hours"].push_back(counted(hour));
  }
  for (const BeatRun& run : summary.runs()) {
    json["runs"].push_back({{"class", run.name},
                            {"begin_s", run.begin},
                            {"end_s", run.end},
                            {"beats", run.beats},
                            {"rate_per_minute", run.rate()}});
  }
  return json.dump();
}

}  // namespace sec::train
