// Tests the reader and the executor of machine code (bench/forecast) on a kernel whose counts were made by hand.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>

#include "bench/forecast/estimate.h"
#include "bench/forecast/machine.h"
#include "engine/error.h"
#include "engine/simt/observer.h"

namespace sec::forecast {
namespace {

Kernel sum_of_parts() {
  std::vector<Kernel> kernels = read_sass(SUM_OF_PARTS);
  EXPECT_EQ(kernels.size(), 1U);
  prepare(kernels.at(0));
  return kernels.at(0);
}

template <typename T>
void put(std::vector<unsigned char>& to, std::size_t at, T value) {
  std::memcpy(to.data() + at, &value, sizeof(T));
}

// A launch of conv_wgrad_add_parts<<<(blocks, 1, problems), 256>>>. Each problem has 4 x 8 channels, 3 taps and thus 96
// weights, in `parts` parts. Offsets are those of WgradProblem (kernels/cuda/conv.h), 104 bytes each.
RecordedLaunch launch_of(const std::vector<std::int64_t>& parts, unsigned blocks) {
  RecordedLaunch launch{"conv_sums.cu", "conv_wgrad_add_parts", {{blocks, 1, 1}, {256, 1, 1}, 0}, {}};
  launch.size.grid[2] = static_cast<unsigned>(parts.size());
  launch.parameters.resize(8 * 104 + 16);
  for (std::size_t j = 0; j < parts.size(); ++j) {
    put(launch.parameters, 104 * j + 0x10, simt::observer::reserve_memory(96 * 4));     // gw
    put(launch.parameters, 104 * j + 0x18, simt::observer::reserve_memory(1'000'000));  // partial
    put(launch.parameters, 104 * j + 0x2C, 4);                                          // c_in
    put(launch.parameters, 104 * j + 0x30, 8);                                          // c_out
    put(launch.parameters, 104 * j + 0x34, 3);                                          // k
    put(launch.parameters, 104 * j + 0x48, parts[j]);
  }
  return launch;
}

TEST(Forecast, LoopsAreFoundByTheirBackwardBranches) {
  const Kernel kernel = sum_of_parts();
  const std::vector<Loop> loops = loops_of(kernel);
  ASSERT_EQ(loops.size(), 2U);  // four parts at a time, and the rest one by one
  EXPECT_EQ(loops[0].begin, 0x400U / 16);
  EXPECT_EQ(loops[0].end, 0x570U / 16);
  EXPECT_EQ(loops[1].begin, 0x730U / 16);
  EXPECT_EQ(loops[1].end, 0x7D0U / 16);
}

// 11 parts: two iterations of the first loop, of 24 instructions, and three of the second, of 11. Counted from the
// listing, a warp with work issues 20 + 4 + 6 + 17 + 17 + 2 x 24 + 1 + 26 + 3 x 11 + 7 = 179 instructions. 96 threads have
// work: three warps. The other five exit after 20 instructions.
TEST(Forecast, AWarpIssuesWhatItsLoopsAndBranchesSay) {
  const Kernel kernel = sum_of_parts();
  const BlockRun run = run_block(kernel, launch_of({11}, 1), {0, 0, 0});
  EXPECT_EQ(run.issued[0x400 / 16], 3U * 2);
  EXPECT_EQ(run.issued[0x730 / 16], 3U * 3);
  EXPECT_EQ(run.all_issued, 3U * 179 + 5 * 20);
  EXPECT_EQ(run.longest_warp, 179U);
}

TEST(Forecast, EveryThreadsAccessesAreCounted) {
  const Kernel kernel = sum_of_parts();
  const BlockRun run = run_block(kernel, launch_of({11}, 1), {0, 0, 0});
  EXPECT_EQ(run.loaded_bytes, 96U * 4 * (11 + 1));  // each part, and gw before the sum
  EXPECT_EQ(run.stored_bytes, 96U * 4);
  EXPECT_EQ(run.loaded.size(), 96U * 4 * (11 + 1) / 32);  // sectors of 32 bytes
  EXPECT_EQ(run.stored.size(), 96U * 4 / 32);
}

// No part: no loop runs. Without `partial` the kernel exits after 24 instructions.
TEST(Forecast, BranchesFollowTheParameters) {
  const Kernel kernel = sum_of_parts();
  EXPECT_EQ(run_block(kernel, launch_of({0}, 1), {0, 0, 0}).longest_warp, 20U + 4 + 6 + 7);
  RecordedLaunch launch = launch_of({11}, 1);
  put(launch.parameters, 0x18, std::uint64_t{0});
  EXPECT_EQ(run_block(kernel, launch, {0, 0, 0}).longest_warp, 24U);
}

TEST(Forecast, ALaunchIsTheSumOfItsBlocks) {
  const Kernel kernel = sum_of_parts();
  const RecordedLaunch launch = launch_of({11, 5}, 1);  // 5 parts: one iteration of each loop
  const Cost cost = estimate(kernel, launch);
  EXPECT_EQ(cost.instructions, 3 * (179 + 179 - 24 - 2 * 11) + 2 * 5 * 20);
  EXPECT_EQ(cost.longest_warp, 179);
  EXPECT_EQ(cost.bytes, 96 * 4 * (11 + 1 + 1) + 96 * 4 * (5 + 1 + 1));
  EXPECT_EQ(cost.flops, 0);
}

// Two blocks more, whose threads are all past the last weight: blocks that differ are not taken for each other.
TEST(Forecast, BlocksWithoutWorkAreFound) {
  const Kernel kernel = sum_of_parts();
  EXPECT_EQ(estimate(kernel, launch_of({11}, 3)).instructions, 3 * 179 + 5 * 20 + 2 * 8 * 20);
}

// The last tile of each sample is shorter. 64 samples of 20 tiles: 0, 640, 960, 800 ... are first tiles, 959 a last one.
TEST(Forecast, BlocksThatRepeatWithSamplesAreNotMistakenForTheirTails) {
  for (const unsigned tiles : {8U, 16U, 20U, 39U, 78U}) {
    const unsigned count = 64 * tiles;
    const auto value = [&](unsigned i) { return i % tiles == tiles - 1 ? 0.4 : 1.0; };
    double sum = 0;
    double truth = 0;
    double weight = 0;
    for (const auto& [i, items] : sample(count, value)) {
      sum += items * value(i);
      weight += items;
    }
    for (unsigned i = 0; i < count; ++i) {
      truth += value(i);
    }
    EXPECT_EQ(weight, count);
    EXPECT_NEAR(sum / truth, 1, 0.08) << tiles;
  }
}

TEST(Forecast, LaunchesThatDifferInAddressesOnlyCostTheSame) {
  EXPECT_EQ(cost_key(launch_of({11}, 1)), cost_key(launch_of({11}, 1)));
  EXPECT_NE(cost_key(launch_of({11}, 1)), cost_key(launch_of({12}, 1)));
  EXPECT_NE(cost_key(launch_of({11}, 1)), cost_key(launch_of({11}, 2)));
}

std::string error_of(const std::string& text) {
  try {
    for (Kernel& kernel : parse_sass(text, "x.sass")) {
      prepare(kernel);
    }
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(Forecast, CodeThatIsNotUnderstoodIsRefused) {
  const std::string kernel = "// kernel: a.cu | k\n";
  EXPECT_EQ(error_of(kernel + "/*0000*/ EXIT ;\n"), "");
  EXPECT_EQ(error_of(kernel + "/*0000*/ FROB R1, R2 ;\n"),
            "a.cu k: 'FROB R1, R2': this instruction is not known");
  EXPECT_EQ(error_of(kernel + "/*0000*/ BRA `(.L_x_7) ;\n"), "x.sass: BRA `(.L_x_7): no label '.L_x_7'");
  EXPECT_EQ(error_of(kernel + "/*0010*/ EXIT ;\n"), "x.sass:2: expected the instruction at 0x0");
  EXPECT_EQ(error_of(kernel + "/*0000*/ STS [R1+Q], R2 ;\n"),
            "x.sass:2: the operand '[R1+Q]' is not understood");
  EXPECT_EQ(error_of("/*0000*/ EXIT ;\n"),
            "x.sass:1: expected '// kernel: FILE | NAME' before the first instruction");
}

TEST(Forecast, AnAddressOutsideTheArenaIsAnError) {
  RecordedLaunch launch = launch_of({11}, 1);
  put(launch.parameters, 0x18, std::uint64_t{64});
  try {
    run_block(sum_of_parts(), launch, {0, 0, 0});
    FAIL() << "expected an error";
  } catch (const Error& error) {
    EXPECT_EQ(
        std::string(error.what()),
        "conv_sums.cu conv_wgrad_add_parts: block (0, 0, 0): 'LDG.E R10, desc[UR8][R10.64]': accesses memory "
        "outside the arena");
  }
}

}  // namespace
}  // namespace sec::forecast
