// Compares the counters with traffic counted by hand, for the kernels of counted.cu.
#include "bench/traffic/counters.h"

#include <gtest/gtest.h>

#include "bench/traffic/instructions.h"
#include "engine/simt/runtime.h"
#include "tests/bench/counted.h"

namespace sec {
namespace {

// Runs the kernel with threads in each order and checks that the counts are equal.
simt::KernelCounts counts_of(const std::string& kernel) {
  std::vector<simt::KernelCounts> all;
  for (const auto order : {simt::Order::forward, simt::Order::reverse, simt::Order::shuffled}) {
    simt::set_order(order, 3);
    Stream stream{Device::simt};
    const Tensor x = Tensor::zeros(stream, {2048});
    Tensor y = Tensor::empty({2048}, DType::f32, Device::simt);
    simt::take_counts();
    kernels::simt::run_counted(kernel, stream, x.read(), y.write());
    const auto counts = simt::take_counts();
    EXPECT_EQ(counts.size(), 1U);
    all.push_back(counts.at(0));
  }
  simt::set_order(simt::Order::forward);
  for (const auto& other : all) {
    EXPECT_EQ(other.loads.sectors, all[0].loads.sectors);
    EXPECT_EQ(other.loads.block_sectors, all[0].loads.block_sectors);
    EXPECT_EQ(other.stores.sectors, all[0].stores.sectors);
    EXPECT_EQ(other.shared_loads.passes, all[0].shared_loads.passes);
  }
  EXPECT_EQ(all[0].kernel, kernel);
  EXPECT_EQ(all[0].file, "counted.cu");
  EXPECT_EQ(all[0].launches, 1U);
  return all[0];
}

TEST(Counters, ACopyMovesEachSectorOnce) {
  const auto c = counts_of("copy_floats");  // 4 warps load 128 floats
  EXPECT_EQ(c.loads.requests, 4U);
  EXPECT_EQ(c.loads.bytes, 512U);
  EXPECT_EQ(c.loads.sectors, 16U);
  EXPECT_EQ(c.loads.least_sectors, 16U);
  EXPECT_EQ(c.loads.distinct_bytes, 512U);
  EXPECT_EQ(c.stores.requests, 4U);
  EXPECT_EQ(c.stores.sectors, 16U);
  EXPECT_EQ(c.bytes_read(), 512U);
  EXPECT_EQ(c.bytes_written(), 512U);
  EXPECT_EQ(c.floor_bytes(), 1024U);
  EXPECT_EQ(c.shared_loads.requests + c.shared_stores.requests, 0U);
}

TEST(Counters, PacketsOf16BytesAreOneRequest) {
  const auto c = counts_of("copy_packets");  // 4 warps load 512 floats
  EXPECT_EQ(c.loads.requests, 4U);
  EXPECT_EQ(c.loads.sectors, 64U);
  EXPECT_EQ(c.stores.requests, 4U);
  EXPECT_EQ(c.stores.sectors, 64U);
}

TEST(Counters, StridesTouchMoreSectors) {
  const auto two = counts_of("copy_strided<2>");  // touches 256 bytes, uses 128
  EXPECT_EQ(two.loads.sectors, 8U);
  EXPECT_EQ(two.loads.least_sectors, 4U);
  EXPECT_EQ(two.stores.sectors, 4U);
  const auto far = counts_of("copy_strided<32>");  // one sector per lane
  EXPECT_EQ(far.loads.sectors, 32U);
  EXPECT_EQ(far.bytes_read(), 1024U);
  EXPECT_EQ(far.floor_bytes(), 256U);
}

TEST(Counters, OneAddressForAllLanesIsOneSector) {
  const auto c = counts_of("add_first_to_shifted");
  EXPECT_EQ(c.loads.requests, 2U);
  EXPECT_EQ(c.loads.sectors, 1U + 5U);
  EXPECT_EQ(c.loads.least_sectors, 1U + 4U);
  EXPECT_EQ(c.loads.distinct_bytes, 33U * 4);
  EXPECT_EQ(c.loads.block_sectors, 5U);  // x[0] is in the sector of x[1] to x[7]
}

TEST(Counters, LoopsOfSomeLanesAreRequestsOfThese) {
  const auto c = counts_of("copy_by_half_a_warp");
  EXPECT_EQ(c.loads.requests, 2U);
  EXPECT_EQ(c.loads.sectors, 4U);
  EXPECT_EQ(c.stores.requests, 2U);
}

TEST(Counters, WhatIsReadAgainCountsOnceABlockAndOnceALaunch) {
  const auto c = counts_of("read_again");
  EXPECT_EQ(c.loads.requests, 4U);
  EXPECT_EQ(c.loads.sectors, 16U);
  EXPECT_EQ(c.loads.block_sectors, 8U);
  EXPECT_EQ(c.loads.distinct_bytes, 128U);
  EXPECT_EQ(c.stores.distinct_bytes, 256U);
}

TEST(Counters, ColumnsOfASharedTileMeetInABank) {
  const auto bare = counts_of("transpose<32>");
  EXPECT_EQ(bare.shared_stores.requests, 32U);
  EXPECT_EQ(bare.shared_stores.conflicts(), 0U);
  EXPECT_EQ(bare.shared_loads.requests, 32U);
  EXPECT_EQ(bare.shared_loads.passes, 32U * 32);
  EXPECT_EQ(bare.shared_loads.conflicts(), 32U * 31);
  EXPECT_EQ(bare.shared_loads.bytes, 4096U);
  const auto padded = counts_of("transpose<33>");
  EXPECT_EQ(padded.shared_loads.passes, 32U);
  EXPECT_EQ(padded.shared_loads.conflicts(), 0U);
  EXPECT_EQ(padded.shared_stores.conflicts(), 0U);
}

TEST(Counters, EverySecondWordIsATwoWayConflict) {
  EXPECT_EQ(counts_of("read_shared<1>").shared_loads.conflicts(), 0U);
  const auto c = counts_of("read_shared<2>");
  EXPECT_EQ(c.shared_loads.passes, 2U);
  EXPECT_EQ(c.shared_loads.conflicts(), 1U);
}

// Eight lanes of 16 bytes fill the banks: a warp takes four passes, or eight if it reads every second packet.
TEST(Counters, PacketsInSharedMemoryAreServedByQuartersOfAWarp) {
  const auto close = counts_of("read_shared_packets<4>");
  EXPECT_EQ(close.shared_loads.passes, 4U);
  EXPECT_EQ(close.shared_loads.conflicts(), 0U);
  const auto apart = counts_of("read_shared_packets<8>");
  EXPECT_EQ(apart.shared_loads.passes, 8U);
  EXPECT_EQ(apart.shared_loads.conflicts(), 4U);
}

TEST(Counters, AsynchronousCopiesCountWhereTheyAreIssued) {
  const auto c = counts_of("copy_async");
  EXPECT_EQ(c.loads.requests, 1U);
  EXPECT_EQ(c.loads.bytes, 31U * 16);
  EXPECT_EQ(c.loads.sectors, 16U);  // half of the last sector is unused
  EXPECT_EQ(c.loads.distinct_bytes, 31U * 16);
  EXPECT_EQ(c.shared_stores.requests, 1U);
  EXPECT_EQ(c.shared_stores.bytes, 512U);
  EXPECT_EQ(c.shared_stores.passes, 4U);
  EXPECT_EQ(c.shared_loads.requests, 1U);
}

TEST(Counters, ArithmeticCountsWhatThreadsExecute) {
  EXPECT_EQ(counts_of("polynomial").operations, 31U * 3 * 2);
  EXPECT_EQ(counts_of("functions").operations, 32U * (1 + 1 + 2));
  EXPECT_EQ(counts_of("copy_floats").operations, 0U);
  EXPECT_EQ(counts_of("add_first_to_shifted").operations, 32U);
}

TEST(Counters, InstructionsAreToldApart) {
  EXPECT_EQ(simt::float_operations_of("mulss  %xmm1,%xmm0"), 1U);
  EXPECT_EQ(simt::float_operations_of("vfmadd231ss %xmm2,%xmm1,%xmm0"), 2U);
  EXPECT_EQ(simt::float_operations_of("addps  %xmm1,%xmm0"), 4U);
  EXPECT_EQ(simt::float_operations_of("sqrtsd %xmm1,%xmm0"), 1U);
  EXPECT_EQ(simt::float_operations_of("movss  %xmm1,%xmm0"), 0U);
  EXPECT_EQ(simt::float_operations_of("addl   $0x1,%eax"), 0U);
  EXPECT_EQ(simt::float_operations_of("call   1030 <expf@plt>"), 1U);
  EXPECT_EQ(simt::float_operations_of("call   1030 <fmaf>"), 2U);
  EXPECT_EQ(simt::float_operations_of("call   1030 <__tsan_read4>"), 0U);
}

TEST(Counters, TensorProductsCountTwoOperationsATerm) {
  EXPECT_EQ(counts_of("multiply_tiles").tensor_operations, 2U * 16 * 8 * (16 + 8));
}

TEST(Counters, LaunchesAddUpUntilTaken) {
  Stream stream{Device::simt};
  const Tensor x = Tensor::zeros(stream, {2048});
  Tensor y = Tensor::empty({2048}, DType::f32, Device::simt);
  simt::take_counts();
  for (int i = 0; i < 3; ++i) {
    kernels::simt::run_counted("copy_floats", stream, x.read(), y.write());
  }
  const auto counts = simt::take_counts();
  ASSERT_EQ(counts.size(), 1U);
  EXPECT_EQ(counts[0].launches, 3U);
  EXPECT_EQ(counts[0].loads.distinct_bytes, 3U * 512);
  EXPECT_TRUE(simt::take_counts().empty());
}

}  // namespace
}  // namespace sec
