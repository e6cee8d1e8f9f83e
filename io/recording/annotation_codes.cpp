#include "io/recording/annotation_codes.h"

#include <algorithm>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr AnnotationCode codes[] = {
    {0, " ", "not an actual annotation"},
    {1, "N", "normal beat"},
    {2, "L", "left bundle branch block beat"},
    {3, "R", "right bundle branch block beat"},
    {4, "a", "aberrated atrial premature beat"},
    {5, "V", "premature ventricular contraction"},
    {6, "F", "fusion of ventricular and normal beat"},
    {7, "J", "nodal (junctional) premature beat"},
    {8, "A", "atrial premature beat"},
    {9, "S", "premature or ectopic supraventricular beat"},
    {10, "E", "ventricular escape beat"},
    {11, "j", "nodal (junctional) escape beat"},
    {12, "/", "paced beat"},
    {13, "Q", "unclassifiable beat"},
    {14, "~", "signal quality change"},
    {16, "|", "isolated QRS-like artifact"},
    {18, "s", "ST change"},
    {19, "T", "T-wave change"},
    {20, "*", "systole"},
    {21, "D", "diastole"},
    {22, "\"", "comment"},
    {23, "=", "measurement"},
    {24, "p", "P-wave peak"},
    {25, "B", "bundle branch block beat (unspecified)"},
    {26, "^", "pacer artifact that is not conducted"},
    {27, "t", "T-wave peak"},
    {28, "+", "rhythm change"},
    {29, "u", "U-wave peak"},
    {30, "?", "beat not classified while learning"},
    {31, "!", "ventricular flutter wave"},
    {32, "[", "start of ventricular flutter or fibrillation"},
    {33, "]", "end of ventricular flutter or fibrillation"},
    {34, "e", "atrial escape beat"},
    {35, "n", "supraventricular escape beat"},
    {36, "@", "link to external data"},
    {37, "x", "P-wave that is not conducted (blocked atrial premature beat)"},
    {38, "f", "fusion of paced and normal beat"},
    {39, "(", "waveform onset"},
    {40, ")", "waveform end"},
    {41, "r", "R-on-T premature ventricular contraction"},
};

const AnnotationCode* find(int code) {
  const auto* found = std::ranges::find(codes, code, &AnnotationCode::code);
  return found == std::end(codes) ? nullptr : found;
}

bool is_user_code(int code) {
  return code >= first_user_code && code <= last_user_code;
}

}  // namespace

std::span<const AnnotationCode> annotation_codes() {
  return codes;
}

bool is_annotation_code(int code) {
  return is_user_code(code) || find(code) != nullptr;
}

std::string symbol_of(int code) {
  const AnnotationCode* found = find(code);
  require(found != nullptr || (code > 0 && code <= last_user_code), "annotation code {} is not defined",
          code);
  return found != nullptr ? std::string(found->symbol) : fmt::format("[{}]", code);
}

std::optional<int> code_of(std::string_view symbol) {
  const auto* found = std::ranges::find(codes, symbol, &AnnotationCode::symbol);
  if (found != std::end(codes)) {
    return found->code;
  }
  for (int code = first_user_code; code <= last_user_code; ++code) {
    if (symbol_of(code) == symbol) {
      return code;
    }
  }
  return std::nullopt;
}

}  // namespace sec::io
