// Tests bench_tiles on simt, and the reader of the files it writes.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/error.h"
#include "engine/philox.h"
#include "tests/io/files.h"
#include "tests/run_program.h"
#include "train/loop/tile_file.h"

namespace sec::train {
namespace {

using kernels::ConvPass;

constexpr const char* whole = R"(device = "simt"
measured = "nothing"
forward = [
  {precision = "bf16", c_in = 16, c_out = 16, k = 3, stride = 1, pad = 1, leads = 2, length = 9, columns = 64, rows = 32},
  {precision = "f32", c_in = 1, c_out = 16, k = 50, stride = 2, pad = 0, leads = 2, length = 90, columns = 64},
]
dgrad = []
wgrad = [
  {precision = "tf32", c_in = 16, c_out = 16, k = 3, stride = 1, pad = 1, leads = 2, length = 9, samples = 4, part_tiles = 2, most_blocks = 8},
]
)";

class Tiles : public testing::Test {
 protected:
  void TearDown() override { kernels::use_tiles({}); }

  // The error message, without the folder's path, for the file with `from` replaced by `to`.
  std::string error_of(const std::string& from, const std::string& to) {
    std::string text = whole;
    EXPECT_NE(text.find(from), std::string::npos);
    text.replace(text.find(from), from.size(), to);
    folder_.write("t", text);
    try {
      read_tile_file(folder_ / "t");
    } catch (const Error& error) {
      const std::string what = error.what();
      return what.substr(what.rfind("/t:") + 1);
    }
    return "";
  }

