// The cuda device's kernel table, with cuDNN and cuBLAS instead of our kernels where possible.
#include "kernels/device_tables.h"
#include "kernels/peers/cublas.h"
#include "kernels/peers/cudnn.h"
#include "kernels/peers/parts.h"

namespace sec::kernels::peers {

const Table& table() {
  static const Table kernels = [] {
    cudnn();
    load_cublas();
    Table mixed = cuda::table();
    mixed.conv = conv_kernels();
    mixed.batch_norm = batch_norm_kernels();
    mixed.pool = pool_kernels();
    mixed.linear = linear_kernels();
    mixed.pre_activation = {};  // disables our fused kernels, which would run instead of cuDNN's
    mixed.residual = {};
    return mixed;
  }();
  return kernels;
}

}  // namespace sec::kernels::peers
