// Kernels with one bug each, and the same kernels without it.
// tests/simt/planted_bugs_test.cpp requires a report at the line whose comment is `bug: NAME`.
// The correct kernel must cause no report.
//
//   simt_bugs NAME          runs the kernel with the bug
//   simt_bugs NAME fixed    runs the kernel without it
//
// If the output contains NaN, prints its first such element and exits with 3.
#include <cmath>
#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include "engine/device_intrinsics.h"
#include "engine/launch.h"
#include "engine/tensor.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr unsigned block = 64;
constexpr unsigned full = 0xffffffffU;

// y is x, reversed within each block.
template <bool bug>
__global__ void missing_barrier(const float* x, float* y) {
  SHARED(float, tile, [block]);
  const unsigned i = blockIdx.x * block + threadIdx.x;
  tile[threadIdx.x] = x[i];
  if (!bug) {
    __syncthreads();
  }
  y[i] = tile[block - 1 - threadIdx.x];  // bug: missing_barrier
}

// The second round overwrites values that slow threads still read in the first round.
template <bool bug>
__global__ void missing_second_barrier(const float* x, float* y) {
  SHARED(float, tile, [block]);
  float sum = 0;
  for (unsigned round = 0; round < 2; ++round) {
    tile[threadIdx.x] = x[round * block + threadIdx.x];  // bug: missing_second_barrier
    __syncthreads();
    sum += tile[block - 1 - threadIdx.x];
    if (!bug) {
      __syncthreads();
    }
  }
  y[threadIdx.x] = sum;
}

// Lanes of a warp exchange values through shared memory, which needs __syncwarp(); a shuffle would not.
template <bool bug>
__global__ void missing_warp_barrier(const float* x, float* y) {
  SHARED(float, tile, [block]);
  tile[threadIdx.x] = x[threadIdx.x];
  if (!bug) {
    __syncwarp();
  }
  y[threadIdx.x] = tile[threadIdx.x ^ 1U];  // bug: missing_warp_barrier
}

// Every block adds to the same sum.
template <bool bug>
__global__ void cross_block_race(const float* x, float* y) {
  if (threadIdx.x == 0) {
    if (bug) {
      y[0] += x[blockIdx.x];  // bug: cross_block_race
    } else {
      atomicAdd(&y[0], x[blockIdx.x]);
    }
  }
}

template <bool bug>
__global__ void shared_read_outside(const float* x, float* y) {
  SHARED(float, tile, [block]);
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();
  const unsigned next = bug ? threadIdx.x + 1 : (threadIdx.x + 1) % block;
  y[threadIdx.x] = tile[next];  // bug: shared_read_outside
}

template <bool bug>
__global__ void shared_write_outside(const float* x, float* y) {
  SHARED(float, tile, [block]);
  const unsigned next = bug ? threadIdx.x + 1 : (threadIdx.x + 1) % block;
  tile[next] = x[threadIdx.x];  // bug: shared_write_outside
  __syncthreads();
  y[threadIdx.x] = tile[1 + threadIdx.x % (block - 1)];
}

template <bool bug>
__global__ void dynamic_shared_write_outside(const float* x, float* y) {
  DYN_SHARED(float, tile);
  tile[bug ? threadIdx.x + 1 : threadIdx.x] = x[threadIdx.x];  // bug: dynamic_shared_write_outside
  __syncthreads();
  y[threadIdx.x] = tile[bug ? block - threadIdx.x : block - 1 - threadIdx.x];
}

template <bool bug>
__global__ void global_read_outside(const float* x, float* y) {
  const unsigned i = blockIdx.x * block + threadIdx.x;
  y[i] = x[bug ? i + 1 : i];  // bug: global_read_outside
}

template <bool bug>
__global__ void global_write_outside(const float* x, float* y) {
  const unsigned i = blockIdx.x * block + threadIdx.x;
  y[bug ? i + 1 : i] = x[i];  // bug: global_write_outside
}

