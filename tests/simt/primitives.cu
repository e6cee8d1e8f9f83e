#include "tests/simt/primitives.h"

#include "engine/device_intrinsics.h"
#include "engine/launch.h"
#include "engine/philox.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr unsigned full = 0xffffffffU;

// Grid (2, 3, 2) of blocks (4, 2, 3). y (12, 24) is block * 100 + thread, both as linear indices.
__global__ void indices(const float*, float* y) {
  const unsigned block = (blockIdx.z * gridDim.y + blockIdx.y) * gridDim.x + blockIdx.x;
  const unsigned thread = (threadIdx.z * blockDim.y + threadIdx.y) * blockDim.x + threadIdx.x;
  y[block * 24 + thread] = static_cast<float>(block * 100 + thread);
}

// One warp. x (32); y (6, 32): the results of six shuffles.
__global__ void shuffles(const float* x, float* y) {
  const unsigned lane = threadIdx.x;
  const float v = x[lane];
  y[lane] = __shfl_sync(full, v, static_cast<int>(lane) * 5 % 32);
  y[32 + lane] = __shfl_down_sync(full, v, 3);
  y[64 + lane] = __shfl_up_sync(full, v, 3);
  y[96 + lane] = __shfl_xor_sync(full, v, 9);
  y[128 + lane] = __shfl_sync(full, v, 1, 8);
  y[160 + lane] = __shfl_down_sync(full, v, 2, 4);
}

// One warp. x (32); y (8, 32): the results of eight votes and reductions.
__global__ void votes(const float* x, float* y) {
  const unsigned lane = threadIdx.x;
  const int v = static_cast<int>(x[lane]);
  y[lane] = static_cast<float>(__popc(__ballot_sync(full, v > 0)));
  y[32 + lane] = static_cast<float>(__any_sync(full, v > 1000));
  y[64 + lane] = static_cast<float>(__all_sync(full, v > -1000));
  y[96 + lane] = static_cast<float>(__reduce_add_sync(full, v));
  y[128 + lane] = static_cast<float>(__reduce_min_sync(full, v));
  y[160 + lane] = static_cast<float>(__reduce_max_sync(full, v));
  const unsigned half = lane < 16 ? 0x0000ffffU : 0xffff0000U;
  y[192 + lane] = static_cast<float>(__reduce_add_sync(half, v));
  y[224 + lane] = static_cast<float>(__ballot_sync(full, v > 0) >> lane & 1U);
}

// One block of 96 threads. x (96); y (3, 96): how many x are positive, whether all are, whether any is.
__global__ void counting_barriers(const float* x, float* y) {
  const unsigned i = threadIdx.x;
  y[i] = static_cast<float>(__syncthreads_count(x[i] > 0));
  y[96 + i] = static_cast<float>(__syncthreads_and(x[i] > 0) != 0);
  y[192 + i] = static_cast<float>(__syncthreads_or(x[i] > 0) != 0);
}

// Blocks of 64 threads. x (n); y (5), zeroed:
// sum, sum as int, maximum, count modulo 7, count by compare-and-swap.
__global__ void atomics(const float* x, float* y) {
  const float v = x[blockIdx.x * 64 + threadIdx.x];
  atomicAdd(&y[0], v);
  atomicAdd(reinterpret_cast<int*>(&y[1]), static_cast<int>(v));
  atomicMax(reinterpret_cast<int*>(&y[2]), static_cast<int>(v));
  atomicInc(reinterpret_cast<unsigned*>(&y[3]), 6);
  auto* cell = reinterpret_cast<unsigned*>(&y[4]);
  unsigned old = 0;
  unsigned seen = atomicCAS(cell, old, old + 1);
  while (seen != old) {
    old = seen;
    seen = atomicCAS(cell, old, old + 1);
  }
}

// One thread per element. x (n); y (3, n):
// x rounded to bf16, x packed into both halves of a bf16 pair and unpacked, x rounded to TF32.
__global__ void roundings(const float* x, float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) {
    y[i] = static_cast<float>(bf16(x[i]));
    const float2 pair = unpack_bf16(pack_bf16(x[i], -x[i]));
    y[n + i] = pair.x + (pair.y == -pair.x ? 0.0F : 1e30F);
    y[2 * n + i] = __uint_as_float(to_tf32(x[i]));
  }
}

// One thread per element. x (n); y (4, n): ReLU of x as the low half of a pair whose high half is -x; of -x, the high
// half; and x as the low and the high half of a pair where masks keep only the halves whose bytes have their highest
// bit set: byte 0 for the low half if i is even, byte 3 for the high half if i is odd.
__global__ void packed_pairs(const float* x, float* y, int n) {
  const int i = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (i < n) {
    const float2 positive = unpack_bf16(relu_bf16(pack_bf16(x[i], -x[i])));
    y[i] = positive.x;
    y[n + i] = positive.y;
    const unsigned bytes = i % 2 == 0 ? 0x00000080U : 0x80000000U;
    const unsigned both = pack_bf16(x[i], x[i]);
    y[2 * n + i] = unpack_bf16(both & masks_of_bytes<false>(bytes)).x;
    y[3 * n + i] = unpack_bf16(both & masks_of_bytes<true>(bytes)).y;
  }
}

