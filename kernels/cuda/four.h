// Loads and stores of four consecutive elements, for channel counts that are multiples of 4.
#pragma once

#include "kernels/cuda/elements.h"

namespace sec::kernels::SEC_BACKEND {

// One access of 16 bytes (f32) or 8 bytes (bf16), to which the address must be aligned.
SEC_DEVICE void load_four(const float* from, float (&to)[4]) {
  load(from, to);
}
SEC_DEVICE void load_four(const bf16* from, float (&to)[4]) {
  const uint2 packet = *reinterpret_cast<const uint2*>(from);
  const float2 low = unpack_bf16(packet.x);
  const float2 high = unpack_bf16(packet.y);
  to[0] = low.x;
  to[1] = low.y;
  to[2] = high.x;
  to[3] = high.y;
}
SEC_DEVICE void store_four(float* to, const float (&from)[4]) {
  store(to, from);
}
SEC_DEVICE void store_four(bf16* to, const float (&from)[4]) {
  *reinterpret_cast<uint2*>(to) = make_uint2(pack_bf16(from[0], from[1]), pack_bf16(from[2], from[3]));
}

// `whole`: the address is aligned for one access; otherwise element by element.
template <typename T>
SEC_DEVICE void load_four(const T* from, bool whole, float (&to)[4]) {
  if (whole) {
    load_four(from, to);
  } else {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      to[e] = load(from + e);
    }
  }
}
template <typename T>
SEC_DEVICE void store_four(T* to, bool whole, const float (&from)[4]) {
  if (whole) {
    store_four(to, from);
  } else {
#pragma unroll
    for (int e = 0; e < 4; ++e) {
      store(to + e, from[e]);
    }
  }
}

SEC_DEVICE void zero_four(float (&values)[4]) {
#pragma unroll
  for (int e = 0; e < 4; ++e) {
    values[e] = 0.0F;
  }
}

// The device's aligned(): whether a pointer is a multiple of 16 bytes.
SEC_DEVICE bool is_aligned(const void* pointer) {
  return reinterpret_cast<std::uintptr_t>(pointer) % 16 == 0;
}

}  // namespace sec::kernels::SEC_BACKEND
