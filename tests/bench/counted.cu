#include "tests/bench/counted.h"

#include "engine/device_intrinsics.h"
#include "engine/launch.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

__global__ void copy_floats(const float* __restrict__ x, float* __restrict__ y) {
  const unsigned i = blockIdx.x * blockDim.x + threadIdx.x;
  y[i] = x[i];
}

__global__ void copy_packets(const float* __restrict__ x, float* __restrict__ y) {
  const unsigned i = (blockIdx.x * blockDim.x + threadIdx.x) * 4;
  *reinterpret_cast<float4*>(y + i) = *reinterpret_cast<const float4*>(x + i);
}

// Copies every stride-th element.
template <int stride>
__global__ void copy_strided(const float* __restrict__ x, float* __restrict__ y) {
  y[threadIdx.x] = x[threadIdx.x * stride];
}

// One load broadcasts a float to all lanes; the other is shifted by one element and so touches a fifth sector.
__global__ void add_first_to_shifted(const float* __restrict__ x, float* __restrict__ y) {
  y[threadIdx.x] = x[0] + x[threadIdx.x + 1];
}

// Half of the lanes run a loop of two iterations.
__global__ void copy_by_half_a_warp(const float* __restrict__ x, float* __restrict__ y) {
  if (threadIdx.x < 16) {
    for (unsigned i = threadIdx.x; i < 32; i += 16) {
      y[i] = x[i];
    }
  }
}

// Two blocks of one warp read the same 32 floats twice, with a barrier in between.
__global__ void read_again(const float* __restrict__ x, float* __restrict__ y) {
  const volatile float* const again = x;
  float sum = again[threadIdx.x];
  __syncthreads();
  sum += again[threadIdx.x];
  y[blockIdx.x * 32 + threadIdx.x] = sum;
}

// Reads a 32 x 32 tile by columns: 32-way bank conflicts with pitch 32, none with pitch 33.
template <int pitch>
__global__ void transpose(const float* __restrict__ x, float* __restrict__ y) {
  SHARED(float, tile, [32 * pitch]);
  tile[threadIdx.y * pitch + threadIdx.x] = x[threadIdx.y * 32 + threadIdx.x];
  __syncthreads();
  y[threadIdx.y * 32 + threadIdx.x] = tile[threadIdx.x * pitch + threadIdx.y];
}

template <int stride>
__global__ void read_shared(const float* __restrict__ x, float* __restrict__ y) {
  SHARED(float, line, [32 * stride]);
  for (unsigned i = threadIdx.x; i < 32 * stride; i += 32) {
    line[i] = x[i];
  }
  __syncwarp();
  y[threadIdx.x] = line[threadIdx.x * stride];
}

// Packets of 16 bytes, `pitch` floats apart; shared memory serves eight lanes at a time.
template <int pitch>
__global__ void read_shared_packets(const float* __restrict__ x, float* __restrict__ y) {
  SHARED(float, line, [32 * pitch]);
  line[threadIdx.x * pitch] = x[threadIdx.x];
  __syncwarp();
  const float4 packet = *reinterpret_cast<const float4*>(&line[threadIdx.x * pitch]);
  y[threadIdx.x] = packet.x;
}

// Every lane copies 16 bytes, except the last lane, which copies none.
__global__ void copy_async(const float* __restrict__ x, float* __restrict__ y) {
  SHARED(float, line, [128]);
  const unsigned i = threadIdx.x * 4;
  cp_async<16>(&line[i], x + i, threadIdx.x < 31 ? 16 : 0);
  cp_async_commit();
  cp_async_wait<0>();
  __syncwarp();
  y[threadIdx.x] = line[threadIdx.x];
}

// All lanes but lane 0 compute y = x * x + 0.5 three times: 2 operations per lane and iteration.
__global__ void polynomial(const float* __restrict__ x, float* __restrict__ y) {
  float value = x[threadIdx.x];
  for (unsigned i = 0; i < 3 && threadIdx.x > 0; ++i) {
    value = value * value + 0.5F;
  }
  y[threadIdx.x] = value;
}

// Computes a division, an exponential and a fused multiply-add.
__global__ void functions(const float* __restrict__ x, float* __restrict__ y) {
  y[threadIdx.x] = fmaf(expf(x[threadIdx.x]), 3.0F, 1.0F / x[threadIdx.x + 32]);
}

__global__ void multiply_tiles(const float* __restrict__ x, float* __restrict__ y) {
  const unsigned a[4] = {0, 0, 0, 0};
  const unsigned b[2] = {0, 0};
  const float c[4] = {x[threadIdx.x], 0, 0, 0};
  float d[4];
  mma_m16n8k16_bf16(d, a, b, c);
  mma_m16n8k8_tf32(d, a, b, d);
  y[threadIdx.x] = d[0];
}

}  // namespace

void run_counted(std::string_view name, Stream& stream, ConstSpan x, Span y) {
  const auto run = [&](auto launch_it) { launch_it(x.as<float>("x"), y.as<float>("y")); };
  const dim3 warp(32);
  if (name == "copy_floats") {
    run([&](auto* from, auto* to) { launch<copy_floats>(stream, dim3(2), dim3(64), 0, from, to); });
  } else if (name == "copy_packets") {
    run([&](auto* from, auto* to) { launch<copy_packets>(stream, dim3(2), dim3(64), 0, from, to); });
  } else if (name == "copy_strided<2>") {
    run([&](auto* from, auto* to) { launch<copy_strided<2>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "copy_strided<32>") {
    run([&](auto* from, auto* to) { launch<copy_strided<32>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "add_first_to_shifted") {
    run([&](auto* from, auto* to) { launch<add_first_to_shifted>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "copy_by_half_a_warp") {
    run([&](auto* from, auto* to) { launch<copy_by_half_a_warp>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "read_again") {
    run([&](auto* from, auto* to) { launch<read_again>(stream, dim3(2), warp, 0, from, to); });
  } else if (name == "transpose<32>") {
    run([&](auto* from, auto* to) { launch<transpose<32>>(stream, dim3(1), dim3(32, 32), 0, from, to); });
  } else if (name == "transpose<33>") {
    run([&](auto* from, auto* to) { launch<transpose<33>>(stream, dim3(1), dim3(32, 32), 0, from, to); });
  } else if (name == "read_shared<1>") {
    run([&](auto* from, auto* to) { launch<read_shared<1>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "read_shared<2>") {
    run([&](auto* from, auto* to) { launch<read_shared<2>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "read_shared_packets<4>") {
    run([&](auto* from, auto* to) { launch<read_shared_packets<4>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "read_shared_packets<8>") {
    run([&](auto* from, auto* to) { launch<read_shared_packets<8>>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "copy_async") {
    run([&](auto* from, auto* to) { launch<copy_async>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "polynomial") {
    run([&](auto* from, auto* to) { launch<polynomial>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "functions") {
    run([&](auto* from, auto* to) { launch<functions>(stream, dim3(1), warp, 0, from, to); });
  } else if (name == "multiply_tiles") {
    run([&](auto* from, auto* to) { launch<multiply_tiles>(stream, dim3(1), warp, 0, from, to); });
  } else {
    fail("there is no counted kernel {}", name);
  }
}

}  // namespace sec::kernels::SEC_BACKEND
