// Headers of NumPy's .npy files (NumPy Enhancement Proposal 1, versions 1.0 to 3.0).
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace sec::io {

enum class NpyType { i16, i32, f32, f64 };

std::int64_t bytes_of(NpyType type);

struct NpyHeader {
  NpyType type = NpyType::f32;
  bool big_endian = false;
  bool fortran_order = false;  // column-major
  std::int64_t rows = 0;
  std::int64_t columns = 1;  // 1 for a one-dimensional array
  std::int64_t bytes = 0;    // size of the header
};

// Parses a header. `content` is the beginning of a file of `size` bytes, or all of it. Accepts arrays of
// int16, int32, float32 or float64 with one or two dimensions. The file must have exactly the array's size.
// Throws Error naming `file` and what was expected.
NpyHeader parse_npy_header(std::string_view content, std::int64_t size, const std::string& file);

// The size limit of a header that is read, in bytes.
inline constexpr std::int64_t longest_npy_header = 65536;

// A header for a little-endian, row-major array.
std::string npy_header_text(NpyType type, std::int64_t rows, std::int64_t columns);
std::string npy_header_text(NpyType type, std::span<const std::int64_t> shape);

}  // namespace sec::io
