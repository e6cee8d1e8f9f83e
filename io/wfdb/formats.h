// The byte layouts of the WFDB signal formats (WFDB Applications Guide, signal(5)).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sec::io {

// A format packs `samples` samples into `bytes` bytes; only whole packs can be addressed.
struct Packing {
  int samples;
  int bytes;
};

// The packing of formats 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311; {0, 0} for other formats.
Packing packing_of(int format);
constexpr bool is_flac_format(int format) {
  return format == 508 || format == 516 || format == 524;
}

// The number of samples in `bytes` bytes, including those of an incomplete last pack.
std::int64_t samples_in(int format, std::int64_t bytes);

// The value that marks an invalid sample. Format 8 has no such value; INT32_MIN is returned.
std::int32_t invalid_in(int format);

// Unpacks samples.size() samples of the packs in `bytes`, from sample `first` onwards.
// Format 8 yields differences.
// `bytes` must contain every pack touched; an incomplete last pack must be padded.
void unpack(int format, std::span<const unsigned char> bytes, std::int64_t first,
            std::span<std::int32_t> samples);

// Appends samples in format 16, 24 or 212 to `bytes`.
// In format 212, all calls for a file except the last must pass an even number of samples.
void pack(int format, std::span<const std::int32_t> samples, std::string& bytes);

}  // namespace sec::io
