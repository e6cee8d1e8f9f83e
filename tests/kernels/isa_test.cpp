#include "kernels/cpu/isa.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>

#include "engine/error.h"
#include "engine/range_recorder.h"

namespace sec::kernels {
namespace {

TEST(Isa, BaselineIsAlwaysThereAndTheFastestComesLast) {
  const auto names = cpu::available_isas();
  ASSERT_FALSE(names.empty());
  EXPECT_EQ(names.front(), "baseline");
  if (std::getenv("SEC_CPU_ISA") == nullptr) {
    EXPECT_EQ(cpu::isa_in_use(), names.back());
  }
}

TEST(Isa, NamesThatAreUnknownOrNotThereAreErrors) {
  EXPECT_THROW(cpu::table_of("avx1024"), Error);
  EXPECT_THROW(cpu::table_of(""), Error);
  const auto names = cpu::available_isas();
  for (const std::string_view name : {"avx2", "avx512"}) {
    if (std::ranges::find(names, name) == names.end()) {
      EXPECT_THROW(cpu::table_of(name), Error);
    }
  }
}

TEST(Isa, TablesDiffer) {
  for (const std::string_view name : cpu::available_isas()) {
    const Table& table = cpu::table_of(name);
    EXPECT_NE(table.conv.forward_group, nullptr);
    if (name != "baseline") {
      EXPECT_NE(table.conv.forward_group, cpu::table_of("baseline").conv.forward_group);
    }
  }
}

using IsaDeathTest = testing::Test;

TEST(IsaDeathTest, TheEnvironmentChooses) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");  // a fresh process, because a process chooses only once
  EXPECT_EXIT(
      {
        setenv("SEC_CPU_ISA", "baseline", 1);
        std::exit(&table(Device::cpu) == &cpu::table_of("baseline") ? 0 : 1);
      },
      testing::ExitedWithCode(0), "");
  EXPECT_EXIT(
      {
        setenv("SEC_CPU_ISA", "mmx", 1);
        try {
          table(Device::cpu);
        } catch (const Error& error) {
          fputs(error.what(), stderr);
          std::exit(3);
        }
        std::exit(0);
      },
      testing::ExitedWithCode(3),
      "SEC_CPU_ISA: unknown instruction set 'mmx', expected baseline, avx2 or avx512");
}

TEST(Kernel, DevicesThatAreNotThereAreErrors) {
  for (const Device device : {Device::cuda, Device::simt}) {
    if (!why_unavailable(device).empty()) {
      EXPECT_THROW(table(device), Error);
    }
  }
}

TEST(Kernel, OpensARangeWithItsName) {
  Stream stream;
  Tensor x = Tensor::zeros(stream, {4});
  const RangeRecorder recorder(stream, RangeRecorder::Nodes::operations);
  table(stream).pointwise.relu(stream, x.read(), x.write());
  const std::vector<RangeNode> tree = recorder.tree();
  ASSERT_EQ(tree.size(), 1U);
  EXPECT_STREQ(tree[0].name.operation, "relu");
}

}  // namespace
}  // namespace sec::kernels
