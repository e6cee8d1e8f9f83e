// The last kernels of a convolution's backward pass: they add the parts of gw in order, and compute gbias.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// One thread per weight. Unrolling keeps the loads of four parts in flight.
__global__ void __launch_bounds__(threads) conv_wgrad_add_parts(WgradBatch batch) {
  const WgradProblem& s = batch.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  if (index >= s.weights() || s.partial == nullptr) {
    return;
  }
  float sum = 0.0F;
#pragma unroll 4
  for (std::int64_t part = 0; part < s.parts; ++part) {
    sum += s.partial[part * s.weights() + index];
  }
  s.gw[index] += sum;
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
  launch<conv_wgrad_add_parts>(stream,
                               dim3(blocks_for(most, threads), 1, static_cast<unsigned>(batch.problems)),
                               dim3(threads), 0, batch);
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
