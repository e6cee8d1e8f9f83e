// CRC-32 as computed by zlib, for comparing data with digests of what other programs read.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace sec::io {

inline std::uint32_t crc32(std::string_view bytes) {
  static const auto table = [] {
    std::array<std::uint32_t, 256> values{};
    for (std::uint32_t i = 0; i < 256; ++i) {
      std::uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) {
        c = (c >> 1) ^ ((c & 1U) != 0 ? 0xEDB88320U : 0U);
      }
      values[i] = c;
    }
    return values;
  }();
  std::uint32_t crc = 0xffffffffU;
  for (const char byte : bytes) {
    crc = table[(crc ^ static_cast<unsigned char>(byte)) & 0xffU] ^ (crc >> 8);
  }
  return ~crc;
}

}  // namespace sec::io
