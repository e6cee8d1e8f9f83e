// Helpers of all kernel files: checks of operands on the host, and device loads and stores of f32 and bf16.
// Kernels compute in float; only these loads and stores depend on the storage type.
#pragma once

#include <limits>
#include <type_traits>

#include "engine/device_intrinsics.h"
#include "engine/launch.h"
#include "engine/tensor.h"

namespace sec::kernels::SEC_BACKEND {

// ---- on the host ----

// Calls function(T{}), where T is float or bf16. Throws Error for another type.
template <typename Function>
void by_type(DType type, const char* what, const Function& function) {
  if (type == DType::f32) {
    function(float{});
  } else if (type == DType::bf16) {
    function(bf16{});
  } else {
    fail("{}: expected f32 or bf16 elements, got {}", what, name_of(type));
  }
}

// Calls function(std::integral_constant<int, width>), where width is the number of elements per access.
// If `can`, that is if every such access would be aligned, width covers 16 bytes of T. Otherwise it is 1.
template <typename T, typename Function>
void by_width(bool can, const Function& function) {
  if (can) {
    function(std::integral_constant<int, 16 / sizeof(T)>{});
  } else {
    function(std::integral_constant<int, 1>{});
  }
}

// A pointer to the operand's elements. Throws Error, beginning with `what`, unless it has `count` of type T.
template <typename T>
const T* elements(ConstSpan operand, std::int64_t count, const char* what) {
  require(operand.count == count, "{}: expected {} elements, got {}", what, count, operand.count);
  return operand.as<T>(what);
}
template <typename T>
T* elements(Span operand, std::int64_t count, const char* what) {
  require(operand.count == count, "{}: expected {} elements, got {}", what, count, operand.count);
  return operand.as<T>(what);
}
// Null for an empty operand.
template <typename T>
const T* elements_or_null(ConstSpan operand, std::int64_t count, const char* what) {
  return operand.empty() ? nullptr : elements<T>(operand, count, what);
}
template <typename T>
T* elements_or_null(Span operand, std::int64_t count, const char* what) {
  return operand.empty() ? nullptr : elements<T>(operand, count, what);
}

// Whether all pointers are multiples of 16 bytes. Tensors may start at any element.
template <typename... Pointers>
bool aligned(const Pointers*... pointers) {
  return ((reinterpret_cast<std::uintptr_t>(pointers) % 16 == 0) && ...);
}

// Whether a row of `c` elements of T is a whole number of 16-byte vectors, so that rows keep their alignment.
template <typename T>
bool whole_vectors(std::int64_t c) {
  return c % static_cast<std::int64_t>(16 / sizeof(T)) == 0;
}

// An extent as int, for kernels that index in 32 bits. Throws Error, beginning with `what`, if out of range.
inline int to_int(std::int64_t value, const char* what) {
  require(value >= 0 && value <= std::numeric_limits<int>::max(), "{}: an extent of {} is out of range", what,
          value);
  return static_cast<int>(value);
}

inline std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return (a + b - 1) / b;
}

// Device memory with undefined content, freed when the host function returns.
// The allocator reuses it in stream order, so kernels that are still queued may use it.
class DeviceScratch {
 public:
  DeviceScratch(const Stream& stream, std::int64_t bytes)
      : storage_(allocate(stream.device, static_cast<std::size_t>(bytes))) {}

  template <typename T = float>
  T* data() const {
    return static_cast<T*>(storage_->data);
  }

 private:
  std::shared_ptr<Storage> storage_;
};

// ---- on the device ----

SEC_DEVICE float load(const float* from) {
  return *from;
}
SEC_DEVICE float load(const bf16* from) {
  return static_cast<float>(*from);
}
SEC_DEVICE void store(float* to, float value) {
  *to = value;
}
SEC_DEVICE void store(bf16* to, float value) {
  *to = bf16(value);
}

// Load or store `width` elements: a single one, or whole 16-byte vectors at an aligned address.
template <int width>
SEC_DEVICE void load(const float* from, float (&to)[width]) {
  if constexpr (width == 1) {
    to[0] = *from;
  } else {
#pragma unroll
    for (int i = 0; i < width; i += 4) {
      const float4 packet = *reinterpret_cast<const float4*>(from + i);
      to[i] = packet.x;
      to[i + 1] = packet.y;
      to[i + 2] = packet.z;
      to[i + 3] = packet.w;
    }
  }
}
template <int width>
SEC_DEVICE void load(const bf16* from, float (&to)[width]) {
  if constexpr (width == 1) {
    to[0] = static_cast<float>(*from);
  } else {
#pragma unroll
    for (int i = 0; i < width; i += 8) {
      const uint4 packet = *reinterpret_cast<const uint4*>(from + i);
      const unsigned words[4] = {packet.x, packet.y, packet.z, packet.w};
#pragma unroll
      for (int pair = 0; pair < 4; ++pair) {
        const float2 both = unpack_bf16(words[pair]);
        to[i + 2 * pair] = both.x;
        to[i + 2 * pair + 1] = both.y;
      }
    }
  }
}
template <int width>
SEC_DEVICE void store(float* to, const float (&from)[width]) {
  if constexpr (width == 1) {
    *to = from[0];
  } else {
#pragma unroll
    for (int i = 0; i < width; i += 4) {
      *reinterpret_cast<float4*>(to + i) = make_float4(from[i], from[i + 1], from[i + 2], from[i + 3]);
    }
  }
}
template <int width>
SEC_DEVICE void store(bf16* to, const float (&from)[width]) {
  if constexpr (width == 1) {
    *to = bf16(from[0]);
  } else {
#pragma unroll
    for (int i = 0; i < width; i += 8) {
      *reinterpret_cast<uint4*>(to + i) =
          make_uint4(pack_bf16(from[i], from[i + 1]), pack_bf16(from[i + 2], from[i + 3]),
                     pack_bf16(from[i + 4], from[i + 5]), pack_bf16(from[i + 6], from[i + 7]));
    }
  }
}

// The index of this thread's first element, if every thread of the grid handles `width` consecutive elements.
SEC_DEVICE std::int64_t first_element(int width) {
  return (std::int64_t{blockIdx.x} * blockDim.x + threadIdx.x) * width;
}

}  // namespace sec::kernels::SEC_BACKEND
