// Measures batch norm, ReLU, dropout, convolution, and the statistics of the convolution's output.
// They run as one fused operation (kernels/pre_activation.h) or as unfused operations.
#pragma once

#include "bench/ceilings/ceilings.h"
#include "kernels/cudnn_fused.h"
#include "kernels/table.h"

namespace sec {

class FusedConv {
 public:
  // Fills the operands with uniform noise, activations of `type`, and computes their batch norm statistics.
  FusedConv(Stream& stream, const kernels::ConvShape& shape, DType type);

  void forward(Stream& stream, const kernels::Table& kernels);
  void backward(Stream& stream, const kernels::Table& kernels);  // call after forward()

  // The same computation by unfused operations, which each read and write memory.
  // If `normalised`, no separate pass normalises,
  // because cuDNN's statistics pass also normalises (kernels/peers/batch_norm.cpp).
  void forward_unfused(Stream& stream, const kernels::Table& kernels, bool normalised);
  void backward_unfused(Stream& stream, const kernels::Table& kernels);  // call after forward_unfused

  // The work of one of cuDNN's fused passes (kernels/cudnn_fused.h) by unfused operations: without dropout,
  // and for forward with the statistics of y. Nothing for FusedPass::apply, which dgrad's sequence includes.
  void pass_unfused(Stream& stream, const kernels::Table& kernels, kernels::peers::FusedPass pass);
  Floor pass_floor(kernels::peers::FusedPass pass) const;  // reads x, w and y or their gradients once each

  // The minimum work: the convolution's operations.
  // Forward reads x and weights, and writes y and a mask bit per element of x.
  // Backward reads x and gy twice, as batch norm's gradient needs its sums; it writes gx.
  Floor forward_floor() const;
  Floor backward_floor() const;

 private:
  Tensor noise(Stream& stream, std::int64_t count, DType type) const;
  kernels::PreActivation before() const;

  kernels::ConvShape shape_;
  DType type_;
  std::int64_t x_count_, y_count_;
  Tensor x_, y_, gy_, gx_;                 // (N, L, H, Ci), (N, Lo, H, Co) and their gradients
  Tensor normal_, active_, dropped_;       // (N, L, H, Ci): intermediate results of unfused operations
  Tensor w_, gw_;                          // (K, Ci, Co)
  Tensor mean_, variance_, gamma_, beta_;  // (Ci)
  Tensor ggamma_, gbeta_;                  // (Ci)
  Tensor passed_;                          // dropout's mask, a bit per element of x
  Tensor y_mean_, y_variance_, squeeze_;   // (Co), (Co), (N, Co)
};

}  // namespace sec
