#include "io/files/random_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "engine/error.h"

namespace sec::io {

RandomFile::RandomFile(const std::filesystem::path& path) : path_(path) {
  // Without O_NONBLOCK, opening a pipe that has no writer would block forever.
  file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  require(file_ >= 0, "{}: cannot open: {}", path_.string(), std::strerror(errno));
  struct stat status {};
  if (::fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) {
    ::close(file_);
    fail("{}: expected a regular file", path_.string());
  }
  size_ = status.st_size;
}

RandomFile::~RandomFile() {
  ::close(file_);
}

void RandomFile::read(std::int64_t offset, std::span<char> bytes) const {
  while (!bytes.empty()) {
    const ssize_t got = ::pread(file_, bytes.data(), bytes.size(), offset);
    if (got < 0 && errno == EINTR) {
      continue;
    }
    require(got >= 0, "{}: cannot read: {}", path_.string(), std::strerror(errno));
    require(got > 0, "{}: became shorter while it was read", path_.string());
    bytes = bytes.subspan(static_cast<std::size_t>(got));
    offset += got;
  }
}

}  // namespace sec::io
