// bench_traffic as a user runs it: another shape, other tiles, some kernels, and wrong arguments.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/io/files.h"
#include "tests/run_program.h"

namespace sec {
namespace {

using nlohmann::json;

class BenchTraffic : public testing::Test {
 protected:
  Outcome run(const std::string& arguments) const {
    return run_program(std::string(BENCH_TRAFFIC) + " " + arguments, folder_.path());
  }
  json counts(const std::string& arguments) const {
    const std::string file = (folder_ / "counts.json").string();
    const Outcome outcome = run(arguments + " --json " + file);
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    return json::parse(io::content_of(file)).at("cases");
  }
  io::TemporaryFolder folder_;
};

// A step on twice the batch moves more, but less than twice as much, as weights move once.
TEST_F(BenchTraffic, CountsAStepOfTheGivenShape) {
  const json small = counts("--shape 2x2x120x2x4").at("2x2x120x2x4, f32");
  const json large = counts("--shape 4x2x120x2x4").at("4x2x120x2x4, f32");
  EXPECT_EQ(small.at("network"),
            (json{{"model", "se-ecgnet"}, {"leads", 2}, {"length", 120}, {"width", 4}, {"batch", 2}}));
  const double bytes = small.at("step").at("bytes");
  const double more = large.at("step").at("bytes");
  EXPECT_GT(more, bytes);
  EXPECT_LT(more, 2 * bytes);
  EXPECT_EQ(large.at("step").at("convolution_macs").get<double>(),
            2 * small.at("step").at("convolution_macs").get<double>());
}

// With a quarter of the output rows per block, four times as many blocks read the weights of a trunk's convolution.
TEST_F(BenchTraffic, CountsWithTheTilesOfAFile) {
  const std::string shape = "--shape 2x2x480x2x32 --precision bf16";
  const auto bytes = [&](int rows) {
    const std::string file = "tiles" + std::to_string(rows) + ".toml";
    folder_.write(file,
                  "device = \"simt\"\nmeasured = \"nothing\"\nforward = [\n{precision = \"bf16\", c_in = 32, "
                  "c_out = 32, k = 15, stride = 2, pad = 7, leads = 2, length = 216, columns = 32, rows = " +
                      std::to_string(rows) + "},\n]\ndgrad = []\nwgrad = []\n");
    const json cases = counts(shape + " --tiles " + (folder_ / file).string());
    return cases.begin().value().at("step").at("bytes").get<double>();
  };
  // 2 samples x 108 time steps x 2 leads: 4 blocks of 128 rows or 14 of 32 (7 per sample).
  constexpr double weights = 15 * 32 * 32 * 2;
  EXPECT_GT(bytes(32), bytes(128) + 6 * weights);
}

TEST_F(BenchTraffic, PrintsTheKernelsThatAreAskedFor) {
  const Outcome all = run("--shape 2x2x120x2x4");
  const Outcome some = run("--shape 2x2x120x2x4 --kernels squeeze_excite.cu");
  ASSERT_EQ(some.status, 0) << some.error;
  EXPECT_NE(all.out.find("conv"), std::string::npos);
  EXPECT_EQ(some.out.find("conv"), std::string::npos) << some.out;
  EXPECT_NE(some.out.find("squeeze_excite.cu "), std::string::npos) << some.out;
  EXPECT_NE(some.out.find("\nstep: "), std::string::npos) << some.out;
  EXPECT_EQ(some.out.substr(some.out.find("\nstep: ")), all.out.substr(all.out.find("\nstep: ")));
}

TEST_F(BenchTraffic, RefusesWrongArgumentsInOneLine) {
  for (const auto& [arguments, expected] : std::vector<std::pair<std::string, std::string>>{
           {"--shape 1x2x120x2", "--shape '1x2x120x2': expected NxHxLxCLASSESxWIDTH"},
           {"--shape 1x2x120x2x0", "expected NxHxLxCLASSESxWIDTH"},
           {"--shape 2x2x120x2x4x5", "expected NxHxLxCLASSESxWIDTH"},
           {"--shape 1x2x20x2x4", "20 samples are too few"},
           {"--shape 2x2x120x2x4 --kernels nothing", "--kernels 'nothing': no kernel of the step has this"},
           {"--shape 2x2x120x2x4 --tiles none.toml", "none.toml"}}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 1) << arguments;
    EXPECT_TRUE(outcome.error.starts_with("bench_traffic: ")) << outcome.error;
    EXPECT_NE(outcome.error.find(expected), std::string::npos) << outcome.error;
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
  }
  EXPECT_NE(run("--precision bf16").status, 0);  // the usual cases have their own precisions
  EXPECT_NE(run("--shape 2x2x120x2x4 --check x.json").status, 0);
}

}  // namespace
}  // namespace sec
