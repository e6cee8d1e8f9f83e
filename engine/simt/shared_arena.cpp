#include "engine/simt/shared_arena.h"

#include <fmt/format.h>

#include <cstdint>

#include "engine/launch_size.h"
#include "engine/simt/fiber.h"
#include "engine/simt/runtime.h"
#include "engine/simt/sanitizers.h"

namespace sec::simt {
namespace {

constexpr std::size_t red_zone = 256;
constexpr std::size_t capacity = max_shared + 65 * (red_zone + 16);
constexpr unsigned char canary = 0xFA;

}  // namespace

SharedArena::SharedArena() : memory_(map_memory(capacity)) {
  clear();
}

SharedArena::~SharedArena() {
  unpoison(memory_, capacity);
  unmap_memory(memory_, capacity);
}

void SharedArena::add_red_zone() {
  const std::size_t end = (used_ + red_zone + 15) / 16 * 16;
  for (std::size_t i = used_; i < end; ++i) {
    reinterpret_cast<volatile unsigned char*>(memory_)[i] = canary;
  }
  poison(memory_ + used_, end - used_);
  used_ = end;
}

void* SharedArena::array(const void* key, const char* name, std::size_t bytes, std::uint32_t fill) {
  for (std::size_t i = 0; i < count_; ++i) {
    if (arrays_[i].key == key) {
      return arrays_[i].data;
    }
  }
  if (count_ == arrays_.size() || bytes_ + bytes > max_shared) {
    return nullptr;
  }
  if (count_ == 0) {
    add_red_zone();
  }
  char* const data = memory_ + used_;
  unpoison(data, bytes);
  // Volatile prevents a call of memset, which ThreadSanitizer would see as an access.
  for (std::size_t i = 0; i < bytes / 4; ++i) {
    reinterpret_cast<volatile std::uint32_t*>(data)[i] = fill;
  }
  for (std::size_t i = bytes / 4 * 4; i < bytes; ++i) {
    reinterpret_cast<volatile unsigned char*>(data)[i] = static_cast<unsigned char>(fill >> (8 * (i % 4)));
  }
  used_ += bytes;
  bytes_ += bytes;
  arrays_[count_++] = {key, name, data, bytes};
  add_red_zone();
  return data;
}

bool SharedArena::holds(const void* address) const {
  return reinterpret_cast<std::uintptr_t>(address) - reinterpret_cast<std::uintptr_t>(memory_) < used_;
}

std::string SharedArena::damage() const {
  for (std::size_t i = 0; i < count_; ++i) {
    const Array& array = arrays_[i];
    const auto* data = reinterpret_cast<const unsigned char*>(array.data);
    for (std::size_t k = 0; k < red_zone; ++k) {
      if (data[array.bytes + k] != canary) {
        return fmt::format("shared array {} was written {} bytes past its end, of {} bytes", array.name,
                           k + 1, array.bytes);
      }
    }
    if (i == 0) {
      for (std::size_t k = 1; k <= red_zone; ++k) {
        if (data[-static_cast<std::ptrdiff_t>(k)] != canary) {
          return fmt::format("shared array {} was written {} bytes before its start", array.name, k);
        }
      }
    }
  }
  return "";
}

void SharedArena::clear() {
  count_ = 0;
  used_ = 0;
  bytes_ = 0;
  if (thread_sanitizer()) {
    renew_memory(memory_, capacity);
  }
  poison(memory_, capacity);
}

}  // namespace sec::simt
