#include "io/files/standard_streams.h"

#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <new>
#include <stdexcept>

#include "engine/utf8.h"

namespace sec::io {

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

std::string message_of(const std::exception& error) {
  if (const auto* file = dynamic_cast<const std::filesystem::filesystem_error*>(&error)) {
    return one_line(fmt::format("{}: {}", file->path1().string(), file->code().message()));
  }
  if (dynamic_cast<const std::bad_alloc*>(&error) != nullptr ||
      dynamic_cast<const std::length_error*>(&error) != nullptr) {
    return "not enough memory";
  }
  return one_line(error.what());
}

void tell_error(std::string_view program, const std::exception& error) {
  tell("{}: {}\n", program, message_of(error));
}

}  // namespace sec::io
