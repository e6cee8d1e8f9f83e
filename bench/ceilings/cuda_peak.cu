#include "bench/ceilings/cuda_peak.h"

#include "engine/device_intrinsics.h"
#include "engine/launch.h"

namespace sec {
namespace SEC_BACKEND {
namespace {

constexpr int threads = 256;
constexpr int blocks = static_cast<int>(cuda_peak_results) / threads;
constexpr int rounds = 512;
constexpr int chains = 16;  // independent sums per thread, enough to hide an instruction's latency

__global__ void __launch_bounds__(threads)
    multiply_adds(float* __restrict__ results, float factor, float term) {
  float sum[chains];
  for (int i = 0; i < chains; ++i) {
    sum[i] = static_cast<float>(threadIdx.x + i);
  }
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < chains; ++i) {
      sum[i] = fmaf(sum[i], factor, term);
    }
  }
  float total = 0;
  for (int i = 0; i < chains; ++i) {
    total += sum[i];
  }
  results[blockIdx.x * threads + threadIdx.x] = total;
}

constexpr int tiles = 8;  // independent sums per warp

// The products have k = 8 in tf32 and k = 16 in bf16. The values of the operands do not matter.
template <bool tf32>
__global__ void __launch_bounds__(threads) tensor_products(float* __restrict__ results, unsigned bits) {
  const unsigned a[4] = {bits, bits, bits, bits};
  const unsigned b[2] = {bits, bits};
  float sum[tiles][4] = {};
  for (int round = 0; round < rounds; ++round) {
#pragma unroll
    for (int i = 0; i < tiles; ++i) {
      if constexpr (tf32) {
        mma_m16n8k8_tf32(sum[i], a, b, sum[i]);
      } else {
        mma_m16n8k16_bf16(sum[i], a, b, sum[i]);
      }
    }
  }
  float total = 0;
  for (int i = 0; i < tiles; ++i) {
    total += sum[i][0] + sum[i][1] + sum[i][2] + sum[i][3];
  }
  results[blockIdx.x * threads + threadIdx.x] = total;
}

}  // namespace

double run_peak(Stream& stream, DType type, bool tf32, Span results) {
  float* const to = results.as<float>("peak");
  const double repetitions = static_cast<double>(blocks) * rounds;
  constexpr unsigned ones = 0x3f803f80U;  // two bf16 numbers 1; about 1 as tf32
  if (type == DType::bf16) {
    launch<tensor_products<false>>(stream, dim3(blocks), dim3(threads), 0, to, ones);
    return repetitions * (threads / 32) * tiles * 2.0 * 16 * 8 * 16;
  }
  if (tf32) {
    launch<tensor_products<true>>(stream, dim3(blocks), dim3(threads), 0, to, ones);
    return repetitions * (threads / 32) * tiles * 2.0 * 16 * 8 * 8;
  }
  launch<multiply_adds>(stream, dim3(blocks), dim3(threads), 0, to, 0.999F, 0.001F);
  return repetitions * threads * chains * 2.0;
}

}  // namespace SEC_BACKEND

double run_cuda_peak(Stream& stream, DType type, bool tf32, Span results) {
  return SEC_BACKEND::run_peak(stream, type, tf32, results);
}

}  // namespace sec
