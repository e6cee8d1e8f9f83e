// Writes Protocol Buffers' wire format (protobuf.dev/programming-guides/encoding).
// A message is the concatenation of its fields;
// each field is a varint of (number, wire type) followed by its value.
#pragma once

#include <bit>
#include <cstdint>
#include <string>
#include <string_view>

namespace sec::io {

class ProtobufMessage {
 public:
  ProtobufMessage& integer(std::uint32_t field, std::int64_t value) {
    tag(field, 0);
    varint(static_cast<std::uint64_t>(value));
    return *this;
  }
  ProtobufMessage& number(std::uint32_t field, float value) {
    tag(field, 5);
    const auto bits = std::bit_cast<std::uint32_t>(value);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes_ += static_cast<char>(bits >> shift & 0xFF);
    }
    return *this;
  }
  ProtobufMessage& text(std::uint32_t field, std::string_view value) {  // a field of text or raw bytes
    tag(field, 2);
    varint(value.size());
    bytes_ += value;
    return *this;
  }
  ProtobufMessage& message(std::uint32_t field, const ProtobufMessage& value) {
    return text(field, value.bytes_);
  }

  const std::string& bytes() const { return bytes_; }

 private:
  void tag(std::uint32_t field, std::uint32_t wire_type) { varint(field << 3 | wire_type); }
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) {
      bytes_ += static_cast<char>((value & 0x7F) | 0x80);
    }
    bytes_ += static_cast<char>(value);
  }

  std::string bytes_;
};

}  // namespace sec::io
