#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <vector>

#include "engine/error.h"
#include "engine/launch_size.h"
#include "engine/parallel.h"
#include "engine/range_recorder.h"
#include "engine/simt/runtime.h"
#include "engine/tensor.h"
#include "tests/simt/misuse.h"
#include "tests/simt/subjects.h"

namespace sec {
namespace {

Stream stream{Device::simt};

TEST(Launch, AKernelWithoutBarriersCoversEveryElement) {
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i) - 500;
  }
  const Tensor x = Tensor::from(stream, Shape{1000}, values);
  Tensor y = Tensor::empty(Shape{1000}, DType::f32, Device::simt);
  kernels::simt::relu(stream, x.read(), y.write());
  const std::vector<float> result = y.to_vector(stream);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(result[i], values[i] > 0 ? values[i] : 0) << i;
  }
}

TEST(Launch, ABlockReducesWithShufflesAndABarrierInAnyOrder) {
  constexpr int rows = 37;
  constexpr int columns = 301;
  std::vector<float> x(rows * columns);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 7);  // small integers, whose sum is exact in any order
  }
  for (const auto order : {simt::Order::forward, simt::Order::reverse, simt::Order::shuffled}) {
    simt::set_order(order, 3);
    std::vector<float> y(rows, -1);
    kernels::simt::row_sums(stream, rows, columns, x.data(), y.data());
    for (int r = 0; r < rows; ++r) {
      float sum = 0;
      for (int c = 0; c < columns; ++c) {
        sum += x[static_cast<std::size_t>(r * columns + c)];
      }
      EXPECT_EQ(y[static_cast<std::size_t>(r)], sum);
    }
  }
  simt::set_order(simt::Order::forward);
}

std::string error_of(std::string_view misuse, Stream on = stream) {
  try {
    kernels::simt::misuse(misuse, on);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

TEST(Launch, ErrorsNameTheKernelAndTheSizes) {
  EXPECT_EQ(error_of("too many threads"),
            "kernel nothing, grid (1, 1, 1), block (1024, 2, 1), 0 bytes of dynamic shared memory: 2048 "
            "threads in a "
            "block, at most 1024 are possible");
  EXPECT_EQ(
      error_of("no blocks"),
      "kernel nothing, grid (0, 1, 1), block (32, 1, 1), 0 bytes of dynamic shared memory: expected 1 to "
      "2147483647 blocks along x");
  EXPECT_NE(error_of("too deep a grid").find("expected 1 to 65535 blocks along z"), std::string::npos);
  EXPECT_NE(error_of("too much dynamic shared memory").find("at most 166912 bytes of shared memory"),
            std::string::npos);
  EXPECT_NE(error_of("too much shared memory").find("no room for shared array second of 122880 bytes"),
            std::string::npos);
  EXPECT_NE(error_of("no dynamic shared memory").find("but was launched with none"), std::string::npos);
  EXPECT_NE(error_of("misaligned cp_async").find("must be multiples of 16 bytes"), std::string::npos);
  EXPECT_NE(error_of("mask beyond block").find("names lane 16, but the block ends before it"),
            std::string::npos);
  EXPECT_EQ(error_of("no blocks", Stream{Device::cpu}),
            "kernel nothing: a stream of the simt device is expected, got cpu");
}

TEST(Launch, AnExceptionInAKernelReachesTheCallerAndTheNextLaunchWorks) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(error_of("exception"), "thrown in a kernel");
    std::vector<unsigned> order = kernels::simt::order_after_barrier(stream);
    std::ranges::sort(order);
    for (unsigned k = 0; k < 64; ++k) {
      EXPECT_EQ(order[k], k);
    }
  }
}

TEST(Launch, ThreadsRunInTheOrderAskedFor) {
  std::vector<unsigned> forward(64);
  std::iota(forward.begin(), forward.end(), 0U);
  const std::vector<unsigned> reverse(forward.rbegin(), forward.rend());
  for (const auto record : {kernels::simt::order_before_barrier, kernels::simt::order_after_barrier}) {
    simt::set_order(simt::Order::forward);
    EXPECT_EQ(record(stream), forward);
    simt::set_order(simt::Order::reverse);
    EXPECT_EQ(record(stream), reverse);
    simt::set_order(simt::Order::shuffled, 1);
    const std::vector<unsigned> shuffled = record(stream);
    EXPECT_NE(shuffled, forward);
    EXPECT_EQ(record(stream), shuffled);  // equal seeds give equal orders
    simt::set_order(simt::Order::shuffled, 2);
    EXPECT_NE(record(stream), shuffled);
    std::vector<unsigned> sorted = shuffled;
    std::ranges::sort(sorted);
    EXPECT_EQ(sorted, forward);
  }
  simt::set_order(simt::Order::forward);
}

TEST(Launch, SharedMemoryIsNaNAtTheBeginningOfEveryBlock) {
  set_threads(1);  // both blocks run on one host thread and share its arena
  for (const float value : kernels::simt::unwritten_shared_memory(stream)) {
    EXPECT_TRUE(std::isnan(value));
  }
  set_threads(0);
}

TEST(Launch, MemoryOfTheDeviceIsNaNAtFirst) {
  const Tensor tensor = Tensor::empty(Shape{7}, DType::f32, Device::simt);
  for (const float value : tensor.to_vector(stream)) {
    EXPECT_TRUE(std::isnan(value));
  }
}

TEST(Launch, EveryLaunchIsARangeNamedForItsKernel) {
  const RangeRecorder recorder(stream, RangeRecorder::Nodes::operations);
  std::vector<float> y(3);
  const std::vector<float> x(12, 1);
  kernels::simt::row_sums(stream, 3, 4, x.data(), y.data());
  const std::vector<RangeNode> tree = recorder.tree();
  ASSERT_EQ(tree.size(), 1U);
  EXPECT_STREQ(tree[0].name.operation, "row_sum_kernel");
}

TEST(Launch, NamesOfKernels) {
  EXPECT_EQ(kernel_name_in("const char* sec::simt::name_of_kernel() [with auto kernel = sec::kernels::simt::"
                           "{anonymous}::conv<float, 3>]"),
            "conv<float, 3>");
  EXPECT_EQ(kernel_name_in("f() [with auto kernel = _GLOBAL__N__a4_a_cu_90::relu; T = int]"), "relu");
  EXPECT_EQ(kernel_name_in("f() [with auto kernel = a::{anonymous}::conv<sec::bf16, 64, b::Forward>]"),
            "conv<bf16, 64, Forward>");
}

TEST(Launch, BlocksForRoundsUpAndRefusesTooMany) {
  EXPECT_EQ(blocks_for(0, 128), 0U);
  EXPECT_EQ(blocks_for(128, 128), 1U);
  EXPECT_EQ(blocks_for(129, 128), 2U);
  EXPECT_THROW(blocks_for(std::int64_t{1} << 40, 128), Error);
}

}  // namespace
}  // namespace sec