// One block of 32 threads. x (stages * 128); y (128): the sum over stages. Copies run three stages ahead.
// In the last stage only the first 3 of every 4 floats are read; cp.async fills the others with zeros.
__global__ void pipeline(const float* x, float* y, int stages) {
  constexpr int ahead = 3;
  SHARED(float, tile, [ahead + 1][128]);
  const int at = 4 * static_cast<int>(threadIdx.x);
  const auto load = [&](int stage) {
    if (stage < stages) {
      cp_async<16>(&tile[stage % (ahead + 1)][at], &x[stage * 128 + at], stage == stages - 1 ? 12 : 16);
    }
    cp_async_commit();
  };
  for (int stage = 0; stage < ahead; ++stage) {
    load(stage);
  }
  float4 sum = make_float4(0, 0, 0, 0);
  for (int stage = 0; stage < stages; ++stage) {
    load(stage + ahead);
    cp_async_wait<ahead>();
    __syncthreads();
    const float4 part = *reinterpret_cast<const float4*>(&tile[stage % (ahead + 1)][(at + 4) % 128]);
    sum = make_float4(sum.x + part.x, sum.y + part.y, sum.z + part.z, sum.w + part.w);
    __syncthreads();
  }
  *reinterpret_cast<float4*>(&y[(at + 4) % 128]) = sum;
}

// One warp. x: A (16, 16), B (16, 8), C (16, 8); y: D (16, 8) = A B + C.
// Fragments are loaded element by element.
__global__ void mma_bf16(const float* x, float* y) {
  const float* a = x;
  const float* b = x + 256;
  const float* c = x + 384;
  const unsigned g = threadIdx.x / 4;
  const unsigned t = threadIdx.x % 4;
  unsigned fa[4];
  for (unsigned r = 0; r < 4; ++r) {
    const float* from = a + (g + r % 2 * 8) * 16 + 2 * t + r / 2 * 8;
    fa[r] = pack_bf16(from[0], from[1]);
  }
  unsigned fb[2];
  for (unsigned r = 0; r < 2; ++r) {
    const float* from = b + (2 * t + r * 8) * 8 + g;
    fb[r] = pack_bf16(from[0], from[8]);
  }
  float d[4];
  for (unsigned r = 0; r < 4; ++r) {
    d[r] = c[(g + r / 2 * 8) * 8 + 2 * t + r % 2];
  }
  mma_m16n8k16_bf16(d, fa, fb, d);
  for (unsigned r = 0; r < 4; ++r) {
    y[(g + r / 2 * 8) * 8 + 2 * t + r % 2] = d[r];
  }
}

// As mma_bf16, but ldmatrix loads fragments from row-major tiles and transposes B.
__global__ void mma_ldmatrix(const float* x, float* y) {
  SHARED(bf16, a, [16][16]);
  SHARED(bf16, b, [16][8]);
  for (unsigned i = threadIdx.x; i < 256; i += 32) {
    a[i / 16][i % 16] = bf16(x[i]);
  }
  for (unsigned i = threadIdx.x; i < 128; i += 32) {
    b[i / 8][i % 8] = bf16(x[256 + i]);
  }
  __syncwarp();
  const unsigned lane = threadIdx.x;
  unsigned fa[4];
  ldmatrix<4>(fa, &a[lane % 16][lane / 16 * 8]);
  unsigned fb[2];
  ldmatrix<2, true>(fb, &b[lane % 16][0]);
  const unsigned g = lane / 4;
  const unsigned t = lane % 4;
  float d[4];
  for (unsigned r = 0; r < 4; ++r) {
    d[r] = x[384 + (g + r / 2 * 8) * 8 + 2 * t + r % 2];
  }
  mma_m16n8k16_bf16(d, fa, fb, d);
  for (unsigned r = 0; r < 4; ++r) {
    y[(g + r / 2 * 8) * 8 + 2 * t + r % 2] = d[r];
  }
}

// One warp. x: A (16, 8), B (8, 8), C (16, 8); y: D (16, 8) = A B + C.
__global__ void mma_tf32(const float* x, float* y) {
  const float* a = x;
  const float* b = x + 128;
  const float* c = x + 192;
  const unsigned g = threadIdx.x / 4;
  const unsigned t = threadIdx.x % 4;
  unsigned fa[4];
  for (unsigned r = 0; r < 4; ++r) {
    fa[r] = to_tf32(a[(g + r % 2 * 8) * 8 + t + r / 2 * 4]);
  }
  const unsigned fb[2] = {to_tf32(b[t * 8 + g]), to_tf32(b[(t + 4) * 8 + g])};
  float fc[4];
  for (unsigned r = 0; r < 4; ++r) {
    fc[r] = c[(g + r / 2 * 8) * 8 + 2 * t + r % 2];
  }
  float d[4];
  mma_m16n8k8_tf32(d, fa, fb, fc);
  for (unsigned r = 0; r < 4; ++r) {
    y[(g + r / 2 * 8) * 8 + 2 * t + r % 2] = d[r];
  }
}

