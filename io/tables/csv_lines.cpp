#include "io/tables/csv_lines.h"

#include <algorithm>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr std::int64_t block = 1 << 18;
constexpr std::int64_t longest_line = 1'000'000;

}  // namespace

void CsvLines::go(std::int64_t offset, std::int64_t number) {
  offset_ = offset;
  number_ = number;
}

std::optional<std::string_view> CsvLines::next() {
  if (offset_ >= file_.size()) {
    return std::nullopt;
  }
  for (std::int64_t size = block;; size *= 2) {
    const bool inside = offset_ >= buffer_at_ && offset_ < buffer_at_ + std::ssize(buffer_);
    const std::size_t begin = inside ? static_cast<std::size_t>(offset_ - buffer_at_) : 0;
    const std::size_t end = inside ? buffer_.find('\n', begin) : std::string::npos;
    const bool at_end = inside && buffer_at_ + std::ssize(buffer_) == file_.size();
    if (end != std::string::npos || at_end) {
      std::string_view line =
          std::string_view(buffer_).substr(begin, end == std::string::npos ? end : end - begin);
      require(std::ssize(line) <= longest_line, "{}: line {}: longer than {} bytes", file_.path().string(),
              number_, longest_line);
      offset_ += std::ssize(line) + 1;
      ++number_;
      if (line.ends_with('\r')) {
        line.remove_suffix(1);
      }
      return line;
    }
    require(size <= 16 * block, "{}: line {}: longer than {} bytes", file_.path().string(), number_,
            longest_line);
    buffer_.resize(static_cast<std::size_t>(std::min(size, file_.size() - offset_)));
    buffer_at_ = offset_;
    file_.read(offset_, buffer_);
  }
}

}  // namespace sec::io
