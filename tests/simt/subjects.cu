// Two typical kernels: ReLU with one element per thread, and row sums with one block per row.
#include "engine/launch.h"
#include "engine/tensor.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int block = 128;

template <typename T>
__global__ void __launch_bounds__(block) relu_kernel(const T* __restrict__ x,  // (n)
                                                     T* __restrict__ y,        // (n)
                                                     std::int64_t n) {
  const std::int64_t i = std::int64_t{blockIdx.x} * block + threadIdx.x;
  if (i < n) {
    y[i] = T(max(static_cast<float>(x[i]), 0.0F));
  }
}

__global__ void __launch_bounds__(block) row_sum_kernel(const float* __restrict__ x,  // (rows, columns)
                                                        float* __restrict__ y,        // (rows)
                                                        int columns) {
  SHARED(float, warp_sums, [block / 32]);
  float sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < columns; i += block) {
    sum += x[std::int64_t{blockIdx.x} * columns + i];
  }
  for (unsigned lanes = 16; lanes > 0; lanes /= 2) {
    sum += __shfl_down_sync(0xffffffffU, sum, lanes);
  }
  if (threadIdx.x % 32 == 0) {
    warp_sums[threadIdx.x / 32] = sum;
  }
  __syncthreads();
  if (threadIdx.x == 0) {
    float total = 0;
    for (const float warp_sum : warp_sums) {
      total += warp_sum;
    }
    y[blockIdx.x] = total;
  }
}

}  // namespace

void relu(Stream& stream, ConstSpan x, Span y) {
  const dim3 grid(blocks_for(x.count, block));
  if (x.type == DType::bf16) {
    launch<relu_kernel<bf16>>(stream, grid, dim3(block), 0, x.as<bf16>("relu"), y.as<bf16>("relu"), x.count);
  } else {
    launch<relu_kernel<float>>(stream, grid, dim3(block), 0, x.as<float>("relu"), y.as<float>("relu"),
                               x.count);
  }
}

void row_sums(Stream& stream, std::int64_t rows, int columns, const float* x, float* y) {
  launch<row_sum_kernel>(stream, dim3(blocks_for(rows, 1)), dim3(block), 0, x, y, columns);
}

}  // namespace sec::kernels::SEC_BACKEND
