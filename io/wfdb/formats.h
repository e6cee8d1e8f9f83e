// How the WFDB signal formats lay samples out in bytes (WFDB Applications Guide, signal(5)).
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace sec::io {

// `samples` samples lie in `bytes` bytes; only whole packs can be addressed.
struct Packing {
  int samples;
  int bytes;
};

// Of formats 8, 16, 24, 32, 61, 80, 160, 212, 310 and 311; {0, 0} of others.
Packing packing_of(int format);
constexpr bool is_flac_format(int format) {
  return format == 508 || format == 516 || format == 524;
}

// How many samples `bytes` bytes hold, those of a last pack that is not whole too.
std::int64_t samples_in(int format, std::int64_t bytes);

// The number that marks an invalid sample, INT32_MIN in format 8, which has none.
std::int32_t invalid_in(int format);

// Samples `first` to `first` + samples.size() of the packs in `bytes`. Format 8 gives its differences.
// `bytes` holds every pack that is touched, padded where the last one is not whole.
void unpack(int format, std::span<const unsigned char> bytes, std::int64_t first,
            std::span<std::int32_t> samples);

// Appends samples in format 16, 24 or 212 to `bytes`. All but the last call for a file in format 212 need an
// even number of samples.
void pack(int format, std::span<const std::int32_t> samples, std::string& bytes);

}  // namespace sec::io
