// One error style: every failure throws sec::Error. Its message is a single line that names the operation or
// the file, the position in the file, and what was expected.
#pragma once

#include <fmt/format.h>

#include <stdexcept>
#include <string>
#include <utility>

namespace sec {

class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  std::string line = fmt::format(text, std::forward<Args>(args)...);
  for (char& c : line) {  // a file's own words may hold anything
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? '?' : c;
  }
  throw Error(line);
}

// Throws Error with the formatted text unless `condition` holds.
template <typename... Args>
void require(bool condition, fmt::format_string<Args...> text, Args&&... args) {
  if (!condition) [[unlikely]] {
    fail(text, std::forward<Args>(args)...);
  }
}

}  // namespace sec
