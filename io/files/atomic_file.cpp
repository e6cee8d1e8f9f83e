#include "io/files/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstring>
#include <optional>
#include <string>
#include <system_error>
#include <tuple>
#include <utility>
#include <vector>

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

// An open file. The destructor closes it, and removes it unless keep() was called.
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
    // Network file systems report a full disk only at close.
    const bool closed = ::close(std::exchange(file_, -1)) == 0;
    require(closed, "{}: cannot write: {}", named_.string(), std::strerror(errno));
  }

 private:
  fs::path path_;
  fs::path named_;  // the name shown in error messages
  int file_ = -1;
  bool remove_ = false;
};

// Whether `text` is NUMBER-NUMBER, the end of a temporary file's name: process and count.
bool is_process_and_count(std::string_view text) {
  const std::size_t dash = text.find('-');
  const auto is_number = [](std::string_view part) {
    return !part.empty() && std::ranges::all_of(part, [](char c) { return c >= '0' && c <= '9'; });
  };
  return dash != std::string_view::npos && is_number(text.substr(0, dash)) &&
         is_number(text.substr(dash + 1));
}

}  // namespace

class AtomicFile::Impl {
 public:
  explicit Impl(const fs::path& path) : path_(path) {
    std::error_code ignored;
    const fs::file_status status = fs::status(path, ignored);
    require(status.type() != fs::file_type::directory, "{}: is a folder, expected a file name",
            path.string());
    if (fs::exists(status) && status.type() != fs::file_type::regular) {
      file_.emplace(path, 0, path);
      return;
    }
    target_ = fs::exists(status) ? fs::canonical(path) : path;
    folder_ = target_.has_parent_path() ? target_.parent_path() : fs::path(".");
    static std::atomic<unsigned> count = 0;
    temporary_ = folder_ / fmt::format(".{}.tmp-{}-{}", target_.filename().string(), ::getpid(), count++);
    file_.emplace(temporary_, O_CREAT | O_EXCL, path);
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

void sweep_temporaries(const fs::path& folder, std::span<const std::string_view> names) {
  std::error_code ignored;
  std::vector<fs::path> left;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
    const std::string file = entry.path().filename().string();
    const bool ours = std::ranges::any_of(names, [&](std::string_view name) {
      const std::string begin = fmt::format(".{}.tmp-", name);
      return file.starts_with(begin) && is_process_and_count(std::string_view(file).substr(begin.size()));
    });
    if (ours && entry.symlink_status(ignored).type() == fs::file_type::regular) {
      left.push_back(entry.path());
    }
  }
  for (const fs::path& path : left) {
    fs::remove(path, ignored);
  }
}

}  // namespace sec::io