// Only the first half of the tile is filled.
template <bool bug>
__global__ void unwritten_shared(const float* x, float* y) {
  SHARED(float, tile, [block]);
  if (!bug || threadIdx.x < block / 2) {
    tile[threadIdx.x] = x[threadIdx.x];
  }
  __syncthreads();
  y[threadIdx.x] = 2.0F * tile[block - 1 - threadIdx.x];  // bug: unwritten_shared
}

template <bool bug>
__global__ void unwritten_global(const float* x, float* y) {
  if (!bug || threadIdx.x % 2 == 0) {
    y[threadIdx.x] = x[threadIdx.x];
  }
  y[threadIdx.x] += 1.0F;  // bug: unwritten_global
}

template <bool bug>
__global__ void divergent_barrier(const float* x, float* y) {
  SHARED(float, tile, [block]);
  tile[threadIdx.x] = x[threadIdx.x];
  if (bug && threadIdx.x % 2 == 1) {
    __syncthreads();  // bug: divergent_barrier
  } else {
    __syncthreads();  // and here: divergent_barrier
  }
  y[threadIdx.x] = tile[block - 1 - threadIdx.x];
}

template <bool bug>
__global__ void divergent_barrier_in_one_line(const float* x, float* y) {
  SHARED(float, tile, [block]);
  tile[threadIdx.x] = x[threadIdx.x];
  // clang-format off
  if (bug && threadIdx.x < 32) { __syncthreads(); } else { __syncthreads(); }  // bug: divergent_barrier_in_one_line
  // clang-format on
  y[threadIdx.x] = tile[block - 1 - threadIdx.x];
}

template <bool bug>
__global__ void barrier_after_return(const float* x, float* y) {
  SHARED(float, tile, [block]);
  if (bug && threadIdx.x >= block / 2) {
    return;
  }
  tile[threadIdx.x] = x[threadIdx.x];
  __syncthreads();  // bug: barrier_after_return
  y[threadIdx.x] = tile[threadIdx.x / 2];
}

// The upper half of each warp takes part, but the mask names the lower half.
template <bool bug>
__global__ void mask_without_caller(const float* x, float* y) {
  float value = x[threadIdx.x];
  if (threadIdx.x % 32 >= 16) {
    const unsigned mask = bug ? 0x0000ffffU : 0xffff0000U;
    value += __shfl_xor_sync(mask, value, 1);  // bug: mask_without_caller
  }
  y[threadIdx.x] = value;
}

// Half of each warp calls the shuffle, but the mask names all lanes.
template <bool bug>
__global__ void mask_names_absent_lanes(const float* x, float* y) {
  float value = x[threadIdx.x];
  if (threadIdx.x % 32 < 16) {
    value += __shfl_down_sync(bug ? full : 0x0000ffffU, value, 1, 16);  // bug: mask_names_absent_lanes
    y[threadIdx.x] = value;
  } else {
    y[threadIdx.x] = value;
  }
}

// The two halves of each warp call different shuffles, but each mask names all lanes.
template <bool bug>
__global__ void different_collectives(const float* x, float* y) {
  const float value = x[threadIdx.x];
  const bool low = threadIdx.x % 32 < 16;
  const unsigned mask = bug ? full : low ? 0x0000ffffU : 0xffff0000U;
  if (low) {
    y[threadIdx.x] = __shfl_xor_sync(mask, value, 1);  // bug: different_collectives
  } else {
    y[threadIdx.x] = __shfl_xor_sync(mask, value, 2);  // and here: different_collectives
  }
}

// Odd lanes wait at the block's barrier, even lanes wait for them at the warp's.
template <bool bug>
__global__ void deadlock(const float* x, float* y) {
  SHARED(float, tile, [block]);
  tile[threadIdx.x] = x[threadIdx.x];
  if (bug && threadIdx.x % 2 == 0) {
    __syncwarp();  // bug: deadlock
  }
  __syncthreads();  // and here: deadlock
  y[threadIdx.x] = tile[block - 1 - threadIdx.x];
}

