// Atomic file replacement: a reader never sees a partly written file, even after a crash or a full disk.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>

namespace sec::io {

// Writes the pieces in order to a temporary file in the same folder, makes it durable (fsync) and renames it.
// The temporary files of NAME are called .NAME.tmp-0, .NAME.tmp-1 and so on. A writer locks its temporary file. The next
// writer of NAME removes those without a lock: they were left by programs that were killed.
// If anything fails before the rename, an existing file of that name is unchanged. If `path` is a symbolic
// link, the link's target is replaced. A pipe, device or other special file is written directly.
// The new file keeps the mode of the file that it replaces; otherwise the mode follows from the umask.
// Throws Error naming the file and the system's reason.
void write_atomically(const std::filesystem::path& path, std::span<const std::string_view> pieces);
void write_atomically(const std::filesystem::path& path, std::string_view content);

// Writes files too large to hold in memory in the same way. The file appears under its name at commit().
// Without commit(), the destructor discards what was written.
class AtomicFile {
 public:
  // Creates the temporary file. Throws Error if the folder cannot be written to.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(std::string_view bytes);
  void commit();

  // Parts of commit() for files that are replaced together (io/files/file_group.h): complete() makes the
  // temporary file durable, after which nothing can be written; remove_old() removes the file to be replaced.
  void complete();
  void remove_old();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Removes temporary files that killed programs left while they wrote `path`, for programs that may not write the file
// again. Files that a living program is writing stay. Errors are ignored.
void remove_abandoned_temporaries(const std::filesystem::path& path);

}  // namespace sec::io
