// Checks that kernels use the chosen tiles, by counting what the kernels read and multiply.
#include <gtest/gtest.h>

#include "bench/traffic/counters.h"
#include "kernels/conv_tiles.h"
#include "kernels/table.h"

namespace sec::kernels {
namespace {

// 64 time steps of two leads make 128 rows of 64 channels.
constexpr ConvShape one_tile{.n = 1, .l = 64, .h = 2, .c_in = 64, .c_out = 64, .k = 3, .stride = 1, .pad = 1};

class TileCounts : public testing::Test {
 protected:
  void TearDown() override { use_tiles({}); }

  // The counts of the tensor-core kernel in one bf16 forward pass or wgrad.
  static simt::KernelCounts counts_of(ConvPass pass, const TileChoices& tiles,
                                      const ConvShape& shape = one_tile) {
    Stream stream{Device::simt};
    const std::int64_t elements = shape.n * shape.l * shape.h * shape.c_in;
    const Tensor x = Tensor::zeros(stream, {elements}, DType::bf16);
    Tensor y = Tensor::zeros(stream, {elements}, DType::bf16);
    Tensor w = Tensor::zeros(stream, {shape.k * shape.c_in * shape.c_out});
    use_tiles(tiles);
    simt::take_counts();
    const ConvKernels& conv = table(stream).conv;
    if (pass == ConvPass::forward) {
      conv.forward(stream, shape, x.read(), w.read(), {}, y.write());
    } else {
      conv.wgrad(stream, shape, x.read(), y.read(), w.write(), {});
    }
    for (const simt::KernelCounts& counts : simt::take_counts()) {
      if (counts.tensor_operations > 0) {
        return counts;
      }
    }
    ADD_FAILURE() << "nothing was multiplied on tensor cores";
    return {};
  }
};

TEST_F(TileCounts, ForwardReadsItsOperandsAsOftenAsItsTilesNeedThem) {
  constexpr std::uint64_t step = 2 * 64 * 2;  // bytes per time step of x
  constexpr std::uint64_t weights = 3 * 64 * 64 * 2;
  constexpr std::uint64_t operations = 2 * 128 * 64 * 3 * 64;
  const auto built_in = counts_of(ConvPass::forward, {});
  EXPECT_NE(built_in.kernel.find(", 64,"), std::string::npos) << built_in.kernel;
  EXPECT_EQ(built_in.bytes_read(), 64 * step + weights);  // a single tile
  EXPECT_EQ(built_in.tensor_operations, operations);

  ConvTiles tiles = built_in_tiles(ConvPass::forward, one_tile);
  tiles.columns = 32;
  tiles.rows = 64;
  const auto chosen =
      counts_of(ConvPass::forward, {{conv_task(ConvPass::forward, Precision::bf16, one_tile), tiles}});
  EXPECT_NE(chosen.kernel.find(", 32,"), std::string::npos) << chosen.kernel;
  // Two by two tiles. A tile of 32 time steps reads 33, as nothing is read beyond the sequence's ends.
  EXPECT_EQ(chosen.bytes_read(), 2 * 2 * 33 * step + 2 * weights);
  // Warps without rows skip their products.
  EXPECT_EQ(chosen.tensor_operations, operations);

  // Choices for another arithmetic or another length do not apply to this convolution.
  ConvShape longer = one_tile;
  longer.l = 65;
  const auto other =
      counts_of(ConvPass::forward, {{conv_task(ConvPass::forward, Precision::tf32, one_tile), tiles},
                                    {conv_task(ConvPass::forward, Precision::bf16, longer), tiles}});
  EXPECT_EQ(other.kernel, built_in.kernel);
  EXPECT_EQ(other.bytes_read(), built_in.bytes_read());
}

TEST_F(TileCounts, WgradWritesTheSumsOfItsParts) {
  constexpr std::uint64_t weights = 3 * 64 * 64 * 4;
  ConvShape shape = one_tile;
  shape.l = 128;
  // With the built-in tiles, two tiles of 128 positions make one part, which is added to gw.
  EXPECT_EQ(counts_of(ConvPass::wgrad, {}, shape).bytes_written(), weights);
  ConvTiles tiles = built_in_tiles(ConvPass::wgrad, shape);
  tiles.part_tiles = 1;
  const ConvTask task = conv_task(ConvPass::wgrad, Precision::bf16, shape);
  EXPECT_EQ(counts_of(ConvPass::wgrad, {{task, tiles}}, shape).bytes_written(), 2 * weights);
  tiles.most_blocks = 1;  // the only block of channels, 64 x 64, uses up the limit
  EXPECT_EQ(counts_of(ConvPass::wgrad, {{task, tiles}}, shape).bytes_written(), weights);
}

}  // namespace
}  // namespace sec::kernels
