// cuDNN's own fused passes of a convolution after batch norm and ReLU, to measure beside ours and beside its
// unfused operations. cuDNN has them in half precision (f16) only, and without dropout: tensors are as large as
// ours in bf16, and results are not compared.
// Patterns and their limits: https://docs.nvidia.com/cudnn/developer/graph-api, "Specialized Pre-Compiled Engines".
#pragma once

#include <memory>

#include "kernels/conv.h"

namespace sec::kernels::peers {

enum class FusedPass : std::uint8_t {
  forward,  // y = conv(relu(scale * x + bias)), and sums of y and its squares (ConvBNfprop)
  wgrad,    // gw of the same, recomputing relu(scale * x + bias) (ConvBNwgrad)
  dgrad,  // g = dgrad(gy) where the ReLU was active, ggamma, gbeta, and the coefficients (DgradDreluBNBwdWeight)
  apply,  // gx = a * g + b * x + c with these coefficients (dBNApply), to finish the backward pass
};

class CudnnFusedPass {
 public:
  // Allocates operands, filled with finite noise, and plans the pass.
  // Throws Error if cuDNN cannot be loaded or has no engine for this pass and shape.
  CudnnFusedPass(Stream& stream, FusedPass pass, const ConvShape& shape);
  ~CudnnFusedPass();
  CudnnFusedPass(const CudnnFusedPass&) = delete;
  CudnnFusedPass& operator=(const CudnnFusedPass&) = delete;

  void run(Stream& stream);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace sec::kernels::peers
