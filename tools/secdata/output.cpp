#include "tools/secdata/output.h"

#include "io/recording/annotation_codes.h"

namespace sec::tools {

using namespace sec::io;

void print_json(const Json& json) {
  io::print_json_text(json.dump() + "\n");
}

std::string quoted(const std::string& field) {
  if (field.find_first_of(",\"\r\n") == std::string::npos) {
    return field;
  }
  std::string text = "\"";
  for (const char c : field) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + '"';
}

Histogram symbols_of(const std::vector<Annotation>& annotations) {
  Histogram histogram;
  for (const Annotation& annotation : annotations) {
    ++histogram[symbol_of(annotation.code)];
  }
  return histogram;
}

std::string text_of(const Histogram& histogram) {
  std::string text;
  for (const auto& [symbol, count] : histogram) {
    text += fmt::format("{}{} {}", text.empty() ? "" : "  ", symbol, count);
  }
  return text;
}

Json json_of(const ClassCounts& counts) {
  Json json;
  for (std::size_t c = 0; c < beat_classes; ++c) {
    json[std::string(beat_class_names[c])] = counts[c];
  }
  return json;
}

RecordPath::RecordPath(const std::string& text) {
  std::filesystem::path path(text);
  if (path.extension() == ".hea") {
    path.replace_extension();
  }
  folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  name = path.filename().string();
}

}  // namespace sec::tools
