#include "train/inspect/arrays.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <numeric>

#include "engine/error.h"
#include "io/models/half.h"

namespace sec::train {
namespace {

template <typename T>
std::string little_endian(const std::vector<T>& values) {
  std::string bytes;
  bytes.reserve(values.size() * sizeof(T));
  for (const T value : values) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
      bytes.push_back(static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xFFU));
    }
  }
  return bytes;
}

io::Json array(const char* type, std::size_t count, const std::vector<std::int64_t>& shape,
               std::string_view bytes) {
  require(std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>()) ==
              static_cast<std::int64_t>(count),
          "an array of {} values with another number in its shape", count);
  return {{"dtype", type}, {"shape", shape}, {"data", base64(bytes)}};
}

}  // namespace

std::string base64(std::string_view bytes) {
  static constexpr char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string text;
  text.reserve((bytes.size() + 2) / 3 * 4);
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    std::uint32_t group = 0;
    for (std::size_t j = 0; j < 3; ++j) {
      group = group << 8U | (i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0U);
    }
    for (std::size_t j = 0; j < 4; ++j) {
      text.push_back(i + j > bytes.size() ? '=' : letters[group >> (18 - 6 * j) & 63U]);
    }
  }
  return text;
}

io::Json f32_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  std::vector<std::uint32_t> raw;
  std::ranges::transform(values, std::back_inserter(raw),
                         [](float v) { return std::bit_cast<std::uint32_t>(v); });
  return array("f32", raw.size(), shape, little_endian(raw));
}

io::Json f16_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  std::vector<std::uint16_t> raw;
  std::ranges::transform(values, std::back_inserter(raw), [](float v) { return io::f16(v).bits; });
  return array("f16", raw.size(), shape, little_endian(raw));
}

io::Json u8_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  float low = 0;
  float high = 0;
  bool any = false;
  for (const float v : values) {
    if (std::isfinite(v)) {
      low = any ? std::min(low, v) : v;
      high = any ? std::max(high, v) : v;
      any = true;
    }
  }
  const double step = high > low ? (static_cast<double>(high) - low) / 255 : 1;
  std::vector<std::uint8_t> raw;
  for (const float v : values) {
    const double at = std::isfinite(v) ? (static_cast<double>(v) - low) / step : -low / step;
    raw.push_back(static_cast<std::uint8_t>(std::clamp(std::nearbyint(at), 0.0, 255.0)));
  }
  io::Json json = array("u8", raw.size(), shape, little_endian(raw));
  json["scale"] = step;
  json["offset"] = static_cast<double>(low);
  return json;
}

io::Json i16_array(std::span<const float> values, const std::vector<std::int64_t>& shape) {
  double largest = 0;
  for (const float v : values) {
    largest = std::isfinite(v) ? std::max(largest, std::abs(static_cast<double>(v))) : largest;
  }
  const double step = largest > 0 ? largest / 32767 : 1;
  std::vector<std::uint16_t> raw;
  for (const float v : values) {
    const auto at =
        std::isfinite(v) ? static_cast<std::int16_t>(std::nearbyint(v / step)) : std::int16_t{-32768};
    raw.push_back(static_cast<std::uint16_t>(at));
  }
  io::Json json = array("i16", raw.size(), shape, little_endian(raw));
  json["scale"] = step;
  return json;
}

}  // namespace sec::train
