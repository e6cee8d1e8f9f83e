// The lines of a text file of any size, one after the other from any byte on.
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

  // Goes to a byte where line `number` (from 1) begins.
  void go(std::int64_t offset, std::int64_t number);
  std::int64_t offset() const { return offset_; }  // of the next line
  std::int64_t number() const { return number_; }  // of the next line

  // The next line without LF or CR LF, until the next call; nothing at the end. Throws Error on a line of
  // more than a million bytes.
  std::optional<std::string_view> next();

 private:
  const RandomFile& file_;
  std::int64_t offset_ = 0;
  std::int64_t number_ = 1;
  std::int64_t buffer_at_ = 0;  // where the buffer lies in the file
  std::string buffer_;
};

}  // namespace sec::io
