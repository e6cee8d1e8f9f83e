// The safetensors format (huggingface.co/docs/safetensors): a little-endian u64 header length, a JSON header
// that names each tensor's type, shape and byte range, and the raw little-endian elements.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/dtype.h"
#include "engine/error.h"
#include "io/models/half.h"

namespace sec::io {

enum class StoredType : std::uint8_t { f32, f16, bf16, i32, i64, u8 };

std::string_view name_of(StoredType type);  // as in the file's header: "F32"
std::size_t size_of(StoredType type);       // bytes per element

template <typename T>
struct stored_type_of;  // maps a C++ type to its StoredType
template <>
struct stored_type_of<float> {
  static constexpr StoredType value = StoredType::f32;
};
template <>
struct stored_type_of<f16> {
  static constexpr StoredType value = StoredType::f16;
};
template <>
struct stored_type_of<bf16> {
  static constexpr StoredType value = StoredType::bf16;
};
template <>
struct stored_type_of<std::int32_t> {
  static constexpr StoredType value = StoredType::i32;
};
template <>
struct stored_type_of<std::int64_t> {
  static constexpr StoredType value = StoredType::i64;
};
template <>
struct stored_type_of<std::uint8_t> {
  static constexpr StoredType value = StoredType::u8;
};

// A tensor in a file, with any number of dimensions, outermost first.
struct StoredTensor {
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;  // empty for a scalar
  std::vector<std::byte> bytes;     // the elements, little-endian, row-major

  template <typename T>
  static StoredTensor of(std::vector<std::int64_t> shape, std::span<const T> values) {
    StoredTensor tensor{stored_type_of<T>::value, std::move(shape), {}};
    const auto raw = std::as_bytes(values);
    tensor.bytes.assign(raw.begin(), raw.end());
    return tensor;
  }

  std::int64_t count() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }

  // The elements. Throws Error, naming `what`, if T is not the stored type.
  template <typename T>
  std::span<const T> as(std::string_view what) const {
    require(type == stored_type_of<T>::value, "{}: stored as {}, expected {}", what, name_of(type),
            name_of(stored_type_of<T>::value));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }

  // Whether floats() can read the elements.
  bool has_floats() const { return type == StoredType::f32 || type == StoredType::f16; }
  // The elements as f32, of a tensor stored as f32 or f16. Throws Error, naming `what`, on any other type.
  std::vector<float> floats(std::string_view what) const;
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, StoredTensor> tensors;

  // The tensor of that name. Throws Error if there is none.
  const StoredTensor& at(const std::string& name) const;
};

// Validates strictly: the header must be JSON without repeated names,
// and the tensors' byte ranges must cover the data exactly once.
// Each range must have the size that the tensor's type and shape imply.
// Types outside StoredType are rejected. Throws Error naming the file and the tensor.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Writes the file atomically; equal contents give equal bytes.
// Tensors are sorted by decreasing element size, then by name, so that every tensor is aligned.
// Throws Error if a tensor's size does not match its shape or the file cannot be written;
// an existing file is then unchanged.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace sec::io
