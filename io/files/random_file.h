// Random access to a regular file of any size.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>

namespace sec::io {

class RandomFile {
 public:
  // Throws Error, naming the file and the reason, if it cannot be opened or is not a regular file.
  explicit RandomFile(const std::filesystem::path& path);
  ~RandomFile();
  RandomFile(const RandomFile&) = delete;
  RandomFile& operator=(const RandomFile&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::int64_t size() const { return size_; }  // bytes, at the time of opening
  // Fills `bytes` from byte `offset` onwards. Throws Error if the file has shrunk since it was opened.
  void read(std::int64_t offset, std::span<char> bytes) const;

 private:
  std::filesystem::path path_;
  int file_ = -1;
  std::int64_t size_ = 0;
};

}  // namespace sec::io
