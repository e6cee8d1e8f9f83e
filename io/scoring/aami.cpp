#include "io/scoring/aami.h"

#include "engine/error.h"
#include "io/recording/annotation_codes.h"

namespace sec::io {

std::optional<BeatClass> beat_class_of(int code, BeatMapping mapping) {
  const std::string symbol = is_annotation_code(code) ? symbol_of(code) : "";
  if (symbol.size() != 1) {
    return std::nullopt;
  }
  constexpr std::string_view escape_beats = "ejn";
  if (escape_beats.find(symbol.front()) != std::string_view::npos) {
    return mapping == BeatMapping::ec57 ? BeatClass::S : BeatClass::N;
  }
  constexpr std::string_view symbols[beat_classes] = {"NLRB", "AaJS", "VEr", "F", "/fQ?"};
  for (std::size_t c = 0; c < beat_classes; ++c) {
    if (symbols[c].find(symbol.front()) != std::string_view::npos) {
      return static_cast<BeatClass>(c);
    }
  }
  return std::nullopt;
}

ClassCounts count_beats(std::span<const Annotation> annotations) {
  ClassCounts counts{};
  for (const Annotation& annotation : annotations) {
    if (const auto beat = beat_class_of(annotation.code)) {
      ++counts[static_cast<std::size_t>(*beat)];
    }
  }
  return counts;
}

std::string text_of(const ClassCounts& counts) {
  std::string text;
  for (std::size_t c = 0; c < beat_classes; ++c) {
    text += fmt::format("{}{} {}", c == 0 ? "" : " ", beat_class_names[c], counts[c]);
  }
  return text;
}

}  // namespace sec::io
