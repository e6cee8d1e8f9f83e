// Headers of NumPy's .npy files (NumPy Enhancement Proposal 1, versions 1.0 to 3.0).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace sec::io {

enum class NpyType { i16, i32, f32, f64 };

std::int64_t bytes_of(NpyType type);

struct NpyHeader {
  NpyType type = NpyType::f32;
  bool big_endian = false;
  bool fortran_order = false;  // a column after the other
  std::int64_t rows = 0;
  std::int64_t columns = 1;  // 1 of an array of one dimension
  std::int64_t bytes = 0;    // of the header
};

// `content` is the beginning of a file of `size` bytes, or all of it. Throws Error naming `file` and what was
// expected: arrays of one or two dimensions of int16, int32, float32 or float64, and exactly their bytes.
NpyHeader parse_npy_header(std::string_view content, std::int64_t size, const std::string& file);

// The longest header that is read, bytes.
inline constexpr std::int64_t longest_npy_header = 65536;

// The bytes of a header, little-endian and row by row.
std::string npy_header_text(NpyType type, std::int64_t rows, std::int64_t columns);

}  // namespace sec::io
