// Files that belong together appear together or not at all, whenever the program is killed.
#pragma once

#include <memory>
#include <vector>

#include "io/files/atomic_file.h"

namespace sec::io {

// One file of the group is its head: readers find the others by it, as they find a record's signal file by its
// header. commit() first completes all files under temporary names, then removes the old head, renames
// the other files and renames the head last. At no moment does a head stand beside files of another group.
// A kill in between leaves a group without a head, which no reader opens; an error before that leaves all as
// it was. A group of one file is replaced in a single step.
class FileGroup {
 public:
  AtomicFile& head(const std::filesystem::path& path);
  AtomicFile& add(const std::filesystem::path& path);
  // A file of the old group that the new one lacks.
  void remove(const std::filesystem::path& path);

  // Throws Error naming the file and the system's reason.
  void commit();

 private:
  std::unique_ptr<AtomicFile> head_;
  std::vector<std::unique_ptr<AtomicFile>> files_;
  std::vector<std::filesystem::path> removed_;
};

}  // namespace sec::io
