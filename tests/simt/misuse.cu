#include "tests/simt/misuse.h"

#include <stdexcept>

#include "engine/device_intrinsics.h"
#include "engine/launch.h"

namespace sec::kernels::simt {
namespace {

__global__ void nothing() {}

__global__ void throws_in_the_third_block() {
  if (blockIdx.x == 2 && threadIdx.x == 7) {
    throw std::runtime_error("thrown in a kernel");
  }
  __syncthreads();
}

__global__ void too_much_shared() {
  SHARED(float, first, [20 * 1024]);
  SHARED(float, second, [30 * 1024]);
  first[0] = second[0] = 0;
}

__global__ void wants_dynamic_shared() {
  DYN_SHARED(float, data);
  data[0] = 0;
}

__global__ void misaligned_async_copy() {
  SHARED(float, tile, [64]);
  SHARED(float, other, [64]);
  cp_async<16>(&tile[0], &other[1]);
}

__global__ void mask_beyond_block() {
  __syncwarp();
}

__global__ void record_order(unsigned* order, int* next, bool after_barrier) {
  if (after_barrier) {
    __syncthreads();
  }
  order[atomicAdd(next, 1)] = threadIdx.x;
}

__global__ void read_unwritten(float* y) {
  SHARED(float, a, [8]);
  SHARED(bf16, b, [8]);
  SHARED(double, c, [8]);
  DYN_SHARED(float, d);
  float* out = y + 4 * blockIdx.x;
  out[0] = a[7];
  out[1] = static_cast<float>(b[7]);
  out[2] = static_cast<float>(c[7]);
  out[3] = d[7];
  a[7] = d[7] = 1;
  b[7] = bf16(1.0F);
  c[7] = 1;
}

std::vector<unsigned> order_of(Stream& stream, bool after_barrier) {
  std::vector<unsigned> order(64);
  int next = 0;
  launch<record_order>(stream, dim3(1), dim3(64), 0, order.data(), &next, after_barrier);
  return order;
}

}  // namespace

void misuse(std::string_view name, Stream& stream) {
  if (name == "too many threads") {
    launch<nothing>(stream, dim3(1), dim3(1024, 2), 0);
  } else if (name == "no blocks") {
    launch<nothing>(stream, dim3(0), dim3(32), 0);
  } else if (name == "too deep a grid") {
    launch<nothing>(stream, dim3(1, 1, 65536), dim3(1), 0);
  } else if (name == "too much dynamic shared memory") {
    launch<nothing>(stream, dim3(1), dim3(32), 200 * 1024);
  } else if (name == "too much shared memory") {
    launch<too_much_shared>(stream, dim3(1), dim3(32), 0);
  } else if (name == "no dynamic shared memory") {
    launch<wants_dynamic_shared>(stream, dim3(1), dim3(32), 0);
  } else if (name == "misaligned cp_async") {
    launch<misaligned_async_copy>(stream, dim3(1), dim3(32), 0);
  } else if (name == "mask beyond block") {
    launch<mask_beyond_block>(stream, dim3(1), dim3(48), 0);
  } else if (name == "exception") {
    launch<throws_in_the_third_block>(stream, dim3(4), dim3(64), 0);
  } else {
    fail("there is no misuse '{}'", name);
  }
}

std::vector<unsigned> order_before_barrier(Stream& stream) {
  return order_of(stream, false);
}

std::vector<unsigned> order_after_barrier(Stream& stream) {
  return order_of(stream, true);
}

std::vector<float> unwritten_shared_memory(Stream& stream) {
  std::vector<float> y(8, 0);
  launch<read_unwritten>(stream, dim3(2), dim3(1), 8 * sizeof(float), y.data());
  return y;
}

}  // namespace sec::kernels::simt
