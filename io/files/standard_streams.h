// Standard error and its kin, which may be closed, full or a pipe without a reader.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

namespace sec::io {

// Called first in main. Ignores SIGPIPE and SIGXFSZ, so that a reader that went away and a file size limit are errors
// of the write. A standard stream that is closed is opened for reading from /dev/null: a file that is opened later must
// not get its number, and writes to it must fail.
void guard_standard_streams();

// Writes to standard error. Ignores failure: a program must not end because nobody reads its progress.
void write_stderr(std::string_view text);

template <typename... Args>
void tell(fmt::format_string<Args...> text, Args&&... args) {
  write_stderr(fmt::format(text, std::forward<Args>(args)...));
}

// The text of an exception as one line. Those of the C++ library do not say what a user needs, so they are put in
// other words: a failed file operation as "PATH: REASON", and failed allocations as a lack of memory.
std::string message_of(const std::exception& error);

// Writes "PROGRAM: MESSAGE" to standard error.
void tell_error(std::string_view program, const std::exception& error);

}  // namespace sec::io
