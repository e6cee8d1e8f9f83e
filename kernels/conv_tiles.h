// How the convolutions of the cuda and simt devices cut their work into blocks: for each shape by a built-in
// rule, or as a file says that was measured (train/loop/tile_file.h).
//
// What a convolution computes does not depend on it: each output and each gradient of an input has the same
// bits. Sums over tiles (statistics, the gradients of weights) are added up in another order.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "engine/precision.h"
#include "kernels/conv.h"

namespace sec::kernels {

enum class ConvPass : std::uint8_t { forward, dgrad, wgrad };

struct ConvTiles {
  // Forward and dgrad: output channels and, where tensor cores compute, the most rows (positions) of a block.
  int columns;  // 32 or 64
  int rows;     // 32, 64, 96 or 128
  // wgrad: the least length of a part of the positions, in tiles (up to 64 positions on tensor cores, 32
  // elsewhere), and how many blocks more parts would not exceed.
  int part_tiles;
  int most_blocks;

  bool operator==(const ConvTiles&) const = default;
};

// What tiles are chosen for.
struct ConvTask {
  ConvPass pass;
  Precision arithmetic;  // tf32: f32 operands on tensor cores; bf16: bf16 operands
  ConvShape shape;       // forward: of any batch, n = 0, so that a sample's bits do not depend on its batch
};
bool operator<(const ConvTask& a, const ConvTask& b);

ConvTask conv_task(ConvPass pass, Precision arithmetic, const ConvShape& shape);

using TileChoices = std::map<ConvTask, ConvTiles>;

// The rule for shapes that nothing was chosen for.
ConvTiles built_in_tiles(ConvPass pass, const ConvShape& shape);

ConvTiles tiles_for(const ConvTask& task);

// From now on convolutions take these, and all others the built-in rule. Not while kernels are launched on
// other threads; recordings keep what they were captured with.
void use_tiles(TileChoices choices);

// From now on every task that tiles are looked up for is added, until another set or null is given. As above.
void collect_conv_tasks(std::set<ConvTask>* tasks);

}  // namespace sec::kernels
