#include "io/atomic_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>
#include <utility>

#include "engine/error.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// write(2) takes at most 2 GiB a call, and fewer where the disk is nearly full.
void write_all(int file, std::string_view bytes, const fs::path& path) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(file, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) {
      continue;
    }
    require(written >= 0, "{}: cannot write: {}", path.string(), std::strerror(errno));
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
}

// An open file that is closed, and removed unless it was kept, when it goes out of scope.
class OpenFile {
 public:
  OpenFile(const fs::path& path, int flags, const fs::path& named) : path_(path), named_(named) {
    file_ = ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, 0666);
    require(file_ >= 0, "{}: cannot create: {}", named.string(), std::strerror(errno));
  }
  ~OpenFile() {
    if (file_ >= 0) {
      ::close(file_);
    }
    if (remove_) {
      ::unlink(path_.c_str());
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int number() const { return file_; }
  void remove_on_failure() { remove_ = true; }
  void keep() { remove_ = false; }
  void close() {
    // Network file systems report a full disk here.
    const bool closed = ::close(std::exchange(file_, -1)) == 0;
    require(closed, "{}: cannot write: {}", named_.string(), std::strerror(errno));
  }

 private:
  fs::path path_;
  fs::path named_;  // for messages
  int file_ = -1;
  bool remove_ = false;
};

}  // namespace

void write_atomically(const fs::path& path, std::span<const std::string_view> pieces) {
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  require(status.type() != fs::file_type::directory, "{}: is a folder, expected a file name", path.string());
  if (fs::exists(status) && status.type() != fs::file_type::regular) {
    OpenFile file(path, 0, path);
    for (const std::string_view piece : pieces) {
      write_all(file.number(), piece, path);
    }
    file.close();
    return;
  }
  const fs::path target = fs::exists(status) ? fs::canonical(path) : path;
  const fs::path folder = target.has_parent_path() ? target.parent_path() : fs::path(".");
  static std::atomic<unsigned> count = 0;
  const fs::path temporary =
      folder / fmt::format(".{}.tmp-{}-{}", target.filename().string(), ::getpid(), count++);
  OpenFile file(temporary, O_CREAT | O_EXCL, path);
  file.remove_on_failure();
  for (const std::string_view piece : pieces) {
    write_all(file.number(), piece, path);
  }
  const bool durable = ::fsync(file.number()) == 0;
  require(durable, "{}: cannot write: {}", path.string(), std::strerror(errno));
  file.close();
  const bool renamed = ::rename(temporary.c_str(), target.c_str()) == 0;
  require(renamed, "{}: cannot rename into place: {}", path.string(), std::strerror(errno));
  file.keep();
  // The name becomes durable with its folder. Some file systems cannot sync folders: nothing to be done.
  const int directory = ::open(folder.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
  if (directory >= 0) {
    ::fsync(directory);
    ::close(directory);
  }
}

void write_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, std::span(&content, 1));
}

}  // namespace sec::io
