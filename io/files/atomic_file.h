// Files appear whole or not at all: a reader, a full disk or a kill never meets half a file.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace sec::io {

// Writes the pieces, one after the other, to a temporary name in the same folder, makes them durable (fsync)
// and renames. An older file of that name stays as it was until the rename, whatever fails; a symbolic link
// keeps pointing where it does. Something that is no regular file (a pipe, a device) is written directly.
// Throws Error naming the file and the system's reason.
void write_atomically(const std::filesystem::path& path, std::span<const std::string_view> pieces);
void write_atomically(const std::filesystem::path& path, std::string_view content);

// The same for files too large to be held in memory: what was written appears under its name with commit(),
// and is gone without.
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
