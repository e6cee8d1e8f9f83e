// The parts of the kernel table. Each function is defined in the .cu file of the same name.
#pragma once

#include "engine/launch.h"
#include "kernels/table.h"

namespace sec::kernels::SEC_BACKEND {

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
GatherKernels gather_kernels();

// Operations that are used outside the file that defines them.
void gate(Stream& stream, const GateShape& shape, ConstSpan x, ConstSpan gate, Span y);
void gate_backward(Stream& stream, const GateShape& shape, ConstSpan x, ConstSpan gate, ConstSpan gy, Span gx,
                   Span ggate);
void fill_uniform(Stream& stream, const RandomKey& key, float low, float high, Span y);
void dropout(Stream& stream, float p, const RandomKey& key, ConstSpan x, Span y);
void global_average(Stream& stream, const GlobalPoolShape& shape, ConstSpan x, Span y);
void global_average_backward(Stream& stream, const GlobalPoolShape& shape, ConstSpan gy, Span gx);

}  // namespace sec::kernels::SEC_BACKEND
