#include "io/databases/tianchi.h"

#include <charconv>
#include <string>

#include "engine/error.h"
#include "io/files/read_file.h"

namespace sec::io {
namespace {

constexpr std::string_view header = "I II V1 V2 V3 V4 V5 V6";
constexpr std::uintmax_t largest_file = 16'000'000;  // bytes; the contest's files have about 0.1 million

std::string_view next_line(std::string_view& rest) {
  const std::size_t end = rest.find('\n');
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
    line.remove_suffix(1);
  }
  return line;
}

std::string_view next_word(std::string_view& rest) {
  const std::size_t begin = rest.find_first_not_of(" \t");
  rest.remove_prefix(begin == std::string_view::npos ? rest.size() : begin);
  const std::string_view word = rest.substr(0, rest.find_first_of(" \t"));
  rest.remove_prefix(word.size());
  return word;
}

}  // namespace

Recording read_tianchi(const std::filesystem::path& path) {
  const std::string file = path.string();
  const std::string content = read_file(path, largest_file);
  std::string_view rest = content;
  require(next_line(rest) == header, "{}: line 1: expected the lead names {}", file, header);

  Recording recording;
  recording.name = path.stem().string();
  recording.rate = tianchi_rate;
  for (std::string_view names = header; !names.empty();) {
    recording.leads.push_back({std::string(next_word(names)), "mV", 1 / tianchi_millivolts, 0, 16});
  }
  recording.signals.resize(recording.leads.size());
  std::int64_t lines = 0;
  while (!rest.empty()) {
    const std::int64_t number = lines + 2;
    std::string_view line = next_line(rest);
    require(++lines <= tianchi_samples, "{}: line {}: expected {} lines of samples, found more", file, number,
            tianchi_samples);
    for (std::size_t lead = 0; lead < recording.signals.size(); ++lead) {
      const std::string_view word = next_word(line);
      int value = 0;
      const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
      require(!word.empty() && error == std::errc() && end == word.data() + word.size(),
              "{}: line {}: lead {} is '{}', expected a whole number", file, number,
              recording.leads[lead].name, word);
      recording.signals[lead].push_back(static_cast<float>(value * tianchi_millivolts));
    }
    require(next_word(line).empty(), "{}: line {}: expected {} numbers, found more", file, number,
            recording.signals.size());
  }
  require(lines == tianchi_samples, "{}: {} lines of samples, expected {}", file, lines, tianchi_samples);
  return recording;
}

}  // namespace sec::io