template <bool bug>
__global__ void missing_async_wait(const float* x, float* y) {
  SHARED(float, tile, [4 * block]);
  cp_async<16>(&tile[4 * threadIdx.x], &x[4 * threadIdx.x]);
  cp_async_commit();
  if (!bug) {
    cp_async_wait<0>();
  }
  y[threadIdx.x] = 2.0F * tile[4 * threadIdx.x + 1];  // bug: missing_async_wait
}

// Two copies are in flight, but the wait covers only the first.
template <bool bug>
__global__ void async_wait_for_too_few(const float* x, float* y) {
  SHARED(float, tile, [2][block]);
  for (int stage = 0; stage < 2; ++stage) {
    cp_async<4>(&tile[stage][threadIdx.x],
                &x[stage * static_cast<int>(block) + static_cast<int>(threadIdx.x)]);
    cp_async_commit();
  }
  cp_async_wait<bug ? 1 : 0>();
  y[threadIdx.x] = tile[0][threadIdx.x] + tile[1][threadIdx.x];  // bug: async_wait_for_too_few
}

// Each thread waits for its own copies, but reads another thread's.
template <bool bug>
__global__ void missing_barrier_after_async_wait(const float* x, float* y) {
  SHARED(float, tile, [block]);
  cp_async<4>(&tile[threadIdx.x], &x[threadIdx.x]);
  cp_async_wait_all();
  if (!bug) {
    __syncthreads();
  }
  y[threadIdx.x] = tile[block - 1 - threadIdx.x];  // bug: missing_barrier_after_async_wait
}

// The tile is zeroed while a copy to it is in flight; either write may come last.
template <bool bug>
__global__ void store_before_async_wait(const float* x, float* y) {
  SHARED(float, tile, [block]);
  if (!bug) {
    tile[threadIdx.x] = 0;
  }
  cp_async<4>(&tile[threadIdx.x], &x[threadIdx.x]);  // bug: store_before_async_wait
  if (bug) {
    tile[threadIdx.x] = 0;
  }
  cp_async_wait_all();
  y[threadIdx.x] = tile[threadIdx.x];
}

// There is one buffer too few: the second copy starts before the first has been waited for.
template <bool bug>
__global__ void async_copy_before_async_wait(const float* x, float* y) {
  SHARED(float, tile, [2][block]);
  float sum = 0;
  for (unsigned stage = 0; stage < 2; ++stage) {
    float* const to = &tile[bug ? 0 : stage][threadIdx.x];
    cp_async<4>(to, &x[stage * block + threadIdx.x]);  // bug: async_copy_before_async_wait
    cp_async_commit();
  }
  cp_async_wait<1>();
  sum += tile[0][threadIdx.x];
  cp_async_wait<0>();
  y[threadIdx.x] = sum + tile[bug ? 0 : 1][threadIdx.x];
}

// The next stage is copied while other threads still read this one.
template <bool bug>
__global__ void async_copy_before_all_have_read(const float* x, float* y) {
  SHARED(float, tile, [block]);
  float sum = 0;
  for (unsigned stage = 0; stage < 2; ++stage) {
    // ThreadSanitizer reports the read. For the copy it reports either this line or the line of the wait,
    // where the copy takes effect.
    cp_async<4>(&tile[threadIdx.x], &x[stage * block + threadIdx.x]);
    cp_async_wait_all();
    __syncthreads();
    sum += tile[block - 1 - threadIdx.x];  // bug: async_copy_before_all_have_read
    if (!bug) {
      __syncthreads();
    }
  }
  y[threadIdx.x] = sum;
}

