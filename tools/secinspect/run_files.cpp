#include "tools/secinspect/run_files.h"

#include <charconv>
#include <cmath>
#include <fstream>
#include <set>

#include "engine/error.h"
#include "io/files/read_file.h"
#include "io/files/text_table.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using io::Json;

constexpr std::uintmax_t largest_recipe = 1'000'000;     // bytes
constexpr std::uintmax_t largest_metrics = 256'000'000;  // bytes
constexpr std::string_view probability_column = "probability ";

std::vector<std::string> parts_of(const std::string& text) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('|', begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

float probability_of(const std::string& text, const std::string& place) {
  float value = 0;
  const char* const end = text.data() + text.size();
  const auto [next, error] = std::from_chars(text.data(), end, value);
  require(error == std::errc() && next == end && value >= 0 && value <= 1,
          "{}: \"{}\", expected a probability", place, text);
  return value;
}

}  // namespace

void RunLog::take(std::string_view line) {
  Json value = Json::parse_or_null(line);
  if (!value.is_object() || !value.contains("event") || !value.contains("step") ||
      !value.at("step").is_integer()) {
    return;
  }
  const Json& event = value.at("event");
  std::vector<Json>& to = event == Json("epoch") ? epochs_ : event == Json("state") ? states_ : steps_;
  to.push_back(std::move(value));
}

bool RunLog::read() {
  std::ifstream in(file_, std::ios::binary);
  if (!in) {
    require(!fs::exists(file_), "{}: cannot open", file_.string());
    const bool had = taken_ > 0;
    *this = RunLog(file_);
    return had;
  }
  std::string first;
  std::getline(in, first);
  in.clear();
  in.seekg(0, std::ios::end);
  const auto size = static_cast<std::uintmax_t>(std::max<std::streamoff>(0, in.tellg()));
  bool changed = false;
  if (size < taken_ || (taken_ > 0 && first != first_line_)) {
    *this = RunLog(file_);
    changed = true;
  }
  if (size == taken_) {
    return changed;
  }
  in.seekg(static_cast<std::streamoff>(taken_));
  std::string text(static_cast<std::size_t>(size - taken_), '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(std::max<std::streamsize>(0, in.gcount())));
  std::size_t begin = 0;
  for (std::size_t end = text.find('\n'); end != std::string::npos; end = text.find('\n', begin)) {
    take(std::string_view(text).substr(begin, end - begin));
    begin = end + 1;
    changed = true;
  }
  if (taken_ == 0 && begin > 0) {
    first_line_ = first;
  }
  taken_ += begin;
  return changed;
}

RunFiles read_run(const fs::path& folder) {
  const fs::path recipe = folder / "recipe.toml";
  require(fs::is_directory(folder), "{}: {}: expected a run folder of sectrain", folder.string(),
          fs::exists(folder) ? "not a folder" : "no such folder");
  require(fs::exists(recipe), "{}: no such file: expected a run folder of sectrain", recipe.string());
  RunFiles run;
  run.folder = folder;
  run.recipe_text = io::read_file(recipe, largest_recipe);
  run.recipe = train::parse_run_recipe(run.recipe_text, recipe.string());
  const fs::path metrics = folder / "metrics.json";
  if (fs::exists(metrics)) {
    try {
      run.metrics = Json::parse(io::read_file(metrics, largest_metrics));
    } catch (const io::JsonError& error) {
      fail("{}: {}", metrics.string(), error.what());
    }
    require(run.metrics.is_object(), "{}: expected an object", metrics.string());
  }
  return run;
}

RunPredictions read_predictions(const fs::path& file, const std::string& split) {
  require(fs::exists(file), "{}: no such file: the run has not finished", file.string());
  const io::TextTable table = io::read_text_table(file);
  const std::size_t split_column = table.column("split");
  const std::size_t recording = table.column("recording");
  const std::size_t patient = table.column("patient");
  const std::size_t truth = table.column("truth");
  const std::size_t decision = table.column("decision");
  const auto database = table.optional_column("database");
  const auto sample = table.optional_column("sample");
  RunPredictions result;
  std::vector<std::size_t> columns;
  for (std::size_t c = 0; c < table.heading.size(); ++c) {
    if (table.heading[c].starts_with(probability_column)) {
      result.classes.push_back(table.heading[c].substr(probability_column.size()));
      columns.push_back(c);
    }
  }
  require(!columns.empty(), "{}: no column \"probability CLASS\"", file.string());
  std::set<std::string> keys;
  for (const io::TextRow& row : table.rows) {
    if (row.fields[split_column] != split) {
      continue;
    }
    PredictedExample one;
    one.place = "recording " + row.fields[recording] + (sample ? ", sample " + row.fields[*sample] : "");
    one.key = (database ? row.fields[*database] + ":" : "") + one.place;
    require(keys.insert(one.key).second, "{}: {} is listed twice", row.place, one.place);
    one.patient = (database ? row.fields[*database] + ":" : "") +
                  (row.fields[patient].empty() ? row.fields[recording] : row.fields[patient]);
    one.truth = parts_of(row.fields[truth]);
    one.decision = parts_of(row.fields[decision]);
    for (const std::size_t c : columns) {
      one.probability.push_back(probability_of(row.fields[c], row.place));
    }
    result.examples.push_back(std::move(one));
  }
  return result;
}

}  // namespace sec::tools
