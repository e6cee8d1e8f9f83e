// The parts of one instruction set's kernel table. Each is defined in the file of its name.
#pragma once

#include "kernels/table.h"

namespace sec::kernels::cpu::SEC_ISA {

ConvKernels conv_kernels();
BatchNormKernels batch_norm_kernels();
PointwiseKernels pointwise_kernels();
PoolKernels pool_kernels();
LinearKernels linear_kernels();
ExciteKernels excite_kernels();
LstmKernels lstm_kernels();
LossKernels loss_kernels();
OptimizerKernels optimizer_kernels();
PreActivationKernels pre_activation_kernels();
ResidualKernels residual_kernels();

Table make_table();

// Defined in random.cpp.
void fill_uniform(Stream& stream, const RandomKey& key, float low, float high, Span y);
void dropout(Stream& stream, float p, const RandomKey& key, ConstSpan x, Span y);

}  // namespace sec::kernels::cpu::SEC_ISA
