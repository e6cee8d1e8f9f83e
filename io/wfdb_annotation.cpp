#include "io/wfdb_annotation.h"

#include <charconv>
#include <cmath>
#include <cstdint>

#include "engine/error.h"
#include "io/annotation_codes.h"
#include "io/atomic_file.h"
#include "io/read_file.h"

namespace sec::io {
namespace {

// Pseudo-types.
constexpr int skip = 59;    // the interval is in the next four bytes
constexpr int number = 60;  // NUM
constexpr int subtype = 61;
constexpr int channel = 62;
constexpr int aux = 63;  // as many bytes of text follow, padded to an even number

constexpr std::int64_t longest_interval = 1023;
constexpr std::string_view resolution_note = "## time resolution: ";

// Words off the bytes of a file.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::size_t position() const { return position_; }

  std::string_view take(std::size_t count) {
    require(count <= bytes_.size() - position_, "{}: truncated: ends at byte {} without an end mark", file_,
            bytes_.size());
    position_ += count;
    return bytes_.substr(position_ - count, count);
  }

  std::uint32_t word() {
    const std::string_view two = take(2);
    return static_cast<unsigned char>(two[0]) | static_cast<std::uint32_t>(static_cast<unsigned char>(two[1]))
                                                    << 8;
  }

  // Four bytes, the upper half first as on a PDP-11.
  std::int32_t interval() {
    const std::uint32_t high = word();
    return static_cast<std::int32_t>(high << 16 | word());
  }

 private:
  std::string_view bytes_;
  const std::string& file_;
  std::size_t position_ = 0;
};

// The lower eight bits of a word's value in two's complement.
int signed_byte(int value) {
  return (value & 0x7f) - (value & 0x80);
}

void convert_times(std::vector<Annotation>& annotations, double rate, const std::string& file) {
  for (const Annotation& annotation : annotations) {
    if (annotation.sample != 0) {
      return;  // such notes stand at the very beginning
    }
    if (!annotation.aux.starts_with(resolution_note)) {
      continue;
    }
    const std::string_view text = std::string_view(annotation.aux).substr(resolution_note.size());
    double resolution = 0;
    std::from_chars(text.data(), text.data() + text.size(), resolution);
    require(std::isfinite(resolution) && resolution > 0, "{}: time resolution is '{}', expected a rate in Hz",
            file, text);
    if (resolution == rate) {
      return;
    }
    const double factor = rate / resolution;
    for (Annotation& timed : annotations) {
      const double sample = std::round(static_cast<double>(timed.sample) * factor);
      require(sample < 0x1p62, "{}: time resolution of {} Hz puts samples out of range", file, resolution);
      timed.sample = static_cast<std::int64_t>(sample);
    }
    return;
  }
}

void put(std::string& bytes, int type, std::int64_t value) {
  const auto word = static_cast<std::uint32_t>(type) << 10 | (static_cast<std::uint32_t>(value) & 0x3ffU);
  bytes += static_cast<char>(word & 0xffU);
  bytes += static_cast<char>(word >> 8);
}

void put_skip(std::string& bytes, std::int64_t interval) {
  put(bytes, skip, 0);
  const auto bits = static_cast<std::uint32_t>(interval);
  for (const int shift : {16, 24, 0, 8}) {
    bytes += static_cast<char>(bits >> shift & 0xffU);
  }
}

}  // namespace

std::vector<Annotation> parse_annotations(std::string_view bytes, const std::string& file, double rate) {
  std::vector<Annotation> annotations;
  Reader reader(bytes, file);
  std::int64_t time = 0;
  while (true) {
    const std::size_t at = reader.position();
    const std::uint32_t word = reader.word();
    const int type = static_cast<int>(word >> 10);
    const int value = static_cast<int>(word & 0x3ffU);
    if (word == 0) {
      break;
    }
    if (type == skip) {
      time += reader.interval();
      continue;
    }
    if (type < skip) {
      require(is_annotation_code(type), "{}: byte {}: annotation type {} is not defined", file, at, type);
      time += value;
      const std::int64_t before = annotations.empty() ? 0 : annotations.back().sample;
      require(time >= before, "{}: byte {}: time runs backwards, from sample {} to {}", file, at, before,
              time);
      Annotation annotation;
      annotation.sample = time;
      annotation.code = type;
      annotation.channel = annotations.empty() ? 0 : annotations.back().channel;
      annotation.number = annotations.empty() ? 0 : annotations.back().number;
      annotations.push_back(std::move(annotation));
      continue;
    }
    require(!annotations.empty(), "{}: byte {}: type {} follows no annotation", file, at, type);
    Annotation& last = annotations.back();
    if (type == number) {
      last.number = signed_byte(value);
    } else if (type == subtype) {
      last.subtype = signed_byte(value);
    } else if (type == channel) {
      last.channel = value & 0xff;
    } else {
      last.aux = reader.take(static_cast<std::size_t>(value));
      reader.take(static_cast<std::size_t>(value % 2));
      last.aux.erase(last.aux.find_last_not_of('\0') + 1);
    }
  }
  if (rate > 0) {
    convert_times(annotations, rate, file);
  }
  return annotations;
}

std::vector<Annotation> read_annotations(const std::filesystem::path& path, double rate) {
  return parse_annotations(read_file(path), path.string(), rate);
}

void write_annotations(const std::filesystem::path& path, std::span<const Annotation> annotations) {
  std::string bytes;
  Annotation last;
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    const Annotation& now = annotations[i];
    require(now.sample >= last.sample, "{}: annotation {}: sample {} comes before {}", path.string(), i,
            now.sample, last.sample);
    require(is_annotation_code(now.code), "{}: annotation {}: type {} is not defined", path.string(), i,
            now.code);
    require(now.subtype >= -128 && now.subtype <= 127 && now.number >= -128 && now.number <= 127,
            "{}: annotation {}: SUB {} and NUM {}, expected -128 to 127", path.string(), i, now.subtype,
            now.number);
    require(now.channel >= 0 && now.channel <= 255, "{}: annotation {}: CHN {}, expected 0 to 255",
            path.string(), i, now.channel);
    require(now.aux.size() <= 255, "{}: annotation {}: AUX of {} bytes, expected at most 255", path.string(),
            i, now.aux.size());
    std::int64_t interval = now.sample - last.sample;
    while (interval > INT32_MAX) {
      put_skip(bytes, INT32_MAX);
      interval -= INT32_MAX;
    }
    if (interval > longest_interval) {
      put_skip(bytes, interval);
      interval = 0;
    }
    if (now.code == 0 && interval == 0) {
      // A word of zeros would end the file: step back by one.
      put_skip(bytes, -1);
      interval = 1;
    }
    put(bytes, now.code, interval);
    if (now.subtype != 0) {
      put(bytes, subtype, now.subtype);
    }
    if (now.channel != last.channel) {
      put(bytes, channel, now.channel);
    }
    if (now.number != last.number) {
      put(bytes, number, now.number);
    }
    if (!now.aux.empty()) {
      put(bytes, aux, static_cast<std::int64_t>(now.aux.size()));
      bytes += now.aux;
      bytes.append(now.aux.size() % 2, '\0');
    }
    last = now;
  }
  bytes.append(2, '\0');
  write_atomically(path, bytes);
}

}  // namespace sec::io
