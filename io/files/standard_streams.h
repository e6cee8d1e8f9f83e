// Standard output and standard error, which may be closed, full or a pipe without a reader.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

#include "io/files/utf8.h"

namespace sec::io {

// Called first in main. Ignores SIGPIPE and SIGXFSZ, so that a reader that went away and a file size limit are errors
// of the write. A standard stream that is closed is opened for reading from /dev/null: a file that is opened later must
// not get its number, and writes to it must fail.
void guard_standard_streams();

// Writes to standard error as it is. Ignores failure: a program must not end because nobody reads its progress.
void write_stderr(std::string_view text);

// Writes to standard output what for_terminal() (utf8.h) leaves of the text: names, comments and labels from files must not
// command a terminal. Throws Error if writing fails.
void print(std::string_view text);
// The same for JSON, in which DEL and the code points U+0080 to U+009F are escaped as \u007f and so on.
void print_json_text(std::string_view json);
// Throws Error if what was printed could not be written.
void flush_stdout();

// Writes a message to standard error, without control characters that its arguments may hold.
template <typename... Args>
void tell(fmt::format_string<Args...> text, Args&&... args) {
  write_stderr(for_terminal(fmt::format(text, std::forward<Args>(args)...)));
}

// Writes "PROGRAM: MESSAGE" to standard error, with what describe() in engine/failure.h says of the exception.
void tell_error(std::string_view program, const std::exception& error);

}  // namespace sec::io
