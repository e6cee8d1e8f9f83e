// The last kernels of a convolution's backward pass: they add the parts of gw in order, and compute gbias.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int add_threads = 256;
constexpr int runs = 8;            // threads that share the parts of one weight
constexpr int most_in_a_row = 16;  // parts that one thread adds alone

// Whether each thread adds all parts of one weight. Otherwise `runs` threads do.
__host__ __device__ inline bool adds_alone(const WgradProblem& s) {
  return s.parts <= most_in_a_row;
}

__host__ __device__ inline int weights_per_block(const WgradProblem& s) {
  return adds_alone(s) ? add_threads : add_threads / runs;
}

// The sum of the parts from `first` to before `last` of a weight, in order.
// Unrolling keeps the loads of eight parts in flight.
__device__ float sum_of_parts(const WgradProblem& s, std::int64_t weight, int first, int last) {
  float sum = 0.0F;
#pragma unroll 8
  for (int part = first; part < last; ++part) {
    sum += s.partial[part * s.weights() + weight];
  }
  return sum;
}

// Adds the parts of gw. Few parts are added by one thread per weight, in order. Many parts are added in two levels:
// each of eight threads adds a run of consecutive parts, then the first adds the runs in order.
__global__ void __launch_bounds__(add_threads) conv_wgrad_add_parts(WgradBatch batch) {
  SHARED(float, run_sums, [runs][add_threads / runs]);
  const WgradProblem& s = batch.problem[blockIdx.z];
  if (s.partial == nullptr) {
    return;
  }
  const auto parts = static_cast<int>(s.parts);
  if (adds_alone(s)) {
    const std::int64_t weight = std::int64_t{blockIdx.x} * add_threads + threadIdx.x;
    if (weight < s.weights()) {
      s.gw[weight] += sum_of_parts(s, weight, 0, parts);
    }
    return;
  }
  const unsigned across = add_threads / runs;
  const unsigned column = threadIdx.x % across;
  const unsigned run = threadIdx.x / across;
  const std::int64_t weight = std::int64_t{blockIdx.x} * across + column;
  const bool inside = weight < s.weights();
  if (inside) {
    const int length = (parts + runs - 1) / runs;
    const int first = static_cast<int>(run) * length;
    run_sums[run][column] = sum_of_parts(s, weight, first, min(first + length, parts));
  }
  __syncthreads();  // all runs are added up
  if (inside && run == 0) {
    float total = 0.0F;
#pragma unroll
    for (int i = 0; i < runs; ++i) {
      total += run_sums[i][column];
    }
    s.gw[weight] += total;
  }
}

template <typename T>
__global__ void __launch_bounds__(column_threads)
    conv_bias_grad_chunks(Columns columns,
                          const T* __restrict__ gy,       // (rows, Co)
                          float* __restrict__ partial) {  // (chunks, Co)
  const ColumnTask task = column_task(columns, 1);
  float sum[1] = {};
  if (task.inside) {
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      sum[0] += load(gy + row * columns.c + task.column);
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    partial[task.chunk * columns.c + task.column] = sum[0];
  }
}

__global__ void __launch_bounds__(column_threads)
    conv_bias_grad_add_chunks(Columns chunks,
                              const float* __restrict__ partial,  // (chunks, Co)
                              float* __restrict__ gbias) {        // (Co)
  const ColumnTask task = column_task(chunks, 1);
  float sum[1] = {};
  if (task.inside) {
    for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
      sum[0] += partial[row * chunks.c + task.column];
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    gbias[task.column] += sum[0];
  }
}

}  // namespace

void add_parts(Stream& stream, const WgradBatch& batch) {
  const std::int64_t blocks = largest(batch, [](const WgradProblem& s) {
    return s.partial != nullptr ? ceil_div(s.weights(), weights_per_block(s)) : 0;
  });
  if (blocks == 0) {
    return;
  }
  launch<conv_wgrad_add_parts>(stream,
                               dim3(static_cast<unsigned>(blocks), 1, static_cast<unsigned>(batch.problems)),
                               dim3(add_threads), 0, batch);
}

void add_bias_gradient(Stream& stream, std::int64_t rows, std::int64_t c_out, ConstSpan gy, float* gbias) {
  const Columns columns = cut_rows(rows, c_out, 1, "conv.wgrad");
  const Columns chunks = rows_of_chunks(columns);
  const dim3 block = column_block(columns.c, 1);
  const DeviceScratch partial(stream, columns.chunks * c_out * 4);
  by_type(gy.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    launch<conv_bias_grad_chunks<T>>(stream, column_grid(columns, 1, 1), block, 0, columns,
                                     static_cast<const T*>(gy.data), partial.data());
  });
  launch<conv_bias_grad_add_chunks>(stream, column_grid(chunks, 1, 1), block, 0, chunks, partial.data(),
                                    gbias);
}

}  // namespace sec::kernels::SEC_BACKEND
