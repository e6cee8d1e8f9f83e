// Atomic file replacement: a reader never sees a partly written file, even after a crash or a full disk.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace sec::io {

// Writes the pieces in order to a temporary file in the same folder, makes it durable (fsync) and renames it.
// If anything fails before the rename, an existing file of that name is unchanged.
// If `path` is a symbolic link, the link's target is replaced.
// A pipe, device or other special file is written directly.
// Throws Error naming the file and the system's reason.
void write_atomically(const std::filesystem::path& path, std::span<const std::string_view> pieces);
void write_atomically(const std::filesystem::path& path, std::string_view content);

// Writes files too large to hold in memory in the same way. The file appears under its name at commit().
// Without commit(), the destructor discards what was written.
class AtomicFile {
 public:
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sec::io
