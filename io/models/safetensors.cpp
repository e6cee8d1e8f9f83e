#include "io/models/safetensors.h"

#include <algorithm>
#include <bit>
#include <optional>

#include "io/files/atomic_file.h"
#include "io/files/json.h"
#include "io/files/random_file.h"
#include "io/files/utf8.h"

namespace sec::io {
namespace {

static_assert(std::endian::native == std::endian::little, "elements are stored as they lie in memory");

constexpr StoredType all_types[] = {StoredType::f32, StoredType::f16, StoredType::bf16,
                                    StoredType::i32, StoredType::i64, StoredType::u8};
constexpr std::uint64_t longest_header = 100'000'000;  // limit of the format's reference implementation
constexpr std::int64_t largest_file =
    16'000'000'000;  // bytes; a checkpoint of the widest networks in use has 5 billion

std::optional<StoredType> type_named(std::string_view name) {
  for (const StoredType type : all_types) {
    if (name_of(type) == name) {
      return type;
    }
  }
  return std::nullopt;
}

// The size of a tensor in bytes; nullopt if the size overflows or an extent is negative.
std::optional<std::uint64_t> bytes_for(StoredType type, const std::vector<std::int64_t>& shape) {
  std::uint64_t bytes = size_of(type);
  for (const std::int64_t extent : shape) {
    if (extent < 0 || __builtin_mul_overflow(bytes, static_cast<std::uint64_t>(extent), &bytes)) {
      return std::nullopt;
    }
  }
  return bytes;
}

// The header without the NUL bytes that some writers pad it with, where the format has blanks. A JSON parser may take a
// NUL for the end of the text, so one that is followed by anything else is refused.
std::string_view without_padding(std::string_view text, const std::string& file) {
  text = text.substr(0, text.find_last_not_of('\0') + 1);
  require(text.find('\0') == std::string_view::npos, "{}: header is not JSON: byte {} is NUL", file,
          text.find('\0'));
  return text;
}

Json parse_header(std::string_view text, const std::string& file) {
  try {
    return Json::parse(text);
  } catch (const JsonError& error) {
    fail("{}: header {}", file, error.what());
  }
}

struct Range {
  std::uint64_t begin;
  std::uint64_t end;
  std::string name;
};

// Parses one entry of the header. The tensor's bytes are copied later.
Range parse_entry(const std::string& name, const Json& entry, std::uint64_t data_bytes, StoredTensor& tensor,
                  const std::string& file) {
  require(entry.is_object() && entry.size() == 3 && entry.contains("dtype") && entry.contains("shape") &&
              entry.contains("data_offsets"),
          "{}: tensor '{}': expected an object of dtype, shape and data_offsets", file, name);
  const Json& dtype = entry["dtype"];
  const auto type = dtype.is_string() ? type_named(dtype.get<std::string>()) : std::nullopt;
  require(type.has_value(), "{}: tensor '{}': dtype {}, expected F32, F16, BF16, I32, I64 or U8", file, name,
          dtype.dump_ascii());
  tensor.type = *type;
  const auto is_count = [](const Json& value) {
    return value.is_count() && value.get<std::uint64_t>() <= INT64_MAX;
  };
  const Json& shape = entry["shape"];
  require(shape.is_array() && std::all_of(shape.begin(), shape.end(), is_count),
          "{}: tensor '{}': shape is not a list of counts", file, name);
  tensor.shape = shape.get<std::vector<std::int64_t>>();
  const Json& offsets = entry["data_offsets"];
  require(offsets.is_array() && offsets.size() == 2 && std::all_of(offsets.begin(), offsets.end(), is_count),
          "{}: tensor '{}': data_offsets is not a pair of counts", file, name);
  Range range{offsets.element(0).get<std::uint64_t>(), offsets.element(1).get<std::uint64_t>(), name};
  require(range.begin <= range.end && range.end <= data_bytes,
          "{}: tensor '{}': bytes {} to {}, but the file has {} bytes of data", file, name, range.begin,
          range.end, data_bytes);
  const auto expected = bytes_for(tensor.type, tensor.shape);
  require(expected == range.end - range.begin, "{}: tensor '{}': {} bytes, but {} of shape ({}) takes {}",
          file, name, range.end - range.begin, name_of(tensor.type), fmt::join(tensor.shape, ", "),
          expected ? fmt::to_string(*expected) : "more than 2^64");
  return range;
}

}  // namespace

std::string_view name_of(StoredType type) {
  switch (type) {
    case StoredType::f32:
      return "F32";
    case StoredType::f16:
      return "F16";
    case StoredType::bf16:
      return "BF16";
    case StoredType::i32:
      return "I32";
    case StoredType::i64:
      return "I64";
    case StoredType::u8:
      return "U8";
  }
  return "?";
}

std::size_t size_of(StoredType type) {
  switch (type) {
    case StoredType::f32:
    case StoredType::i32:
      return 4;
    case StoredType::f16:
    case StoredType::bf16:
      return 2;
    case StoredType::i64:
      return 8;
    case StoredType::u8:
      break;
  }
  return 1;
}

std::vector<float> StoredTensor::floats(std::string_view what) const {
  if (type != StoredType::f16) {
    const auto values = as<float>(what);
    return {values.begin(), values.end()};
  }
  std::vector<float> values;
  for (const f16 value : as<f16>(what)) {
    values.push_back(static_cast<float>(value));
  }
  return values;
}

const StoredTensor& SafetensorsFile::at(const std::string& name) const {
  const auto found = tensors.find(name);
  require(found != tensors.end(), "there is no tensor '{}' among the {} stored", name, tensors.size());
  return found->second;
}

SafetensorsFile read_safetensors(const std::filesystem::path& path) {
  const std::string file = path.string();
  const RandomFile content(path);
  std::string start(std::min<std::size_t>(9, static_cast<std::size_t>(content.size())), '\0');
  content.read(0, start);
  require(!start.starts_with("PK\x03\x04"),
          "{}: an archive, as PyTorch saves weights; tools/parity/pth_to_safetensors.py converts them", file);
  require(content.size() >= 8, "{}: {} bytes, expected a safetensors file", file, content.size());
  require(content.size() <= largest_file, "{}: {} bytes, expected at most {}", file, content.size(),
          largest_file);
  const std::uint64_t rest = static_cast<std::uint64_t>(content.size()) - 8;
  std::uint64_t header_bytes = 0;
  std::memcpy(&header_bytes, start.data(), sizeof(header_bytes));
  const bool fits = header_bytes <= rest;
  require(fits || rest == 0 || start[8] == '{',
          "{}: not a safetensors file, which begins with the length of its header and '{{'", file);
  require(header_bytes <= longest_header, "{}: header of {} bytes, expected at most {}", file, header_bytes,
          longest_header);
  require(fits, "{}: truncated: header of {} bytes, but the file has {} more", file, header_bytes, rest);
  std::string text(header_bytes, '\0');
  content.read(8, text);
  const Json header = parse_header(without_padding(text, file), file);
  require(header.is_object(), "{}: header is not a JSON object", file);

  SafetensorsFile result;
  std::vector<Range> ranges;
  const std::uint64_t data_bytes = rest - header_bytes;
  for (const auto& [name, entry] : header.items()) {
    if (name == "__metadata__") {
      require(entry.is_object(), "{}: __metadata__ is not an object", file);
      for (const auto& [key, value] : entry.items()) {
        require(value.is_string(), "{}: __metadata__ '{}' is not a string", file, key);
        result.metadata[key] = value.get<std::string>();
      }
    } else {
      ranges.push_back(parse_entry(name, entry, data_bytes, result.tensors[name], file));
    }
  }
  std::ranges::sort(ranges, [](const Range& a, const Range& b) {
    return a.begin != b.begin ? a.begin < b.begin : a.end < b.end;
  });
  std::uint64_t covered = 0;
  for (const Range& range : ranges) {
    require(range.begin >= covered, "{}: tensor '{}': its bytes from {} on overlap another tensor's", file,
            range.name, range.begin);
    require(range.begin == covered, "{}: bytes {} to {} of the data belong to no tensor", file, covered,
            range.begin);
    covered = range.end;
  }
  require(covered == data_bytes, "{}: bytes {} to {} of the data belong to no tensor", file, covered,
          data_bytes);
  // The whole header has been checked before memory is allocated for the data.
  for (const Range& range : ranges) {
    std::vector<std::byte>& bytes = result.tensors[range.name].bytes;
    bytes.resize(range.end - range.begin);
    content.read(static_cast<std::int64_t>(8 + header_bytes + range.begin),
                 {reinterpret_cast<char*>(bytes.data()), bytes.size()});
  }
  return result;
}

void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file) {
  std::vector<std::pair<std::string_view, const StoredTensor*>> order;
  for (const auto& [name, tensor] : file.tensors) {
    require(name != "__metadata__", "{}: '__metadata__' cannot name a tensor", path.string());
    const auto expected = bytes_for(tensor.type, tensor.shape);
    require(expected == tensor.bytes.size(), "{}: tensor '{}': {} bytes do not fit {} of shape ({})",
            path.string(), name, tensor.bytes.size(), name_of(tensor.type), fmt::join(tensor.shape, ", "));
    order.emplace_back(name, &tensor);
  }
  std::ranges::stable_sort(
      order, [](const auto& a, const auto& b) { return size_of(a.second->type) > size_of(b.second->type); });

  Json::Object header;
  if (!file.metadata.empty()) {
    for (const auto& [key, value] : file.metadata) {
      require(is_utf8(key) && is_utf8(value), "{}: a name or a metadata value is not UTF-8", path.string());
    }
    header.emplace_back("__metadata__", file.metadata);
  }
  std::uint64_t offset = 0;
  std::vector<std::string_view> pieces(2);
  for (const auto& [name, tensor] : order) {
    const std::uint64_t end = offset + tensor->bytes.size();
    require(is_utf8(name), "{}: a name or a metadata value is not UTF-8", path.string());
    header.emplace_back(name, Json{{"dtype", name_of(tensor->type)},
                                   {"shape", tensor->shape},
                                   {"data_offsets", Json::array({offset, end})}});
    offset = end;
    pieces.emplace_back(reinterpret_cast<const char*>(tensor->bytes.data()), tensor->bytes.size());
  }
  std::string text = Json(std::move(header)).dump();
  text.append((8 - text.size() % 8) % 8, ' ');  // pads the header so that the data is aligned to 8 bytes
  const std::uint64_t header_bytes = text.size();
  require(header_bytes <= longest_header, "{}: header of {} bytes, expected at most {}", path.string(),
          header_bytes, longest_header);
  pieces[0] = {reinterpret_cast<const char*>(&header_bytes), sizeof(header_bytes)};
  pieces[1] = text;
  write_atomically(path, pieces);
}

}  // namespace sec::io
