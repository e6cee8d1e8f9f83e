// Device functions for instructions that CUDA C++ does not expose: cp.async, mma, ldmatrix, packed bf16.
// They are inline PTX under nvcc and calls of the fiber engine under g++.
//
// On simt an asynchronous copy happens when its thread waits for it. Until then the destination holds NaN.
// A kernel that lacks the wait, or the barrier that other threads' copies need, therefore reads NaN.
// A thread also reads NaN if a copy is issued into a buffer that it is still reading.
// Writing to the destination before the wait is reported as an error.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/dtype.h"
#include "engine/launch.h"

#ifdef __CUDACC__
#define SEC_DEVICE __device__ __forceinline__
#define SEC_SITE_PARAMETER
#else
#define SEC_DEVICE inline
#define SEC_SITE_PARAMETER , Site site = Site::current()
#endif

namespace sec::SEC_BACKEND {

// ---- asynchronous copies from global to shared memory ----

// Copies `bytes` (4, 8 or 16) from global to shared memory. Both addresses must be multiples of `bytes`.
// Only the first `source_bytes` are read, and the rest is filled with zeros.
// Kernels pass a source_bytes of 0, which reads nothing, for elements outside a tensor.
template <int bytes>
SEC_DEVICE void cp_async(void* shared, const void* global, int source_bytes = bytes SEC_SITE_PARAMETER) {
  static_assert(bytes == 4 || bytes == 8 || bytes == 16, "cp.async copies 4, 8 or 16 bytes");
#ifdef __CUDACC__
  const auto to = static_cast<unsigned>(__cvta_generic_to_shared(shared));
  if constexpr (bytes == 16) {  // .cg bypasses the L1 cache
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(to), "l"(global), "r"(source_bytes)
                 : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2, %3;" ::"r"(to), "l"(global), "n"(bytes),
                 "r"(source_bytes)
                 : "memory");
  }
#else
  const Uncounted uncounted;  // async_copy() reports this copy to the counters
  // Reads the first and last source bytes now, so that a sanitizer reports this line and not the wait.
  if (source_bytes > 0) {
    static_cast<void>(*static_cast<const volatile char*>(global));
    static_cast<void>(static_cast<const volatile char*>(global)[source_bytes - 1]);
  }
  check_async_copy(shared, global, bytes, source_bytes);
  // On a GPU the copy may happen at any time from now on. NaN exposes threads that still read old content.
  for (int i = 0; i < bytes; i += 4) {
    std::memcpy(static_cast<char*>(shared) + i, &unwritten, 4);
  }
  async_copy({shared, global, bytes, source_bytes, site});
#endif
}

// Commits the copies issued since the last commit as one group.
SEC_DEVICE void cp_async_commit() {
#ifdef __CUDACC__
  asm volatile("cp.async.commit_group;" ::: "memory");
#else
  async_commit();
#endif
}

// Waits until all groups of this thread but the latest `pending` groups are complete.
template <int pending>
SEC_DEVICE void cp_async_wait() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_group %0;" ::"n"(pending) : "memory");
#else
  finish_async_copies(pending);
#endif
}

// Waits for all copies of this thread, including copies that are not committed.
SEC_DEVICE void cp_async_wait_all() {
#ifdef __CUDACC__
  asm volatile("cp.async.wait_all;" ::: "memory");
#else
  finish_async_copies(all_async_copies);
#endif
}

// ---- tensor cores: all 32 lanes of a warp must call these functions together ----

// d (16, 8) = a (16, 16) b (16, 8) + c. The operands are bf16, two per register; the sums are f32.
// Elements held by a lane, with g = lane / 4 and t = lane % 4:
//   a[0] = A[g][2t, 2t+1]    a[1] = A[g+8][2t, 2t+1]    a[2] = A[g][2t+8, 2t+9]    a[3] = A[g+8][2t+8, 2t+9]
//   b[0] = B[2t, 2t+1][g]    b[1] = B[2t+8, 2t+9][g]
//   d[0], d[1] = D[g][2t, 2t+1]    d[2], d[3] = D[g+8][2t, 2t+1]    c has the layout of d and may alias it
SEC_DEVICE void mma_m16n8k16_bf16(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                                  const float (&c)[4] SEC_SITE_PARAMETER) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
#else
  Mma operand{d, a, b, c};
  warp_collective("mma_m16n8k16_bf16", 0xffffffffU, complete_mma_m16n8k16_bf16, &operand, site);
#endif
}

// d (16, 8) = a (16, 8) b (8, 8) + c. The operands are tf32 (f32 rounded by to_tf32); the sums are f32.
// Elements held by a lane, with g = lane / 4 and t = lane % 4:
//   a[0] = A[g][t]    a[1] = A[g+8][t]    a[2] = A[g][t+4]    a[3] = A[g+8][t+4]
//   b[0] = B[t][g]    b[1] = B[t+4][g]    c and d as for mma_m16n8k16_bf16
SEC_DEVICE void mma_m16n8k8_tf32(float (&d)[4], const unsigned (&a)[4], const unsigned (&b)[2],
                                 const float (&c)[4] SEC_SITE_PARAMETER) {
#ifdef __CUDACC__
  asm volatile(
      "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%0,%1,%2,%3}, {%4,%5,%6,%7}, {%8,%9}, "
      "{%10,%11,%12,%13};"
      : "=f"(d[0]), "=f"(d[1]), "=f"(d[2]), "=f"(d[3])
      : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b[0]), "r"(b[1]), "f"(c[0]), "f"(c[1]), "f"(c[2]),
        "f"(c[3]));
#else
  Mma operand{d, a, b, c};
  warp_collective("mma_m16n8k8_tf32", 0xffffffffU, complete_mma_m16n8k8_tf32, &operand, site);
