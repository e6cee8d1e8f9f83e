// One error style: every failure throws sec::Error. Its message is a single line.
// The message names the operation or file, the position in the file, and what was expected.
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

// Throws Error with one_line() of the formatted text (engine/utf8.h), because files may hold anything.
[[noreturn]] void fail_formatted(fmt::string_view text, fmt::format_args args);

template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> text, Args&&... args) {
  fail_formatted(text, fmt::make_format_args(args...));
}

// Throws Error with the formatted text unless `condition` holds.
template <typename... Args>
void require(bool condition, fmt::format_string<Args...> text, Args&&... args) {
  if (!condition) [[unlikely]] {
    fail_formatted(text, fmt::make_format_args(args...));
  }
}

}  // namespace sec
