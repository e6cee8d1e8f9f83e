// One pass of one version of the convolution kernels, on a small input of the program's own, on the simt device.
#pragma once

#include <string>
#include <vector>

#include "kernels/conv.h"
#include "kernels/conv_tiles.h"
#include "tools/kernel_lab/trace.h"

namespace sec::lab {

struct Experiment {
  int version = 2;  // kernels/cuda/conv_versions.h
  kernels::ConvPass pass = kernels::ConvPass::forward;
  DType type = DType::f32;
  kernels::ConvShape shape{};
};

// The names of the four versions: direct, tiled, blocked, tensor.
extern const std::vector<std::string> version_names;

struct Operand {
  std::string name;  // x, w, bias, y, gy, gx or gw
  std::vector<std::int64_t> shape;
  std::vector<float> values;
};

struct Outcome {
  Trace trace;
  std::vector<Operand> operands;  // in the order of trace.arrays; the last is the result
  double difference = 0;          // the largest between the result and plain loops in double precision
  double tolerance = 0;           // for the element where the two differ most, measured in its tolerance
  bool equal = false;             // no element differs by more than its tolerance
};

// Runs the experiment. `block`: the block to record; null: none.
// Throws Error if the version does not compute the pass of this shape and type.
Outcome run(const Experiment& experiment, const std::array<unsigned, 3>* block);

}  // namespace sec::lab
