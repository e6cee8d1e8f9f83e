#include "train/loop/event_file.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <utility>
#include <vector>

#include "engine/error.h"
#include "io/files/atomic_file.h"
#include "io/files/json.h"
#include "io/files/read_file.h"

namespace sec::train {
namespace {

using io::Json;

static_assert(std::endian::native == std::endian::little);

constexpr std::uintmax_t largest_file = 4'000'000'000;  // bytes
constexpr std::size_t frame = 16;                       // bytes of a record without its event

// CRC-32C (Castagnoli), rotated and shifted as records hold it.
std::uint32_t masked_checksum(std::string_view bytes) {
  std::uint32_t crc = ~0U;
  for (const char byte : bytes) {
    crc ^= static_cast<unsigned char>(byte);
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0x82f63b78U : 0U);
    }
  }
  crc = ~crc;
  return ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U;
}

template <typename T>
std::string bytes_of(T value) {
  std::string bytes(sizeof(T), '\0');
  std::memcpy(bytes.data(), &value, sizeof(T));
  return bytes;
}

template <typename T>
T value_at(std::string_view bytes, std::size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof(T));
  return value;
}

// Protocol buffers: a number in groups of 7 bits, lowest first.
std::string varint(std::uint64_t value) {
  std::string bytes;
  for (; value >= 0x80; value >>= 7U) {
    bytes += static_cast<char>((value & 0x7fU) | 0x80U);
  }
  return bytes + static_cast<char>(value);
}

// A field with its number and type: 0 a varint, 1 eight bytes, 2 a length and bytes, 5 four bytes.
std::string field(unsigned number, unsigned type, const std::string& content) {
  const std::string key(1, static_cast<char>(number << 3U | type));
  return key + (type == 2 ? varint(content.size()) : "") + content;
}

std::string record_of(const std::string& event) {
  const std::string length = bytes_of<std::uint64_t>(event.size());
  return length + bytes_of(masked_checksum(length)) + event + bytes_of(masked_checksum(event));
}

// Event: wall_time = 1, step = 2, file_version = 3, summary = 5.
std::string first_event(double seconds) {
  return field(1, 1, bytes_of(seconds)) + field(3, 2, "brain.Event:2");
}

// The step of an event that add() wrote; 0 for the first event.
std::int64_t step_of(std::string_view event) {
  constexpr std::size_t after_time = 9;
  if (event.size() <= after_time || event[after_time] != 0x10) {
    return 0;
  }
  std::uint64_t step = 0;
  unsigned shift = 0;
  for (std::size_t i = after_time + 1; i < event.size() && shift < 64; ++i, shift += 7) {
    step |= (static_cast<std::uint64_t>(event[i]) & 0x7fU) << shift;
    if ((static_cast<unsigned char>(event[i]) & 0x80U) == 0) {
      break;
    }
  }
  return static_cast<std::int64_t>(step);
}

using Scalars = std::vector<std::pair<std::string, float>>;

void add_number(Scalars& scalars, const std::string& tag, const Json& value) {
  if (value.is_number()) {
    scalars.emplace_back(tag, value.get<float>());
  } else if (value.is_object()) {
    for (const auto& [name, one] : value.items()) {
      add_number(scalars, fmt::format("{}/{}", tag, name), one);
    }
  }
}

// "validation_macro_f1" becomes "validation/macro_f1", "loss" of a step "step/loss", "seconds" of an epoch "epoch/seconds".
Scalars scalars_of(const Json& line) {
  Scalars scalars;
  const std::string event = line.at("event").get<std::string>();
  for (const auto& [name, value] : line.items()) {
    if (name == "event" || name == "step" || name == "epoch") {
      continue;
    }
    const bool own = event == "state" && value.is_object();
    const std::string tag = name.starts_with("validation_") ? "validation/" + name.substr(11)
                            : name.starts_with("train_")    ? "train/" + name.substr(6)
                            : own                           ? name
                                                            : fmt::format("{}/{}", event, name);
    add_number(scalars, tag, value);
  }
  return scalars;
}

}  // namespace

void EventFile::begin(std::int64_t step) const {
  std::string kept = record_of(first_event(0));
  if (step > 0 && std::filesystem::exists(file_)) {
    const std::string text = io::read_file(file_, largest_file);
    const std::string_view bytes = text;
    for (std::size_t at = 0; bytes.size() - at >= frame;) {
      const auto length = value_at<std::uint64_t>(bytes, at);
      if (masked_checksum(bytes.substr(at, 8)) != value_at<std::uint32_t>(bytes, at + 8) ||
          length > bytes.size() - at - frame) {
        break;
      }
      const std::string_view event = bytes.substr(at + 12, length);
      if (masked_checksum(event) != value_at<std::uint32_t>(bytes, at + 12 + length)) {
        break;
      }
      const std::int64_t own = step_of(event);
      if (own > 0 && own <= step) {
        kept += bytes.substr(at, frame + length);
      }
      at += frame + length;
    }
  }
  io::write_atomically(file_, kept);
}

void EventFile::add(std::string_view log_line, double seconds) const {
  const Json line = Json::parse(log_line);
  std::string summary;
  for (const auto& [tag, value] : scalars_of(line)) {  // Value: tag = 1, simple_value = 2
    summary += field(1, 2, field(1, 2, tag) + field(2, 5, bytes_of(value)));
  }
  const auto step = static_cast<std::uint64_t>(line.at("step").get<std::int64_t>());
  const std::string record =
      record_of(field(1, 1, bytes_of(seconds)) + field(2, 0, varint(step)) + field(5, 2, summary));
  std::ofstream out(file_, std::ios::binary | std::ios::app);
  require(out.is_open(), "{}: cannot open", file_.string());
  out.write(record.data(), std::ssize(record));
  out.close();
  require(!out.fail(), "{}: cannot write", file_.string());
}

}  // namespace sec::train
