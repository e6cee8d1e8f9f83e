#include "engine/error.h"

namespace sec {

void fail_formatted(fmt::string_view text, fmt::format_args args) {
  std::string line = fmt::vformat(text, args);
  for (char& c : line) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  throw Error(line);
}

}  // namespace sec
