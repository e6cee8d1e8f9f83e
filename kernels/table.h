// What a device can compute. Contract headers define the operations; the table of a device holds its kernels.
// Callers look the table up by the stream's device:
//
//   kernels::table(stream).conv.forward(stream, shape, x.read(), w.read(), {}, y.write());
#pragma once

#include "kernels/batch_norm.h"
#include "kernels/conv.h"
#include "kernels/excite.h"
#include "kernels/gather.h"
#include "kernels/linear.h"
#include "kernels/loss.h"
#include "kernels/lstm.h"
#include "kernels/optimizer.h"
#include "kernels/pointwise.h"
#include "kernels/pool.h"
#include "kernels/pre_activation.h"

namespace sec::kernels {

struct Table {
  ConvKernels conv;
  BatchNormKernels batch_norm;
  PointwiseKernels pointwise;
  PoolKernels pool;
  LinearKernels linear;
  ExciteKernels excite;
  LstmKernels lstm;
  LossKernels loss;
  OptimizerKernels optimizer;
  PreActivationKernels pre_activation = {};  // empty on devices without fused kernels
  ResidualKernels residual = {};             // present if pre_activation is present
  GatherKernels gather = {};                 // empty on cpu
};

// Returns the table of a device. Throws Error if the device is not available on this machine.
const Table& table(Device device);
inline const Table& table(const Stream& stream) {
  return table(stream.device);
}

}  // namespace sec::kernels
