// The graphs of cuDNN's fused passes, given to a library that pretends to be cuDNN (pretend_cudnn.cpp) and checks
// them. This test needs no GPU. It is run with LD_LIBRARY_PATH set to the folder of that library.
#include <gtest/gtest.h>

#include <cstdlib>

#include "kernels/peers/fused_graphs.h"

namespace sec::kernels::peers {
namespace {

constexpr ConvShape shape{.n = 2, .l = 100, .h = 4, .c_in = 32, .c_out = 64, .k = 7, .stride = 2, .pad = 3};

std::string pretended() {
  return cudnn().library.function<const char*()>("pretend_report")();
}

// Plans the pass and runs it on memory that is never touched. Returns the operations of the graph.
std::string run(FusedPass pass) {
  Stream stream;
  const cudnnHandle_t handle = cudnn_on(stream);
  FusedGraph fused = fused_graph(pass, shape);
  fused.graph.plan(handle);
  EXPECT_EQ(fused.graph.workspace_bytes(), 4096);
  std::vector<std::pair<OperationGraph::Tensor, void*>> memory;
  std::uint64_t address = 4096;
  for (const FusedGraph::Operand& operand : fused.operands) {
    EXPECT_GT(operand.bytes, 0);
    memory.emplace_back(operand.tensor, reinterpret_cast<void*>(address));
    address += 4096;
  }
  fused.graph.run(handle, memory, reinterpret_cast<void*>(address));
  const std::string computed = pretended();
  memory.pop_back();
  EXPECT_THROW(fused.graph.run(handle, memory, reinterpret_cast<void*>(address)), Error);
  return computed;
}

TEST(CudnnGraphs, AreThePatternsOfItsFusedEngines) {
  unsetenv("PRETEND");
  EXPECT_EQ(run(FusedPass::forward), "mul add relu conv genstats");
  EXPECT_EQ(run(FusedPass::wgrad), "mul add relu wgrad");
  EXPECT_EQ(run(FusedPass::dgrad), "dgrad add(-) mul mul add drelu bnbwd");
  EXPECT_EQ(run(FusedPass::apply), "mul mul add add");
}

TEST(CudnnGraphs, FallBackToEnginesThatAreNotProposedAtFirst) {
  setenv("PRETEND", "old", 1);
  EXPECT_EQ(run(FusedPass::forward), "mul add relu conv genstats");
}

TEST(CudnnGraphs, WithoutAnEngineAreAnErrorThatNamesPassAndShape) {
  setenv("PRETEND", "nothing", 1);
  try {
    run(FusedPass::dgrad);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "kernels cudnn: no engine supports the graph (dgrad, ReLU's gradient and batch norm's sums, f16 x "
        "(2, 100, 4, 32), 7 taps, 64 outputs, stride 2)");
  }
}

TEST(CudnnGraphs, SumTheSizesOfTheirOperands) {
  const auto bytes = [](FusedPass pass) {
    std::int64_t sum = 0;
    for (const FusedGraph::Operand& operand : fused_graph(pass, shape).operands) {
      sum += operand.bytes;
    }
    return sum;
  };
  constexpr std::int64_t x = 2 * 2 * 100 * 4 * 32;
  constexpr std::int64_t y = 2 * 2 * 50 * 4 * 64;
  constexpr std::int64_t w = 2 * 7 * 32 * 64;
  EXPECT_EQ(bytes(FusedPass::forward), x + w + y + 2 * 2 * 32 + 2 * 4 * 64);
  EXPECT_EQ(bytes(FusedPass::wgrad), x + w + y + 2 * 2 * 32);
  EXPECT_EQ(bytes(FusedPass::dgrad), 2 * x + w + y + 9 * 4 * 32);
  EXPECT_EQ(bytes(FusedPass::apply), 3 * x + 3 * 4 * 32);
}

}  // namespace
}  // namespace sec::kernels::peers
