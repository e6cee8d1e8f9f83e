#include "io/wfdb/annotation.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

#include "engine/error.h"
#include "io/files/atomic_file.h"
#include "io/files/read_file.h"
#include "io/recording/annotation_codes.h"

namespace sec::io {
namespace {

// Types of pseudo-annotations.
constexpr int skip = 59;    // the next four bytes hold an interval
constexpr int number = 60;  // the NUM field
constexpr int subtype = 61;
constexpr int channel = 62;
constexpr int aux = 63;  // the AUX text follows, padded to an even number of bytes

constexpr std::uintmax_t largest_file = 64'000'000;  // bytes; the beats of a year take about as many
constexpr std::int64_t longest_interval = 1023;
constexpr std::string_view resolution_note = "## time resolution: ";
constexpr std::string_view first_label_note = "## annotation type definitions";
constexpr std::string_view last_label_note = "## end of definitions";
constexpr int note = 22;
constexpr int largest_code = 49;
constexpr std::size_t longest_aux = 255;  // bytes

// Reads 16-bit words from the bytes of a file.
class Reader {
 public:
  Reader(std::string_view bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  std::size_t position() const { return position_; }

  std::string_view bytes(std::size_t count) {
    require(count <= bytes_.size() - position_, "{}: truncated: ends at byte {} without an end mark", file_,
            bytes_.size());
    position_ += count;
    return bytes_.substr(position_ - count, count);
  }

  std::uint32_t word() {
    const std::string_view two = bytes(2);
    return static_cast<unsigned char>(two[0]) | static_cast<std::uint32_t>(static_cast<unsigned char>(two[1]))
                                                    << 8;
  }

  // A 32-bit interval, upper word first as on a PDP-11.
  std::int32_t interval() {
    const std::uint32_t high = word();
    return static_cast<std::int32_t>(high << 16 | word());
  }

 private:
  std::string_view bytes_;
  const std::string& file_;
  std::size_t position_ = 0;
};

// The lower eight bits of `value` as a two's complement number.
int signed_byte(int value) {
  return (value & 0x7f) - (value & 0x80);
}

// Parses a type definition such as "42 sym What it means".
AnnotationLabel label_of(std::string_view text, const std::string& file) {
  AnnotationLabel label;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), label.code);
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  const bool apart = rest.starts_with(' ');
  rest.remove_prefix(std::min(rest.find_first_not_of(' '), rest.size()));
  label.symbol = rest.substr(0, rest.find(' '));
  rest.remove_prefix(label.symbol.size());
  label.description = rest.substr(std::min(rest.find_first_not_of(' '), rest.size()));
  require(
      error == std::errc{} && apart && !label.symbol.empty() && label.code >= 1 && label.code <= largest_code,
      "{}: annotation type definition '{}', expected a number from 1 to {}, a symbol and a description", file,
      text, largest_code);
  return label;
}

double resolution_of(std::string_view text, const std::string& file) {
  double resolution = 0;
  std::from_chars(text.data(), text.data() + text.size(), resolution);
  require(std::isfinite(resolution) && resolution > 0, "{}: time resolution is '{}', expected a rate in Hz",
          file, text);
  return resolution;
}

// Removes the notes at sample 0 that describe the file, and the empty annotation that writers put after them.
// Returns the number of annotations removed.
std::size_t remove_description(AnnotationFile& made, const std::string& file) {
  std::vector<Annotation>& all = made.annotations;
  std::size_t at = 0;
  bool labels = false;
  while (at < all.size() && all[at].sample == 0 && all[at].code == note) {
    const std::string_view text = all[at].aux;
    if (labels && text != last_label_note) {
      made.labels.push_back(label_of(text, file));
    } else if (text == first_label_note || text == last_label_note) {
      labels = text == first_label_note;
    } else if (text.starts_with(resolution_note)) {
      made.resolution = resolution_of(text.substr(resolution_note.size()), file);
    } else {
      break;
    }
    ++at;
  }
  require(!labels, "{}: annotation type definitions without an end mark", file);
  at += at > 0 && at < all.size() && all[at] == Annotation{} ? 1 : 0;
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at));
  return at;
}

bool defines(const AnnotationFile& file, int code) {
  return std::ranges::find(file.labels, code, &AnnotationLabel::code) != file.labels.end();
}

void convert_times(AnnotationFile& made, double rate, const std::string& file) {
  if (rate <= 0 || made.resolution == 0 || made.resolution == rate) {
    return;
  }
  const double factor = rate / made.resolution;
  for (Annotation& timed : made.annotations) {
    const double sample = std::round(static_cast<double>(timed.sample) * factor);
    require(sample < 0x1p62, "{}: time resolution of {} Hz puts samples out of range", file, made.resolution);
    timed.sample = static_cast<std::int64_t>(sample);
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

// Parses annotations as stored in the file; `places` receives the byte position of each.
std::vector<Annotation> parse_words(std::string_view bytes, const std::string& file,
                                    std::vector<std::size_t>& places) {
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
      require(type <= largest_code, "{}: byte {}: annotation type {} is not defined", file, at, type);
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
      places.push_back(at);
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
      last.aux = reader.bytes(static_cast<std::size_t>(value));
      reader.bytes(static_cast<std::size_t>(value % 2));
      last.aux.erase(last.aux.find_last_not_of('\0') + 1);
    }
  }
  return annotations;
}

