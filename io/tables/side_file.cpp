#include "io/tables/side_file.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "io/files/json.h"
#include "io/files/read_file.h"
#include "io/files/utf8.h"
#include "io/recording/dates.h"
#include "io/recording/reader.h"
#include "io/recording/units.h"

namespace sec::io {
namespace {

constexpr std::uintmax_t largest_file = 16'000'000;  // bytes

double number_of(const Json& json, const std::string& place) {
  require(json.is_number(), "{}: expected a number", place);
  return json.get<double>();
}

std::string text_of(const Json& json, const std::string& place) {
  require(json.is_string(), "{}: expected a text", place);
  std::string text = json.get<std::string>();
  const bool is_line = std::ranges::none_of(text, [](char c) { return static_cast<unsigned char>(c) < ' '; });
  require(is_line, "{}: expected a text of one line, without control characters", place);
  return text;
}

// A text as a side file may hold it: headers of other formats can have control characters, which become blanks.
std::string plain(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return text;
}

// Parses a value or a list of values.
template <typename T>
std::vector<T> list_of(const Json& json, const std::string& place,
                       T (*value)(const Json&, const std::string&)) {
  std::vector<T> list;
  if (!json.is_array()) {
    return {value(json, place)};
  }
  for (const Json& each : json) {
    list.push_back(value(each, place));
  }
  return list;
}

// A lead's value in a list with one value per lead or one for all; `otherwise` if the list is empty.
template <typename T>
T of_lead(const std::vector<T>& list, std::size_t lead, T otherwise) {
  return list.empty() ? otherwise : list[list.size() == 1 ? 0 : lead];
}

}  // namespace

std::filesystem::path side_file_of(const std::filesystem::path& recording) {
  return recording.string() + ".json";
}

std::filesystem::path find_side_file(const std::filesystem::path& recording) {
  namespace fs = std::filesystem;
  fs::path own = side_file_of(recording);
  fs::path shared = fs::path(recording).replace_extension(".json");
  if (fs::exists(own) || !fs::exists(shared)) {
    return own;
  }
  for (const char* extension : {".csv", ".tsv", ".npy", ".CSV", ".TSV", ".NPY"}) {
    const fs::path other = fs::path(recording).replace_extension(extension);
    std::error_code none;
    const bool may_own = fs::is_regular_file(other, none) && !fs::equivalent(other, recording, none) &&
                         !fs::exists(side_file_of(other));
    require(!may_own, "{}: describes {} or {}; rename it to {} or to {}", shared.string(), recording.string(),
            other.string(), own.filename().string(), side_file_of(other).filename().string());
  }
  return shared;
}

SideFile read_side_file(const std::filesystem::path& path) {
  SideFile side;
  if (!std::filesystem::exists(path)) {
    return side;
  }
  const std::string file = path.string();
  const std::string content = read_file(path, largest_file);
  Json json;
  try {
    json = Json::parse(content);
  } catch (const JsonError&) {
    fail("{}: expected JSON{}", file, is_utf8(content) ? "" : " in UTF-8");
  }
  require(json.is_object(), "{}: expected a JSON object", file);
  for (const auto& [key, value] : json.items()) {
    const std::string place = fmt::format("{}: {:?}", file, key);
    if (key == "rate") {
      side.rate = number_of(value, place);
      require_rate(*side.rate, place);
    } else if (key == "leads") {
      side.leads = list_of(value, place, text_of);
      require(std::ranges::none_of(side.leads, &std::string::empty), "{}: a lead without a name", place);
    } else if (key == "units") {
      side.units = list_of(value, place, text_of);
    } else if (key == "gain") {
      side.gain = list_of(value, place, number_of);
      require(std::ranges::all_of(side.gain, [](double g) { return std::isnormal(g); }),
              "{}: expected numbers other than 0", place);
    } else if (key == "baseline") {
      side.baseline = list_of(value, place, number_of);
      require(std::ranges::all_of(side.baseline, [](double b) { return std::abs(b) < 1e15; }),
              "{}: expected numbers below 1e15", place);
    } else if (key == "start_date") {
      side.start_date = text_of(value, place);
    } else if (key == "start_time") {
      side.start_time = text_of(value, place);
    } else if (key == "comments") {
      side.comments = list_of(value, place, text_of);
    } else {
      fail("{}: not among rate, leads, units, gain, baseline, start_date, start_time, comments", place);
    }
  }
  return side;
}

std::vector<SideScale> apply_side_file(const SideFile& side, const std::string& file, ReaderInfo& info) {
  const std::size_t count = info.leads.size();
  require(side.leads.empty() || side.leads.size() == count, "{}: \"leads\" are {}, the recording has {}",
          file, side.leads.size(), count);
  for (const auto& [key, size] : {std::pair("units", side.units.size()), std::pair("gain", side.gain.size()),
                                  std::pair("baseline", side.baseline.size())}) {
    require(size <= 1 || size == count, "{}: \"{}\" has {} values, expected one or {}", file, key, size,
            count);
  }
  std::vector<SideScale> scales(count);
  for (std::size_t i = 0; i < count; ++i) {
    Lead& lead = info.leads[i];
    lead.name = side.leads.empty() ? lead.name : side.leads[i];
    lead.units = of_lead(side.units, i, lead.units);
    const double millivolts = millivolts_per(lead.units);
    const double unit = millivolts > 0 ? millivolts : 1;
    lead.units = millivolts > 0 ? "mV" : lead.units.empty() ? std::string(no_unit) : lead.units;
    const double gain = of_lead(side.gain, i, 1.0) / unit;
    const double baseline = of_lead(side.baseline, i, 0.0);
    scales[i] = {1 / gain, -baseline / gain};
    if (!side.gain.empty()) {
      lead.gain = gain;
      lead.baseline = static_cast<int>(std::clamp(std::round(baseline), -2147483648.0, 2147483647.0));
    }
  }
  info.rate = side.rate.value_or(info.rate);
  info.samples_per_frame.assign(count, 1);
  const std::string date = numeric_date(side.start_date);
  info.start_date = date.empty() ? side.start_date : date;
  info.start_time = side.start_time;
  for (const std::string& comment : side.comments) {  // the table itself may contain the same comments
    if (std::ranges::find(info.comments, comment) == info.comments.end()) {
      info.comments.push_back(comment);
    }
  }
  return scales;
}

std::string column_name(const ReaderInfo& info, std::size_t lead) {
  const std::string& name = info.leads[lead].name;
  return name.empty() ? fmt::format("signal {}", lead + 1) : name;
}

void write_side_file(FileGroup& files, const std::filesystem::path& recording, const ReaderInfo& info,
                     bool digital) {
  Json json = {{"rate", info.rate * common_samples_per_frame(info)},
               {"leads", Json::array()},
               {"units", Json::array()}};
  for (std::size_t i = 0; i < info.leads.size(); ++i) {
    const Lead& lead = info.leads[i];
    json["leads"].push_back(plain(column_name(info, i)));
    json["units"].push_back(plain(lead.units));
    if (digital) {
      json["gain"].push_back(lead.gain);
      json["baseline"].push_back(lead.baseline);
    }
  }
  if (!info.start_date.empty()) {
    json["start_date"] = info.start_date;
  }
  if (!info.start_time.empty()) {
    json["start_time"] = info.start_time;
  }
  if (!info.comments.empty()) {
    for (const std::string& comment : info.comments) {
      json["comments"].push_back(plain(comment));
    }
  }
  files.add(side_file_of(recording)).write(json.dump(2) + '\n');
}

}  // namespace sec::io
