// How the convolutions of the cuda and simt devices divide their work into thread blocks.
// Tile sizes come from a built-in rule, or from a file of measured choices (train/loop/tile_file.h).
//
// Outputs and gradients of inputs are bitwise independent of the tile sizes.
// Sums over tiles (batch statistics, weight gradients) may round differently, because their order changes.
#pragma once

#include <cstdint>
#include <map>
#include <set>

#include "engine/precision.h"
#include "kernels/conv.h"

namespace sec::kernels {

enum class ConvPass : std::uint8_t { forward, dgrad, wgrad };

struct ConvTiles {
  // Forward and dgrad: the tile of a block. `rows` is used by the tensor-core versions only.
  int columns;  // output channels: 32 or 64
  int rows;     // positions, at most: from 32 to most_tile_rows(columns)
  // wgrad: the positions are split into parts, and partial sums are added up afterwards.
  // The unit of `part_tiles` is a tile of up to 64 or 80 positions on tensor cores (bf16: tiles are twice that), of 32 elsewhere.
  int part_tiles;   // the smallest part, in tiles
  int most_blocks;  // more parts are made only while the launch has no more than this many blocks

  bool operator==(const ConvTiles&) const = default;
};

constexpr int most_tile_rows(int columns) {
  return columns == 32 ? 256 : 160;
}

// The key under which tile sizes are chosen.
struct ConvTask {
  ConvPass pass;
  Precision arithmetic;  // tf32: f32 operands on tensor cores; bf16: bf16 operands
  ConvShape shape;       // forward: n = 0, as results must be batch-invariant
};
bool operator<(const ConvTask& a, const ConvTask& b);

ConvTask conv_task(ConvPass pass, Precision arithmetic, const ConvShape& shape);

using TileChoices = std::map<ConvTask, ConvTiles>;

// The built-in rule, used for tasks without a measured choice.
ConvTiles built_in_tiles(ConvPass pass, const ConvShape& shape, Precision arithmetic = Precision::f32);

ConvTiles tiles_for(const ConvTask& task);

// Replaces the measured choices; tasks that are not among them use the built-in rule.
// Must not be called while other threads launch kernels. Captured CUDA graphs keep their tile sizes.
void use_tiles(TileChoices choices);

// Adds every task whose tiles are looked up to `tasks`, until another set or null is passed.
// Must not be called while other threads launch kernels.
void collect_conv_tasks(std::set<ConvTask>* tasks);

}  // namespace sec::kernels
