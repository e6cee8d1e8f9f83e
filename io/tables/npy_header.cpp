#include "io/tables/npy_header.h"

#include <fmt/ranges.h>

#include <array>
#include <charconv>
#include <vector>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr std::string_view magic = "\x93NUMPY";

// Parses the Python dictionary in a header: strings, True and False, and tuples of whole numbers.
class Dictionary {
 public:
  Dictionary(std::string_view text, const std::string& file) : rest_(text), file_(file) {}

  void blanks() {
    const std::size_t begin = rest_.find_first_not_of(" \n");
    rest_.remove_prefix(begin == std::string_view::npos ? rest_.size() : begin);
  }
  bool consume(char c) {
    blanks();
    if (!rest_.starts_with(c)) {
      return false;
    }
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    require(consume(c), "{}: header: expected '{}' {} bytes before its end", file_, c, rest_.size());
  }

  std::string text() {
    blanks();
    const bool quoted = !rest_.empty() && (rest_.front() == '\'' || rest_.front() == '"');
    const std::size_t end = quoted ? rest_.find(rest_.front(), 1) : std::string_view::npos;
    require(end != std::string_view::npos, "{}: header: expected a quoted string {} bytes before its end",
            file_, rest_.size());
    const std::string_view found = rest_.substr(1, end - 1);
    rest_.remove_prefix(end + 1);
    return std::string(found);
  }

  bool truth() {
    blanks();
    const bool value = rest_.starts_with("True");
    require(value || rest_.starts_with("False"), "{}: header: fortran_order: expected True or False", file_);
    rest_.remove_prefix(value ? 4 : 5);
    return value;
  }

  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!consume(')')) {
      blanks();
      std::int64_t value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      require(error == std::errc() && value >= 0 && values.size() < 32,
              "{}: header: shape: expected whole numbers of at least 0", file_);
      values.push_back(value);
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      rest_.remove_prefix(rest_.starts_with('L') ? 1 : 0);  // Python 2 wrote long integers as 3600L
      if (!consume(',')) {
        expect(')');
        break;
      }
    }
    return values;
  }

 private:
  std::string_view rest_;
  const std::string& file_;
};

void set_type(NpyHeader& header, const std::string& descr, const std::string& file) {
  struct Known {
    std::string_view name;
    NpyType type;
  };
  constexpr std::array<Known, 4> known{
      {{"i2", NpyType::i16}, {"i4", NpyType::i32}, {"f4", NpyType::f32}, {"f8", NpyType::f64}}};
  const bool ordered = descr.starts_with('<') || descr.starts_with('>');
  header.big_endian = descr.starts_with('>');
  for (const Known& each : known) {
    if (ordered && std::string_view(descr).substr(1) == each.name) {
      header.type = each.type;
      return;
    }
  }
  fail("{}: header: type {:?}, expected int16, int32, float32 or float64 (i2, i4, f4, f8)", file,
       descr.substr(0, 40));
}

}  // namespace

std::int64_t bytes_of(NpyType type) {
  return type == NpyType::i16 ? 2 : type == NpyType::f64 ? 8 : 4;
}

NpyHeader parse_npy_header(std::string_view content, std::int64_t size, const std::string& file) {
  require(content.starts_with(magic) && content.size() >= 12, "{}: expected a NumPy array (.npy)", file);
  const auto byte = [&](std::size_t i) {
    return static_cast<std::int64_t>(static_cast<unsigned char>(content[i]));
  };
  require(byte(6) >= 1 && byte(6) <= 3, "{}: version {} of the .npy format, expected 1 to 3", file, byte(6));
  const std::int64_t begin = byte(6) == 1 ? 10 : 12;
  const std::int64_t length = byte(8) | byte(9) << 8 | (byte(6) == 1 ? 0 : byte(10) << 16 | byte(11) << 24);
  require(
      begin + length <= size && begin + length <= longest_npy_header && begin + length <= std::ssize(content),
      "{}: a header of {} bytes in a file of {}, expected at most {}", file, begin + length, size,
      longest_npy_header);
  Dictionary dictionary(content.substr(static_cast<std::size_t>(begin), static_cast<std::size_t>(length)),
                        file);
  NpyHeader header;
  header.bytes = begin + length;
  std::string descr;
  std::vector<std::int64_t> shape;
  int found = 0;
  dictionary.expect('{');
  while (!dictionary.consume('}')) {
    const std::string key = dictionary.text();
    dictionary.expect(':');
    if (key == "descr") {
      descr = dictionary.text();
      found |= 1;
    } else if (key == "fortran_order") {
      header.fortran_order = dictionary.truth();
      found |= 2;
    } else if (key == "shape") {
      shape = dictionary.tuple();
      found |= 4;
    } else {
      fail("{}: header: key {:?}, expected descr, fortran_order and shape", file, key.substr(0, 40));
    }
    if (!dictionary.consume(',')) {
      dictionary.expect('}');
      break;
    }
  }
  require(found == 7, "{}: header: expected descr, fortran_order and shape", file);
  set_type(header, descr, file);
  require(shape.size() == 1 || shape.size() == 2, "{}: {} dimensions, expected (samples) or (samples, leads)",
          file, shape.size());
  header.rows = shape[0];
  header.columns = shape.size() == 2 ? shape[1] : 1;
  // Uses divisions, because products of hostile numbers could overflow.
  const std::int64_t values = (size - header.bytes) / bytes_of(header.type);
  const bool fits = header.rows == 0 || header.columns == 0
                        ? size == header.bytes
                        : header.rows <= values && values / header.rows == header.columns &&
                              values % header.rows == 0 && (size - header.bytes) % bytes_of(header.type) == 0;
  require(fits, "{}: {} bytes of samples, expected {} x {} values of {} bytes", file, size - header.bytes,
          header.rows, header.columns, bytes_of(header.type));
  return header;
}

std::string npy_header_text(NpyType type, std::int64_t rows, std::int64_t columns) {
  const std::int64_t shape[] = {rows, columns};
  return npy_header_text(type, shape);
}

std::string npy_header_text(NpyType type, std::span<const std::int64_t> shape) {
  const char* const descr = type == NpyType::i16   ? "<i2"
                            : type == NpyType::i32 ? "<i4"
                            : type == NpyType::f32 ? "<f4"
                                                   : "<f8";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr,
                                 fmt::join(shape, ", "), shape.size() == 1 ? "," : "");
  constexpr std::size_t before = 10;
  constexpr std::size_t alignment = 64;  // of the samples within the file, as the format requires
  text.append(alignment - (before + text.size() + 1) % alignment, ' ');
  text += '\n';
  std::string header(magic);
  header += std::string("\1\0", 2);
  header += static_cast<char>(text.size() & 0xffU);
  header += static_cast<char>(text.size() >> 8);
  return header + text;
}

}  // namespace sec::io
