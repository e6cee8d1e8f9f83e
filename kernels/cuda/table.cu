#include "kernels/cuda/parts.h"
#include "kernels/device_tables.h"

namespace sec::kernels::SEC_BACKEND {

const Table& table() {
  static const Table kernels = {conv_kernels(),           batch_norm_kernels(), pointwise_kernels(),
                                pool_kernels(),           linear_kernels(),     excite_kernels(),
                                lstm_kernels(),           loss_kernels(),       optimizer_kernels(),
                                pre_activation_kernels(), residual_kernels(),   gather_kernels()};
  return kernels;
}

}  // namespace sec::kernels::SEC_BACKEND