// The sum of x (n) in one launch: the block that finishes last adds up the partial sums of all blocks.
// y (blocks + 2): the total, a counter that starts at zero, and one partial sum per block.
// Dynamic shared memory: one float per thread.
__global__ void last_block_sum(const float* x, float* y) {
  DYN_SHARED(float, partial);
  SHARED(int, is_last);
  const unsigned i = threadIdx.x;
  partial[i] = x[blockIdx.x * blockDim.x + i];
  for (unsigned half = blockDim.x / 2; half > 0; half /= 2) {
    __syncthreads();
    if (i < half) {
      partial[i] += partial[i + half];
    }
  }
  if (i == 0) {
    y[2 + blockIdx.x] = partial[0];
    __threadfence();
    is_last = atomicInc(reinterpret_cast<unsigned*>(&y[1]), gridDim.x - 1) == gridDim.x - 1;
  }
  __syncthreads();
  if (is_last != 0 && i == 0) {
    __threadfence();
    float total = 0;
    for (unsigned block = 0; block < gridDim.x; ++block) {
      total += __ldcg(&y[2 + block]);
    }
    y[0] = total;
  }
}

// One thread per element. y (n): random numbers of the key (9, 3, 1), bitwise equal on every device.
__global__ void random_numbers(const float*, float* y) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = uniform(RandomKey{9, 3, 1}, i);
}

// One block of 32 threads, with shared arrays of several types and extents. x (32); y (32) = x.
template <int rows>
__device__ float through_shared(float value) {
  SHARED(float, matrix, [rows][32]);
  SHARED(double, wide, [32]);
  SHARED(bf16, narrow, [33]);
  const unsigned i = threadIdx.x;
  for (auto& row : matrix) {
    row[i] = value;
  }
  __syncwarp();
  wide[i] = matrix[rows - 1][31 - i];
  narrow[i + 1] = bf16(matrix[0][i]);
  __syncwarp();
  return static_cast<float>(wide[31 - i]) + static_cast<float>(narrow[i + 1]);
}
__global__ void shared_arrays(const float* x, float* y) {
  const unsigned i = threadIdx.x;
  y[i] = (through_shared<1>(x[i]) + through_shared<3>(x[i])) / 4;
}

}  // namespace

void run_primitive(std::string_view name, Stream& stream, ConstSpan x_span, Span y_span) {
  const auto* x = x_span.as<float>("x");
  auto* y = y_span.as<float>("y");
  const auto n = static_cast<int>(x_span.count);
  if (name == "indices") {
    launch<indices>(stream, dim3(2, 3, 2), dim3(4, 2, 3), 0, x, y);
  } else if (name == "shuffles") {
    launch<shuffles>(stream, dim3(1), dim3(32), 0, x, y);
  } else if (name == "votes") {
    launch<votes>(stream, dim3(1), dim3(32), 0, x, y);
  } else if (name == "counting_barriers") {
    launch<counting_barriers>(stream, dim3(1), dim3(96), 0, x, y);
  } else if (name == "atomics") {
    launch<atomics>(stream, dim3(blocks_for(n, 64)), dim3(64), 0, x, y);
  } else if (name == "roundings") {
    launch<roundings>(stream, dim3(blocks_for(n, 64)), dim3(64), 0, x, y, n);
  } else if (name == "packed_pairs") {
    launch<packed_pairs>(stream, dim3(blocks_for(n, 64)), dim3(64), 0, x, y, n);
  } else if (name == "pipeline") {
    launch<pipeline>(stream, dim3(1), dim3(32), 0, x, y, n / 128);
  } else if (name == "mma_bf16") {
    launch<mma_bf16>(stream, dim3(1), dim3(32), 0, x, y);
  } else if (name == "mma_ldmatrix") {
    launch<mma_ldmatrix>(stream, dim3(1), dim3(32), 0, x, y);
  } else if (name == "mma_tf32") {
    launch<mma_tf32>(stream, dim3(1), dim3(32), 0, x, y);
  } else if (name == "last_block_sum") {
    launch<last_block_sum>(stream, dim3(blocks_for(n, 64)), dim3(64), 64 * sizeof(float), x, y);
  } else if (name == "random_numbers") {
    launch<random_numbers>(stream, dim3(blocks_for(y_span.count, 32)), dim3(32), 0, x, y);
  } else if (name == "shared_arrays") {
    launch<shared_arrays>(stream, dim3(1), dim3(32), 0, x, y);
  } else {
    fail("there is no primitive '{}'", name);
  }
}

}  // namespace sec::kernels::SEC_BACKEND
