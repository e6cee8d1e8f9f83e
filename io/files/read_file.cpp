#include "io/files/read_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/error.h"

namespace sec::io {

std::string read_file(const std::filesystem::path& path, std::uintmax_t limit) {
  struct Descriptor {
    int number;
    ~Descriptor() {
      if (number >= 0) {
        ::close(number);
      }
    }
  };
  // Without O_NONBLOCK, opening a pipe that has no writer would block forever.
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  require(file.number >= 0, "{}: cannot open: {}", path.string(), std::strerror(errno));
  struct stat status {};
  require(::fstat(file.number, &status) == 0 && S_ISREG(status.st_mode), "{}: expected a regular file",
          path.string());
  const auto size = static_cast<std::size_t>(status.st_size);
  require(size <= limit, "{}: {} bytes, expected at most {}", path.string(), size, limit);
  std::string content(size, '\0');
  std::size_t done = 0;
  while (done < size) {
    const ssize_t got = ::read(file.number, content.data() + done, size - done);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    require(got >= 0, "{}: cannot read: {}", path.string(), std::strerror(errno));
    require(got > 0, "{}: became shorter while it was read", path.string());
    done += static_cast<std::size_t>(got);
  }
  return content;
}

}  // namespace sec::io
