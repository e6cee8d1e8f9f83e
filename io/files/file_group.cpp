#include "io/files/file_group.h"

#include <system_error>

#include "engine/error.h"

namespace sec::io {
namespace {

void remove_file(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::remove(path, error);
  require(!error, "{}: cannot remove: {}", path.string(), error.message());
}

}  // namespace

AtomicFile& FileGroup::head(const std::filesystem::path& path) {
  head_ = std::make_unique<AtomicFile>(path);
  return *head_;
}

AtomicFile& FileGroup::add(const std::filesystem::path& path) {
  return *files_.emplace_back(std::make_unique<AtomicFile>(path));
}

void FileGroup::remove(const std::filesystem::path& path) {
  if (std::filesystem::exists(std::filesystem::symlink_status(path))) {
    removed_.push_back(path);
  }
}

void FileGroup::commit() {
  require(head_ != nullptr, "a group of files without a head");
  for (const auto& file : files_) {
    file->complete();
  }
  head_->complete();
  if (!files_.empty() || !removed_.empty()) {
    head_->remove_old();
  }
  for (const auto& file : files_) {
    file->commit();
  }
  for (const std::filesystem::path& path : removed_) {
    remove_file(path);
  }
  head_->commit();
}

}  // namespace sec::io
