#include "io/files/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>

#include "engine/error.h"
#include "engine/failure.h"

namespace sec::io {
namespace {

// Called after the write, because errno must be read after it. An earlier failure that the stream remembers sets none.
void require_written(bool written) {
  const int reason = errno;
  require(written, "standard output: cannot write: {}",
          reason == 0 ? "an earlier write failed" : std::strerror(reason));
}

}  // namespace

void guard_standard_streams() {
  std::signal(SIGPIPE, SIG_IGN);
  std::signal(SIGXFSZ, SIG_IGN);
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) == -1) {
      // open returns the lowest free number, which is this one.
      if (::open("/dev/null", O_RDONLY) != stream) {  // NOLINT(cppcoreguidelines-pro-type-vararg)
        return;
      }
    }
  }
}

void write_stderr(std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), stderr);
  std::fflush(stderr);
}

void tell_error(std::string_view program, const std::exception& error) {
  tell("{}: {}\n", program, describe(error));
}

void print(std::string_view text) {
  errno = 0;
  const std::string shown = for_terminal(text);
  const bool written = std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size();
  require_written(written);
}

void print_json_text(std::string_view json) {
  errno = 0;
  const std::string shown = escaped_controls(json);
  const bool written = std::fwrite(shown.data(), 1, shown.size(), stdout) == shown.size();
  require_written(written);
}

void flush_stdout() {
  errno = 0;
  const bool written = std::fflush(stdout) == 0;
  require_written(written);
}

}  // namespace sec::io