void put_aux(std::string& bytes, std::string_view text) {
  put(bytes, aux, static_cast<std::int64_t>(text.size()));
  bytes += text;
  bytes.append(text.size() % 2, '\0');
}

// Writes the time resolution and the labels as notes at sample 0, followed by an empty annotation.
void put_description(std::string& bytes, const AnnotationFile& file, const std::string& name) {
  std::vector<std::string> notes;
  if (file.resolution != 0) {
    require(std::isfinite(file.resolution) && file.resolution > 0,
            "{}: time resolution is {} Hz, expected more than 0", name, file.resolution);
    notes.push_back(fmt::format("{}{}", resolution_note, file.resolution));
  }
  if (!file.labels.empty()) {
    notes.emplace_back(first_label_note);
    for (const AnnotationLabel& label : file.labels) {
      notes.push_back(fmt::format("{} {} {}", label.code, label.symbol, label.description));
      require(notes.back().size() <= longest_aux && label.symbol.find(' ') == std::string::npos &&
                  label_of(notes.back(), name) == label,
              "{}: annotation type '{}' would not read back as given", name, notes.back());
    }
    notes.emplace_back(last_label_note);
  }
  for (const std::string& text : notes) {
    put(bytes, note, 0);
    put_aux(bytes, text);
  }
  if (!notes.empty()) {
    put_skip(bytes, -1);
    put(bytes, 0, 1);
  }
}

}  // namespace

std::string AnnotationFile::symbol_of(int code) const {
  const auto own = std::ranges::find(labels, code, &AnnotationLabel::code);
  return own != labels.end() ? own->symbol : io::symbol_of(code);
}

AnnotationFile parse_annotation_file(std::string_view bytes, const std::string& file, double rate) {
  AnnotationFile made;
  std::vector<std::size_t> places;
  made.annotations = parse_words(bytes, file, places);
  const std::size_t removed = remove_description(made, file);
  for (std::size_t i = 0; i < made.annotations.size(); ++i) {
    const int code = made.annotations[i].code;
    require(is_annotation_code(code) || defines(made, code), "{}: byte {}: annotation type {} is not defined",
            file, places[removed + i], code);
  }
  convert_times(made, rate, file);
  return made;
}

AnnotationFile read_annotation_file(const std::filesystem::path& path, double rate) {
  return parse_annotation_file(read_file(path, largest_file), path.string(), rate);
}

std::vector<Annotation> read_annotations(const std::filesystem::path& path, double rate) {
  return read_annotation_file(path, rate).annotations;
}

void write_annotations(const std::filesystem::path& path, std::span<const Annotation> annotations) {
  write_annotation_file(path, {{}, 0, {annotations.begin(), annotations.end()}});
}

namespace {

std::string bytes_of(const std::filesystem::path& path, const AnnotationFile& file) {
  std::string bytes;
  put_description(bytes, file, path.string());
  const std::vector<Annotation>& annotations = file.annotations;
  Annotation last;
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    const Annotation& now = annotations[i];
    require(now.sample >= last.sample, "{}: annotation {}: sample {} comes before {}", path.string(), i,
            now.sample, last.sample);
    require(is_annotation_code(now.code) || defines(file, now.code),
            "{}: annotation {}: type {} is not defined", path.string(), i, now.code);
    require(now.subtype >= -128 && now.subtype <= 127 && now.number >= -128 && now.number <= 127,
            "{}: annotation {}: SUB {} and NUM {}, expected -128 to 127", path.string(), i, now.subtype,
            now.number);
    require(now.channel >= 0 && now.channel <= 255, "{}: annotation {}: CHN {}, expected 0 to 255",
            path.string(), i, now.channel);
    require(now.aux.size() <= longest_aux, "{}: annotation {}: AUX of {} bytes, expected at most 255",
            path.string(), i, now.aux.size());
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
      // A zero word would end the file, so go back one sample and write an interval of 1.
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
      put_aux(bytes, now.aux);
    }
    last = now;
  }
  bytes.append(2, '\0');
  return bytes;
}

}  // namespace

void write_annotation_file(const std::filesystem::path& path, const AnnotationFile& file) {
  write_atomically(path, bytes_of(path, file));
}

void write_annotation_file(FileGroup& files, const std::filesystem::path& path, const AnnotationFile& file) {
  files.add(path).write(bytes_of(path, file));
}

}  // namespace sec::io
