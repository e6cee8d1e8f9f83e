// The convolution kernels of the cuda and simt devices, each of their versions by its number, and groups of
// convolutions in one launch. The kernel table chooses a version by shape and type; tests and benches name
// one.
//
//   1  direct: a thread per output element
//   2  tiled: a block's operands pass through shared memory, a thread per output
//   3  register-blocked: an implicit matrix product, 32 outputs a thread
//   4  tensor cores: mma.sync on a window of the input that stays in shared memory for all taps, weights
//      streamed past it by cp.async; bf16, or TF32 where the stream allows it
#pragma once

#include <cstdint>
#include <span>

#include "kernels/conv_tiles.h"

namespace sec::kernels {

struct ConvVersions {
  static constexpr int count = 4;
  static constexpr int best = 0;  // leaves the choice to the kernels

  // Whether a version computes a pass of this shape on activations of `type`. Version 4 on f32 rounds its
  // operands to TF32.
  bool (*supports)(int version, ConvPass pass, const ConvShape& shape, DType type);

  // As in conv.h. A version that does not support one of the group's shapes throws Error.
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
