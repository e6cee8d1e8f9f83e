// Standard error and its kin, which may be closed, full or a pipe without a reader.
#pragma once

#include <fmt/format.h>

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

}  // namespace sec::io