#endif
}

// Rounds `value` to TF32 for use as an mma operand: clears the lower 13 bits, ties round away from zero.
SEC_DEVICE unsigned to_tf32(float value) {
#ifdef __CUDACC__
  unsigned bits;
  asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(bits) : "f"(value));
  return bits;
#else
  const unsigned bits = __float_as_uint(value);
  return (bits & 0x7f800000U) == 0x7f800000U ? bits : (bits + 0x1000U) & 0xffffe000U;
#endif
}

// Loads 1, 2 or 4 matrices of 8 x 8 16-bit elements from shared memory.
// Lane i passes the address of row i % 8 of matrix i / 8. A row is 16 bytes, aligned to 16.
// Lanes beyond the last matrix may pass any valid row.
// registers[m] receives the elements [g][2t, 2t+1] of matrix m or of its transpose,
// where g = lane / 4 and t = lane % 4.
template <int matrices, bool transposed = false>
SEC_DEVICE void ldmatrix(unsigned (&registers)[matrices], const void* row SEC_SITE_PARAMETER) {
  static_assert(matrices == 1 || matrices == 2 || matrices == 4, "ldmatrix loads 1, 2 or 4 matrices");
#ifdef __CUDACC__
  const auto from = static_cast<unsigned>(__cvta_generic_to_shared(row));
  if constexpr (matrices == 1 && !transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%0}, [%1];"
                 : "=r"(registers[0])
                 : "r"(from)
                 : "memory");
  } else if constexpr (matrices == 1) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x1.trans.shared.b16 {%0}, [%1];"
                 : "=r"(registers[0])
                 : "r"(from)
                 : "memory");
  } else if constexpr (matrices == 2 && !transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.shared.b16 {%0,%1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(from)
                 : "memory");
  } else if constexpr (matrices == 2) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x2.trans.shared.b16 {%0,%1}, [%2];"
                 : "=r"(registers[0]), "=r"(registers[1])
                 : "r"(from)
                 : "memory");
  } else if constexpr (!transposed) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(from)
                 : "memory");
  } else {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0,%1,%2,%3}, [%4];"
                 : "=r"(registers[0]), "=r"(registers[1]), "=r"(registers[2]), "=r"(registers[3])
                 : "r"(from)
                 : "memory");
  }
#else
  LoadMatrix operand{{}, matrices, transposed, registers};
  if (lane_id() < static_cast<unsigned>(8 * matrices)) {
    const uint4 values = *static_cast<const uint4*>(row);
    operand.row[0] = values.x;
    operand.row[1] = values.y;
    operand.row[2] = values.z;
    operand.row[3] = values.w;
  }
  warp_collective("ldmatrix", 0xffffffffU, complete_load_matrix, &operand, site);
#endif
}

// ---- packed bf16 ----

// Packs two bf16 into one register. `low` is the lower half, which has the lower address in memory.
SEC_DEVICE unsigned pack_bf16(float low, float high) {
#ifdef __CUDACC__
  unsigned packed;
  asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(packed) : "f"(high), "f"(low));
  return packed;
#else
  return static_cast<unsigned>(bf16(low).bits) | static_cast<unsigned>(bf16(high).bits) << 16;
#endif
}

SEC_DEVICE float2 unpack_bf16(unsigned packed) {
  return make_float2(__uint_as_float(packed << 16), __uint_as_float(packed & 0xffff0000U));
}

// ReLU of two packed bf16: values below 0, and -0, become 0. NaN stays NaN.
SEC_DEVICE unsigned relu_bf16(unsigned packed) {
#ifdef __CUDACC__
  unsigned result;
  asm("max.NaN.bf16x2 %0, %1, %2;" : "=r"(result) : "r"(packed), "r"(0U));
  return result;
#else
  const auto one = [](unsigned bits) {
    return (bits & 0x7fffU) > 0x7f80U ? 0x7fffU : (bits & 0x8000U) != 0 ? 0U : bits;
  };
  return one(packed & 0xffffU) | one(packed >> 16) << 16;
#endif
}

// Two masks of 16 bits for two packed bf16: all ones where the highest bit of the corresponding byte is set.
// `high`: the bytes are 2 and 3 of `bytes`, otherwise 0 and 1.
template <bool high>
SEC_DEVICE unsigned masks_of_bytes(unsigned bytes) {
#ifdef __CUDACC__
  unsigned masks;  // a selector of 8 + b repeats the highest bit of byte b in a whole byte
  asm("prmt.b32 %0, %1, 0, %2;" : "=r"(masks) : "r"(bytes), "n"(high ? 0xbbaa : 0x9988));
  return masks;
#else
  const unsigned two = high ? bytes >> 16 : bytes;
  return ((two & 0x80U) != 0 ? 0xffffU : 0U) | ((two & 0x8000U) != 0 ? 0xffff0000U : 0U);
#endif
}

// Two masks of 16 bits for two packed bf16 whose sign bits are 0: all ones where the number is not zero.
SEC_DEVICE unsigned masks_of_nonzero(unsigned packed) {
  const unsigned carried = packed + 0x7fff7fffU;  // sets the highest bit of a half unless it was zero
#ifdef __CUDACC__
  unsigned masks;
  asm("prmt.b32 %0, %1, 0, %2;" : "=r"(masks) : "r"(carried), "n"(0xbb99));
  return masks;
#else
  return ((carried & 0x8000U) != 0 ? 0xffffU : 0U) | ((carried & 0x80000000U) != 0 ? 0xffff0000U : 0U);
#endif
}

}  // namespace sec::SEC_BACKEND

#undef SEC_SITE_PARAMETER
