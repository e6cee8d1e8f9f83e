// The last kernels of a convolution's backward pass: they add the parts of gw in order, and compute gbias.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int weights_across = 32;  // weights of a block, one per thread of a row
constexpr int runs = 8;             // rows of threads; each adds up consecutive parts

// Adds up the parts of each weight in two levels: each of eight threads adds a run of parts in order,
// then the first adds the runs in order. Unrolling keeps the loads of eight parts in flight.
__global__ void __launch_bounds__(weights_across* runs) conv_wgrad_add_parts(WgradBatch batch) {
  SHARED(float, run_sums, [runs][weights_across]);
  const WgradProblem& s = batch.problem[blockIdx.z];
  const std::int64_t index = std::int64_t{blockIdx.x} * weights_across + threadIdx.x;
  const bool inside = s.partial != nullptr && index < s.weights();
  float sum = 0.0F;
  if (inside) {
    const auto length = static_cast<int>((s.parts + runs - 1) / runs);
    const int first = static_cast<int>(threadIdx.y) * length;
    const auto last = static_cast<int>(min(std::int64_t{first} + length, s.parts));
#pragma unroll 8
    for (int part = first; part < last; ++part) {
      sum += s.partial[part * s.weights() + index];
    }
  }
  run_sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();  // all runs are added up
  if (inside && threadIdx.y == 0) {
    float total = 0.0F;
#pragma unroll
    for (int run = 0; run < runs; ++run) {
      total += run_sums[run][threadIdx.x];
    }
    s.gw[index] += total;
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
  const std::int64_t most =
      largest(batch, [](const WgradProblem& s) { return s.partial != nullptr ? s.weights() : 0; });
  if (most == 0) {
    return;
  }
  launch<conv_wgrad_add_parts>(
      stream, dim3(blocks_for(most, weights_across), 1, static_cast<unsigned>(batch.problems)),
      dim3(weights_across, runs), 0, batch);
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