template <bool bug>
__global__ void async_copy_outside(const float* x, float* y) {
  SHARED(float, tile, [4 * block]);
  const float* from = &x[4 * threadIdx.x + (bug ? 4 : 0)];
  cp_async<16>(&tile[4 * threadIdx.x], from);  // bug: async_copy_outside
  cp_async_wait_all();
  y[threadIdx.x] = tile[4 * threadIdx.x];
}

using Kernel = void(const float*, float*);

template <Kernel broken, Kernel right>
void run(Stream& stream, bool is_fixed, unsigned blocks, const float* x, float* y) {
  const std::size_t dynamic_shared = block * sizeof(float);
  if (is_fixed) {
    launch<right>(stream, dim3(blocks), dim3(block), dynamic_shared, x, y);
  } else {
    launch<broken>(stream, dim3(blocks), dim3(block), dynamic_shared, x, y);
  }
}

struct Case {
  std::string_view name;
  void (*run)(Stream& stream, bool is_fixed, unsigned blocks, const float* x, float* y);
  unsigned blocks;
  bool y_is_zeroed = false;
};

#define CASE(kernel) #kernel, run < kernel < true>, kernel < false>>
constexpr Case cases[] = {
    {CASE(missing_barrier), 4},
    {CASE(missing_second_barrier), 1},
    {CASE(missing_warp_barrier), 1},
    {CASE(cross_block_race), 4, true},
    {CASE(shared_read_outside), 1},
    {CASE(shared_write_outside), 1},
    {CASE(dynamic_shared_write_outside), 1},
    {CASE(global_read_outside), 4},
    {CASE(global_write_outside), 4},
    {CASE(unwritten_shared), 1},
    {CASE(unwritten_global), 1},
    {CASE(divergent_barrier), 1},
    {CASE(divergent_barrier_in_one_line), 1},
    {CASE(barrier_after_return), 1},
    {CASE(mask_without_caller), 1},
    {CASE(mask_names_absent_lanes), 1},
    {CASE(different_collectives), 1},
    {CASE(deadlock), 1},
    {CASE(missing_async_wait), 1},
    {CASE(async_wait_for_too_few), 1},
    {CASE(missing_barrier_after_async_wait), 1},
    {CASE(store_before_async_wait), 1},
    {CASE(async_copy_before_async_wait), 1},
    {CASE(async_copy_before_all_have_read), 1},
    {CASE(async_copy_outside), 1},
};

}  // namespace

// Returns the exit status.
int run_case(std::string_view name, bool is_fixed) {
  for (const Case& c : cases) {
    if (c.name != name) {
      continue;
    }
    Stream stream{Device::simt};
    constexpr std::int64_t count = 4 * block;
    const Tensor x = Tensor::from(stream, Shape{count}, std::vector<float>(count, 1.0F));
    Tensor y = c.y_is_zeroed ? Tensor::zeros(stream, Shape{count})
                             : Tensor::empty(Shape{count}, DType::f32, Device::simt);
    c.run(stream, is_fixed, c.blocks, x.read().as<float>("x"), y.write().as<float>("y"));
    const std::vector<float> result = y.to_vector(stream);
    const std::size_t written = c.y_is_zeroed ? 1 : std::size_t{c.blocks} * block;
    for (std::size_t i = 0; i < written; ++i) {
      if (std::isnan(result[i])) {
        std::fprintf(stderr, "%s: element %zu of the output is NaN\n", std::string(name).c_str(), i);
        return 3;
      }
    }
    return 0;
  }
  std::fprintf(stderr, "simt_bugs: there is no case '%s'\n", std::string(name).c_str());
  return 2;
}

}  // namespace sec::kernels::SEC_BACKEND

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fputs("usage: simt_bugs NAME [fixed]\n", stderr);
    return 2;
  }
  try {
    return sec::kernels::simt::run_case(argv[1], argc > 2 && std::string_view(argv[2]) == "fixed");
  } catch (const std::exception& error) {
    std::fprintf(stderr, "simt_bugs: %s\n", error.what());
    return 1;
  }
}
