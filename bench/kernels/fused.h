// Batch norm, ReLU, dropout and a convolution, with the moments and the means of what comes out, as the one
// operation that a device may have of it (kernels/pre_activation.h) and as separate ones.
#pragma once

#include "bench/ceilings/ceilings.h"
#include "kernels/table.h"

namespace sec {

class FusedConv {
 public:
  // Operands of uniform noise, activations of `type`, and the moments that belong to them.
  FusedConv(Stream& stream, const kernels::ConvShape& shape, DType type);

  void forward(Stream& stream, const kernels::Table& kernels);
  void backward(Stream& stream, const kernels::Table& kernels);  // after forward

  // The same by operations that each read and write memory. cuDNN's pass for statistics normalises as well
  // (kernels/peers/batch_norm.cpp), so with `normalised` it counts as both, and nothing normalises again.
  void forward_separately(Stream& stream, const kernels::Table& kernels, bool normalised);
  void backward_separately(Stream& stream, const kernels::Table& kernels);  // after forward_separately

  // The least: operations of the convolution's passes; x and weights read, y and a bit of each x written, and
  // backward x and gy twice, as batch norm's sums have to be there before its gradient, and gx written.
  Floor forward_floor() const;
  Floor backward_floor() const;

 private:
  Tensor noise(Stream& stream, std::int64_t count, DType type) const;
  kernels::PreActivation before() const;

  kernels::ConvShape shape_;
  DType type_;
  std::int64_t x_count_, y_count_;
  Tensor x_, y_, gy_, gx_;                 // (N, L, H, Ci), (N, Lo, H, Co) and their gradients
  Tensor normal_, active_, dropped_;       // (N, L, H, Ci): what lies between separate operations
  Tensor w_, gw_;                          // (K, Ci, Co)
  Tensor mean_, variance_, gamma_, beta_;  // (Ci)
  Tensor ggamma_, gbeta_;                  // (Ci)
  Tensor passed_;                          // a bit for each element of x
  Tensor y_mean_, y_variance_, squeeze_;   // (Co), (Co), (N, Co)
};

}  // namespace sec
