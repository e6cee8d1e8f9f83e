// What kernel_lab counts for a launch equals what bench_traffic's counters count for the same launch. The two share rules,
// but no code, and kernel_lab's kernels are compiled without optimisation.
#include <gtest/gtest.h>

#include "bench/traffic/counters.h"
#include "io/files/json.h"
#include "io/files/read_file.h"
#include "kernels/cuda/conv_versions.h"
#include "tests/run_program.h"

namespace sec::kernels {
namespace {

using io::Json;

// Fills no tile.
constexpr ConvShape odd{.n = 2, .l = 37, .h = 2, .c_in = 16, .c_out = 40, .k = 3, .stride = 2, .pad = 1};
// For tensor cores: fills its tiles, so that all lanes make every copy. Where g++ does not inline cp_async(), the counters see
// all copies of a kernel at one place. A lane that skips a copy of the input then shares a request with copies of weights.
constexpr ConvShape whole{.n = 1, .l = 34, .h = 4, .c_in = 32, .c_out = 32, .k = 3, .stride = 1, .pad = 0};

const std::vector<std::string> versions{"direct", "tiled", "blocked", "tensor"};
const std::vector<std::string> passes{"forward", "dgrad", "wgrad"};

// The counts of the launch that computes a pass, from the counters.
sec::simt::KernelCounts counted(const ConvShape& shape, int version, ConvPass pass, DType type) {
  Stream stream{Device::simt};
  const std::int64_t x_count = shape.n * shape.l * shape.h * shape.c_in;
  const std::int64_t y_count = shape.n * shape.l_out() * shape.h * shape.c_out;
  Tensor x = Tensor::zeros(stream, {x_count}, type);
  Tensor y = Tensor::zeros(stream, {y_count}, type);
  Tensor w = Tensor::zeros(stream, {shape.k * shape.c_in * shape.c_out});
  const Tensor bias = Tensor::zeros(stream, {shape.c_out});
  sec::simt::take_counts();
  const ConvVersions& conv = simt::conv_versions();
  if (pass == ConvPass::forward) {
    const ConvForward one{shape, x.read(), w.read(), bias.read(), y.write()};
    conv.forward(stream, version, {&one, 1});
  } else if (pass == ConvPass::dgrad) {
    const ConvDgrad one{shape, y.read(), w.read(), x.write()};
    conv.dgrad(stream, version, {&one, 1});
  } else {
    const ConvWgrad one{shape, x.read(), y.read(), w.write(), {}};
    conv.wgrad(stream, version, {&one, 1});
  }
  const std::string name =
      (pass == ConvPass::wgrad ? "conv_wgrad_" : "conv_") + versions[static_cast<std::size_t>(version - 1)];
  for (const sec::simt::KernelCounts& counts : sec::simt::take_counts()) {
    if (counts.kernel.starts_with(name)) {
      return counts;
    }
  }
  ADD_FAILURE() << "no launch of " << name;
  return {};
}

void expect_equal(const Json& lab, const sec::simt::GlobalCounts& c) {
  EXPECT_EQ(lab.at("requests").get<std::uint64_t>(), c.requests);
  EXPECT_EQ(lab.at("bytes").get<std::uint64_t>(), c.bytes);
  EXPECT_EQ(lab.at("sectors").get<std::uint64_t>(), c.sectors);
  EXPECT_EQ(lab.at("least").get<std::uint64_t>(), c.least_sectors);
  EXPECT_EQ(lab.at("block_sectors").get<std::uint64_t>(), c.block_sectors);
}
void expect_equal(const Json& lab, const sec::simt::SharedCounts& c) {
  EXPECT_EQ(lab.at("requests").get<std::uint64_t>(), c.requests);
  EXPECT_EQ(lab.at("bytes").get<std::uint64_t>(), c.bytes);
  EXPECT_EQ(lab.at("passes").get<std::uint64_t>(), c.passes);
  EXPECT_EQ(lab.at("least").get<std::uint64_t>(), c.least_passes);
}

TEST(KernelLab, CountsWhatBenchTrafficCounts) {
  const std::filesystem::path file = testing::TempDir() + "kernel_lab_counts.json";
  // kernel_lab runs the versions for any shape; the fifth is for the stem alone.
  for (int version = 1; version <= static_cast<int>(versions.size()); ++version) {
    const ConvShape& s = version == 4 ? whole : odd;
    for (std::size_t pass = 0; pass < passes.size(); ++pass) {
      for (const DType type : {DType::f32, DType::bf16}) {
        const std::string& name = versions[static_cast<std::size_t>(version - 1)];
        SCOPED_TRACE(fmt::format("{}, {}, {}", name, passes[pass], sec::name_of(type)));
        const Outcome run = run_program(
            fmt::format(
                "{} --version {} --pass {} --type {} --shape {}x{}x{}x{}x{} --stride {} --pad {} --json {}",
                KERNEL_LAB, name, passes[pass], sec::name_of(type), s.n, s.l, s.h, s.c_in, s.c_out, s.stride,
                s.pad, file.string()),
            testing::TempDir());
        ASSERT_EQ(run.status, 0) << run.error;
        const Json data = Json::parse(io::read_file(file, 100'000'000));
        const Json& lab = data.at("counts").at("launch");
        const sec::simt::KernelCounts counts = counted(s, version, static_cast<ConvPass>(pass), type);
        EXPECT_EQ(data.at("kernel").get<std::string>(), counts.kernel);
        expect_equal(lab.at("loads"), counts.loads);
        expect_equal(lab.at("stores"), counts.stores);
        expect_equal(lab.at("shared_loads"), counts.shared_loads);
        expect_equal(lab.at("shared_stores"), counts.shared_stores);
        EXPECT_EQ(lab.at("tensor_operations").get<std::uint64_t>(), counts.tensor_operations);
      }
    }
  }
}

}  // namespace
}  // namespace sec::kernels
