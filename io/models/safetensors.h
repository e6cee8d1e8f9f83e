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

namespace sec::io {

enum class StoredType : std::uint8_t { f32, bf16, i32, i64, u8 };

std::string_view name_of(StoredType type);  // as in the header: "F32"
std::size_t size_of(StoredType type);       // bytes of an element

template <typename T>
struct stored_type_of;  // the StoredType that holds a C++ type
template <>
struct stored_type_of<float> {
  static constexpr StoredType value = StoredType::f32;
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

// An array in a file: any number of axes, outermost first.
struct StoredTensor {
  StoredType type = StoredType::f32;
  std::vector<std::int64_t> shape;  // empty: one element
  std::vector<std::byte> bytes;     // as many as type and shape ask for

  template <typename T>
  static StoredTensor of(std::vector<std::int64_t> shape, std::span<const T> values) {
    StoredTensor tensor{stored_type_of<T>::value, std::move(shape), {}};
    const auto raw = std::as_bytes(values);
    tensor.bytes.assign(raw.begin(), raw.end());
    return tensor;
  }

  std::int64_t count() const { return static_cast<std::int64_t>(bytes.size() / size_of(type)); }

  // The elements. Throws Error, naming `what`, if they are of another type.
  template <typename T>
  std::span<const T> as(std::string_view what) const {
    require(type == stored_type_of<T>::value, "{}: stored as {}, expected {}", what, name_of(type),
            name_of(stored_type_of<T>::value));
    return {reinterpret_cast<const T*>(bytes.data()), bytes.size() / sizeof(T)};
  }
};

struct SafetensorsFile {
  std::map<std::string, std::string> metadata;
  std::map<std::string, StoredTensor> tensors;

  // The tensor of that name. Throws Error if there is none.
  const StoredTensor& at(const std::string& name) const;
};

// Strict: the header must be JSON without repeated names, and the byte ranges must cover the data exactly
// once, each as long as its type and shape ask for. Throws Error naming the file and the tensor. Types other
// than those of StoredType are refused.
SafetensorsFile read_safetensors(const std::filesystem::path& path);

// Writes the file atomically, with the same bytes for the same content: larger elements first, then by name,
// so that every tensor is aligned. Throws Error if a shape does not fit its bytes, or the file cannot be
// written; an older file is then untouched.
void write_safetensors(const std::filesystem::path& path, const SafetensorsFile& file);

}  // namespace sec::io
