// The five versions of the convolution kernels on the cuda and simt devices.
// The kernel table chooses between versions 3 to 5 by shape and type;
// tests and benchmarks run a version by its number.
//
//   1  direct: one thread per output element
//   2  tiled: operands are staged in shared memory, one output per thread
//   3  register-blocked: an implicit matrix product with 32 outputs per thread
//   4  tensor cores: mma.sync on a window of the input that stays in shared memory for all taps; cp.async
//      prefetches the weights; bf16, or TF32 if the stream allows it
//   5  tensor cores for one input channel, stride 2 and 33 to 64 taps, as in the network's stem; no dgrad
#pragma once

#include <cstdint>
#include <span>

#include "kernels/conv_tiles.h"

namespace sec::kernels {

struct ConvVersions {
  static constexpr int count = 5;
  static constexpr int best = 0;  // the kernel table's choice

  // Whether a version supports a pass of this shape with tensors of `type`.
  // Versions 4 and 5 round f32 operands to TF32.
  bool (*supports)(int version, ConvPass pass, const ConvShape& shape, DType type);

  // As in kernels/conv.h. These functions throw Error if the version does not support a shape of the group.
  void (*forward)(Stream& stream, int version, std::span<const ConvForward> group);
  void (*dgrad)(Stream& stream, int version, std::span<const ConvDgrad> group);
  void (*wgrad)(Stream& stream, int version, std::span<const ConvWgrad> group);
};

namespace cuda {
const ConvVersions& conv_versions();
}
namespace simt {
const ConvVersions& conv_versions();
}

}  // namespace sec::kernels