  io::TemporaryFolder folder_;
};

TEST_F(Tiles, AreReadAsTheyWereWritten) {
  folder_.write("t", whole);
  const TileFile file = read_tile_file(folder_ / "t");
  ASSERT_EQ(file.choices.size(), 3U);
  const kernels::ConvShape shape{
      .n = 7, .l = 9, .h = 2, .c_in = 16, .c_out = 16, .k = 3, .stride = 1, .pad = 1};
  const auto task = kernels::conv_task(ConvPass::forward, Precision::bf16,
                                       shape);  // the batch size is not part of the task
  EXPECT_EQ(file.choices.at(task).columns, 64);
  EXPECT_EQ(file.choices.at(task).rows, 32);
  folder_.write("again", tile_file_text(file, {{task, "a note"}}));
  EXPECT_NE(io::content_of(folder_ / "again").find("# a note"), std::string::npos);
  const TileFile again = read_tile_file(folder_ / "again");
  EXPECT_EQ(again.device, "simt");
  EXPECT_EQ(again.measured, "nothing");
  EXPECT_EQ(tile_file_text(again, {}), tile_file_text(file, {}));
}

TEST_F(Tiles, ThatNoKernelHasAreRefusedWithTheirLine) {
  EXPECT_EQ(error_of("columns = 64", "columns = 48"), "t:4: columns: expected one of 32, 64");
  EXPECT_EQ(error_of("rows = 32", "rows = 512"), "t:4: rows: expected one of 32, 64, 96, 128, 160, 256");
  EXPECT_EQ(error_of("rows = 32", "rows = 256"), "t:4: rows: expected at most 160 with 64 columns");
  EXPECT_EQ(error_of("columns = 64", "columns = 64.0"), "t:4: columns: expected one of 32, 64");
  EXPECT_EQ(error_of("part_tiles = 2", "part_tiles = 0"),
            "t:9: part_tiles: expected a whole number from 1 to 1024");
  EXPECT_EQ(error_of("precision = \"f32\"", "precision = \"tf32\""),
            "t:5: no kernel computes this shape in tf32; f32 does");
  EXPECT_EQ(error_of("precision = \"f32\"", "precision = \"f16\""),
            "t:5: precision: expected f32, tf32 or bf16, got 'f16'");
  EXPECT_EQ(error_of("k = 50", "k = 91"), "t:5: k: the padded input is shorter than the kernel");
}

TEST_F(Tiles, WithOtherKeysAreRefusedWithTheirLine) {
  // Rows can be chosen only for convolutions on tensor cores.
  EXPECT_TRUE(error_of("length = 90, columns = 64", "length = 90, columns = 64, rows = 64")
                  .starts_with("t:5: unknown key rows; known are precision"));
  EXPECT_TRUE(error_of("rows = 32", "rows = 32, samples = 4").starts_with("t:4: unknown key samples"));
  EXPECT_EQ(error_of(", rows = 32", ""), "t:4: rows is missing");
  EXPECT_EQ(error_of("dgrad = []", "dgrad = []\ncolour = 1"),
            "t:8: unknown key colour; known are device, measured, forward, dgrad, wgrad");
  EXPECT_EQ(error_of("dgrad = []", "dgrad = 3"), "t:7: dgrad: expected a list of tables");
  EXPECT_EQ(error_of("dgrad = []", "dgrad = [3]"), "t:7: dgrad: expected a list of tables");
  EXPECT_TRUE(error_of("dgrad = []", "dgrad = [").starts_with("t:"));
  const std::string line = std::string(whole).substr(std::string(whole).find("  {precision = \"f32\""));
  const std::string one = line.substr(0, line.find('\n') + 1);
  EXPECT_EQ(error_of(one, one + one), "t:6: forward: this shape is listed twice");
}

TEST_F(Tiles, OfAnotherDeviceAreRefused) {
  folder_.write("t", std::string(whole).replace(std::string(whole).find("simt"), 4, "NVIDIA Nothing"));
  const auto error_on = [&](Device device) -> std::string {
    try {
      use_tile_file(folder_ / "t", device);
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_TRUE(
      error_on(Device::simt).ends_with("t:1: the tiles were measured on 'NVIDIA Nothing', this is 'simt'"));
  EXPECT_TRUE(error_on(Device::cpu).ends_with("the cpu device has no tiles to choose; cuda and simt have"));
}

TEST_F(Tiles, UsageErrorsAreOneLine) {
  for (const auto& [program, arguments, line] :
       {std::tuple{BENCH_TILES, "", "bench_tiles: --out is required (see bench_tiles --help)\n"},
        std::tuple{BENCH_STEPS, "--device tpu",
                   "bench_steps: --device: tpu not in {cpu,cuda,simt} (see bench_steps --help)\n"}}) {
    const Outcome run = run_program(std::string(program) + " " + arguments, folder_.path());
    EXPECT_EQ(run.status, 2) << program;
    EXPECT_EQ(run.error, line);
    EXPECT_EQ(run.out, "");
  }
}

// Measures tiles, then trains a step with the measured file.
// Trains another step with a file in which all choices differ from the built-in ones.
TEST_F(Tiles, AreMeasuredAndTaken) {
  const std::string file = (folder_ / "tiles.toml").string();
  const Outcome measured = run_program(
      std::string(BENCH_TILES) +
          " --device simt --leads 2 --length 90 --width 16 --samples 2 --precision tf32 --calls 1 --out " +
          file,
      folder_.path());
  ASSERT_EQ(measured.status, 0) << measured.error;
  TileFile tiles = read_tile_file(file);
  EXPECT_EQ(tiles.device, "simt");
  EXPECT_NE(tiles.measured.find("says nothing of a GPU"), std::string::npos);
  std::set<ConvPass> passes;
  for (auto& [task, choice] : tiles.choices) {
    passes.insert(task.pass);
    choice = {.columns = choice.columns == 32 ? 64 : 32, .rows = 32, .part_tiles = 1, .most_blocks = 4096};
  }
  EXPECT_EQ(passes.size(), 3U);
  folder_.write("others.toml", tile_file_text(tiles, {}));

  const std::string steps = std::string(BENCH_STEPS) + " --threads 1 --device simt --precision tf32 ";
  folder_.write("make", "make 2x2x90x3x16 " + folder_.path().string() + "\n");
  ASSERT_EQ(run_program(steps + "<" + (folder_ / "make").string(), folder_.path()).status, 0);
  folder_.write("lines", "load " + (folder_ / "weights.safetensors").string() + " " +
                             (folder_ / "batch.safetensors").string() + "\ngradients " +
                             (folder_ / "gradients").string() + "\n");
  const auto loss_with = [&](const std::string& options) {
    const Outcome outcome =
        run_program(steps + options + " <" + (folder_ / "lines").string(), folder_.path());
    EXPECT_EQ(outcome.status, 0) << outcome.error;
    const std::string last = outcome.out.substr(outcome.out.rfind('{'));
    return nlohmann::json::parse(last).at("loss").get<double>();
  };
  const double built_in = loss_with("");
  const std::string gradients = io::content_of(folder_ / "gradients");
  // Only the statistics of batch norm are summed in a different order.
  // Each changes by some units in the last place of f32, and these changes pass through some thirty layers.
  EXPECT_NEAR(loss_with("--tiles " + file), built_in, 1e-4 * built_in);
  EXPECT_NEAR(loss_with("--tiles " + (folder_ / "others.toml").string()), built_in, 1e-4 * built_in);
  EXPECT_NE(io::content_of(folder_ / "gradients"), gradients) << "both were added up in the same parts";

  const Outcome on_cpu =
      run_program(std::string(BENCH_STEPS) + " --device cpu --tiles " + file + " </dev/null", folder_.path());
  EXPECT_EQ(on_cpu.status, 1);
  EXPECT_EQ(on_cpu.error,
            "bench_steps: --tiles " + file + ": the cpu device has no tiles to choose; cuda and simt have\n");
}

}  // namespace
}  // namespace sec::train
