#include "io/wfdb/formats.h"

#include <limits>

#include "engine/error.h"

namespace sec::io {
namespace {

std::int32_t signed_bits(std::uint32_t value, int bits) {
  return static_cast<std::int32_t>(value << (32 - bits)) >> (32 - bits);
}

// Sample `i` of the pack that starts at `p`.
template <int format>
std::int32_t sample_of(const unsigned char* p, int i) {
  const auto word = [p](int at) { return p[at] | static_cast<std::uint32_t>(p[at + 1]) << 8; };
  if constexpr (format == 8) {
    return signed_bits(p[0], 8);
  } else if constexpr (format == 80) {
    return p[0] - 128;
  } else if constexpr (format == 16) {
    return signed_bits(word(0), 16);
  } else if constexpr (format == 61) {
    return signed_bits(static_cast<std::uint32_t>(p[0]) << 8 | p[1], 16);
  } else if constexpr (format == 160) {
    return static_cast<std::int32_t>(word(0)) - 32768;
  } else if constexpr (format == 24) {
    return signed_bits(word(0) | static_cast<std::uint32_t>(p[2]) << 16, 24);
  } else if constexpr (format == 32) {
    return static_cast<std::int32_t>(word(0) | word(2) << 16);
  } else if constexpr (format == 212) {  // the middle byte holds the upper 4 bits of both samples
    return i == 0 ? signed_bits(p[0] | (p[1] & 0x0fU) << 8, 12) : signed_bits(p[2] | (p[1] & 0xf0U) << 4, 12);
  } else if constexpr (format == 310) {  // the third sample is in the upper 5 bits of both words
    return i == 0   ? signed_bits(word(0) >> 1 & 0x3ffU, 10)
           : i == 1 ? signed_bits(word(2) >> 1 & 0x3ffU, 10)
                    : signed_bits(word(0) >> 11 | (word(2) >> 11) << 5, 10);
  } else {
    static_assert(format == 311);
    return signed_bits((word(0) | word(2) << 16) >> (10 * i) & 0x3ffU, 10);
  }
}

template <int format, int samples_per_pack, int bytes_per_pack>
void unpack_as(const unsigned char* p, std::int64_t first, std::span<std::int32_t> samples) {
  p += first / samples_per_pack * bytes_per_pack;
  int i = static_cast<int>(first % samples_per_pack);
  for (std::int32_t& sample : samples) {
    sample = sample_of<format>(p, i);
    if (++i == samples_per_pack) {
      i = 0;
      p += bytes_per_pack;
    }
  }
}

void put_bytes(std::int32_t sample, int count, std::string& bytes) {
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>(sample >> (8 * i) & 0xff);
  }
}

}  // namespace

Packing packing_of(int format) {
  switch (format) {
    case 8:
    case 80:
      return {1, 1};
    case 16:
    case 61:
    case 160:
      return {1, 2};
    case 24:
      return {1, 3};
    case 32:
      return {1, 4};
    case 212:
      return {2, 3};
    case 310:
    case 311:
      return {3, 4};
    default:
      return {0, 0};
  }
}

std::int64_t samples_in(int format, std::int64_t bytes) {
  const Packing packing = packing_of(format);
  const std::int64_t rest = bytes % packing.bytes;
  std::int64_t samples = bytes / packing.bytes * packing.samples;
  // Two or three bytes of an incomplete pack hold one sample, but three bytes hold two in format 311.
  samples += packing.samples > 1 ? rest / 2 : 0;
  samples += format == 311 && rest == 3 ? 1 : 0;
  return samples;
}

std::int32_t invalid_in(int format) {
  switch (format) {
    case 80:
    case 508:
      return -(1 << 7);
    case 310:
    case 311:
      return -(1 << 9);
    case 212:
      return -(1 << 11);
    case 16:
    case 61:
    case 160:
    case 516:
      return -(1 << 15);
    case 24:
    case 524:
      return -(1 << 23);
    default:
      return std::numeric_limits<std::int32_t>::min();
  }
}

void unpack(int format, std::span<const unsigned char> bytes, std::int64_t first,
            std::span<std::int32_t> samples) {
  const unsigned char* p = bytes.data();
  switch (format) {
    case 8:
      return unpack_as<8, 1, 1>(p, first, samples);
    case 16:
      return unpack_as<16, 1, 2>(p, first, samples);
    case 24:
      return unpack_as<24, 1, 3>(p, first, samples);
    case 32:
      return unpack_as<32, 1, 4>(p, first, samples);
    case 61:
      return unpack_as<61, 1, 2>(p, first, samples);
    case 80:
      return unpack_as<80, 1, 1>(p, first, samples);
    case 160:
      return unpack_as<160, 1, 2>(p, first, samples);
    case 212:
      return unpack_as<212, 2, 3>(p, first, samples);
    case 310:
      return unpack_as<310, 3, 4>(p, first, samples);
    case 311:
      return unpack_as<311, 3, 4>(p, first, samples);
    default:
      fail("format {} is not packed", format);
  }
}

void pack(int format, std::span<const std::int32_t> samples, std::string& bytes) {
  require(format == 16 || format == 24 || format == 212,
          "format {} cannot be written, expected 16, 24 or 212", format);
  if (format != 212) {
    for (const std::int32_t sample : samples) {
      put_bytes(sample, format / 8, bytes);
    }
    return;
  }
  for (std::size_t i = 0; i < samples.size(); i += 2) {
    const std::int32_t first = samples[i];
    const std::int32_t second = i + 1 < samples.size() ? samples[i + 1] : 0;
    bytes += static_cast<char>(first & 0xff);
    bytes += static_cast<char>((first >> 8 & 0x0f) | (second >> 4 & 0xf0));
    if (i + 1 < samples.size()) {
      bytes += static_cast<char>(second & 0xff);
    }
  }
}

}  // namespace sec::io
