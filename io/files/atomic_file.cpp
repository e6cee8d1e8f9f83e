#include "io/files/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>

#include "engine/error.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// write(2) writes at most 2 GiB per call, and less when the disk is nearly full.
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

fs::path temporary_of(const fs::path& target, int count) {
  return target.parent_path() / fmt::format(".{}.tmp-{}", target.filename().string(), count);
}

bool is_named(int file, const fs::path& path) {
  struct stat open {};
  struct stat named {};
  return ::fstat(file, &open) == 0 && ::lstat(path.c_str(), &named) == 0 && S_ISREG(named.st_mode) &&
         open.st_dev == named.st_dev && open.st_ino == named.st_ino;
}

// Removes a temporary file whose writer is dead, which shows in that nobody holds its lock.
// While a program holds the lock, no other program renames or removes the file, so is_named() stays true.
void remove_if_abandoned(const fs::path& temporary) {
  const int file = ::open(temporary.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
  if (file < 0) {
    return;
  }
  if (::flock(file, LOCK_EX | LOCK_NB) == 0 && is_named(file, temporary)) {
    ::unlink(temporary.c_str());
  }
  ::close(file);
}

// Creates and locks a temporary file for `target`. Returns its descriptor and sets `temporary` to its name.
// Some network file systems have no locks: there, temporary files are never taken for abandoned.
int create_temporary(const fs::path& target, const fs::path& named, fs::path& temporary) {
  for (int count = 0;; ++count) {
    temporary = temporary_of(target, count);
    remove_if_abandoned(temporary);
    const int file = ::open(temporary.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
    require(file >= 0 || errno == EEXIST, "{}: cannot create: {}", named.string(), std::strerror(errno));
    if (file < 0) {
      continue;  // another program is writing the same target
    }
    while (::flock(file, LOCK_EX) != 0 && errno == EINTR) {
    }
    if (is_named(file, temporary)) {
      return file;
    }
    ::close(file);  // before it was locked, another program took it for abandoned
  }
}

// An open file. The destructor closes it, and removes it unless keep() was called.
class OpenFile {
 public:
  OpenFile(int file, const fs::path& path, const fs::path& named) : path_(path), named_(named), file_(file) {
    require(file_ >= 0, "{}: cannot create: {}", named.string(), std::strerror(errno));
    // A lock lasts until the last copy of the descriptor is closed.
    lock_ = ::fcntl(file_, F_DUPFD_CLOEXEC, 0);
  }
  ~OpenFile() {
    if (file_ >= 0) {
      ::close(file_);
    }
    if (remove_) {
      ::unlink(path_.c_str());
    }
    if (lock_ >= 0) {
      ::close(lock_);
    }
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;

  int number() const { return file_; }
  void remove_on_failure() { remove_ = true; }
  void keep() { remove_ = false; }
  void close() {
    // Network file systems report a full disk only at close.
    const bool closed = ::close(std::exchange(file_, -1)) == 0;
    require(closed, "{}: cannot write: {}", named_.string(), std::strerror(errno));
  }

 private:
  fs::path path_;
  fs::path named_;  // the name shown in error messages
  int file_ = -1;
  int lock_ = -1;
  bool remove_ = false;
};

}  // namespace

class AtomicFile::Impl {
 public:
  explicit Impl(const fs::path& path) : path_(path) {
    std::error_code ignored;
    const fs::file_status status = fs::status(path, ignored);
    require(status.type() != fs::file_type::directory, "{}: is a folder, expected a file name",
            path.string());
    if (fs::exists(status) && status.type() != fs::file_type::regular) {
      file_.emplace(::open(path.c_str(), O_WRONLY | O_CLOEXEC), path, path);
      return;
    }
    target_ = fs::exists(status) ? fs::canonical(path) : path;
    folder_ = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    const int file = create_temporary(target_, path, temporary_);
    file_.emplace(file, temporary_, path);
    file_->remove_on_failure();
    if (fs::exists(status)) {
      // Some file systems have no modes. The new file then gets the default one.
      std::ignore = ::fchmod(file_->number(), static_cast<mode_t>(status.permissions() & fs::perms::all));
    }
  }

  void write(std::string_view bytes) { write_all(file_->number(), bytes, path_); }

  void complete() {
    if (complete_) {
      return;
    }
    if (!temporary_.empty()) {
      const bool durable = ::fsync(file_->number()) == 0;
      require(durable, "{}: cannot write: {}", path_.string(), std::strerror(errno));
    }
    file_->close();
    complete_ = true;
  }

  void remove_old() const {
    if (!temporary_.empty()) {
      std::error_code error;
      fs::remove(target_, error);
      require(!error, "{}: cannot replace: {}", path_.string(), error.message());
      sync_folder();
    }
  }

  void commit() {
    complete();
    if (temporary_.empty()) {
      return;
    }
    const bool renamed = ::rename(temporary_.c_str(), target_.c_str()) == 0;
    require(renamed, "{}: cannot rename into place: {}", path_.string(), std::strerror(errno));
    file_->keep();
    sync_folder();
  }

 private:
  // Makes new and removed names durable. Errors are ignored, because some file systems cannot sync folders.
  void sync_folder() const {
    const int directory = ::open(folder_.c_str(), O_RDONLY | O_CLOEXEC | O_DIRECTORY);
    if (directory >= 0) {
      ::fsync(directory);
      ::close(directory);
    }
  }

  fs::path path_;
  fs::path target_;
  fs::path folder_;
  fs::path temporary_;  // empty if `path` is a special file that is written directly
  std::optional<OpenFile> file_;
  bool complete_ = false;
};

AtomicFile::AtomicFile(const fs::path& path) : impl_(std::make_unique<Impl>(path)) {}

AtomicFile::~AtomicFile() = default;

void AtomicFile::write(std::string_view bytes) {
  impl_->write(bytes);
}

void AtomicFile::complete() {
  impl_->complete();
}

void AtomicFile::remove_old() {
  impl_->remove_old();
}

void AtomicFile::commit() {
  impl_->commit();
}

void write_atomically(const fs::path& path, std::span<const std::string_view> pieces) {
  AtomicFile file(path);
  for (const std::string_view piece : pieces) {
    file.write(piece);
  }
  file.commit();
}

void write_atomically(const fs::path& path, std::string_view content) {
  write_atomically(path, std::span(&content, 1));
}

void remove_abandoned_temporaries(const fs::path& path) {
  constexpr int most_writers = 16;  // programs that are expected to write one file at the same time
  std::error_code ignored;
  const fs::path target = fs::exists(path, ignored) ? fs::canonical(path, ignored) : path;
  for (int count = 0; count < most_writers; ++count) {
    remove_if_abandoned(temporary_of(target, count));
  }
}

}  // namespace sec::io
