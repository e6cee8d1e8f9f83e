#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {

Table make_table() {
  return {conv_kernels(),      batch_norm_kernels(),     pointwise_kernels(), pool_kernels(),
          linear_kernels(),    excite_kernels(),         lstm_kernels(),      loss_kernels(),
          optimizer_kernels(), pre_activation_kernels(), residual_kernels()};
}

}  // namespace sec::kernels::cpu::SEC_ISA
