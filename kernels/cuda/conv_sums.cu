// The last steps of a convolution's weight gradient: the parts of gw added up in order, and the bias.
#include "kernels/cuda/columns.h"
#include "kernels/cuda/conv.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// A thread per weight; the loads of several parts are under way at once.
__global__ void __launch_bounds__(threads) add_in_order(WeightGradients group) {
  const WeightGradient& s = group.problem[blockIdx.z];
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
    chunk_columns(Columns columns,
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
    add_chunks(Columns chunks,
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

void add_parts(Stream& stream, const WeightGradients& group) {
  std::int64_t most = 0;
  for (int j = 0; j < group.problems; ++j) {
    most = max(most, group.problem[j].partial != nullptr ? group.problem[j].weights() : 0);
  }
  if (most == 0) {
    return;
  }
  launch<add_in_order>(stream, dim3(blocks_for(most, threads), 1, static_cast<unsigned>(group.problems)),
                       dim3(threads), 0, group);
}

void add_bias_gradient(Stream& stream, std::int64_t rows, std::int64_t c_out, ConstSpan gy, float* gbias) {
  const Columns columns = cut_rows(rows, c_out, 1, "conv.wgrad");
  const Columns chunks = rows_of_chunks(columns);
  const dim3 block = column_block(columns.c, 1);
  const Scratch partial(stream, columns.chunks * c_out * 4);
  by_type(gy.type, "conv.wgrad", [&](auto zero) {
    using T = decltype(zero);
    launch<chunk_columns<T>>(stream, column_grid(columns, 1, 1), block, 0, columns,
                             static_cast<const T*>(gy.data), partial.data());
  });
  launch<add_chunks>(stream, column_grid(chunks, 1, 1), block, 0, chunks, partial.data(), gbias);
}

}  // namespace sec::kernels::SEC_BACKEND
