// Reads the lines of a text file of any size in order, starting at any line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "io/files/random_file.h"

namespace sec::io {

class CsvLines {
 public:
  explicit CsvLines(const RandomFile& file) : file_(file) {}

  // Moves to byte `offset`, where line `number` (counted from 1) begins.
  void go(std::int64_t offset, std::int64_t number);
  std::int64_t offset() const { return offset_; }  // byte offset of the next line
  std::int64_t number() const { return number_; }  // number of the next line

  // Returns the next line without LF or CR LF, or nullopt at the end of the file. The view is valid until the
  // next call. Throws Error on a line of more than a million bytes.
  std::optional<std::string_view> next();

 private:
  const RandomFile& file_;
  std::int64_t offset_ = 0;
  std::int64_t number_ = 1;
  std::int64_t buffer_at_ = 0;  // byte offset of the buffer in the file
  std::string buffer_;
};

}  // namespace sec::io
