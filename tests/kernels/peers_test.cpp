// Compares our kernels with cuDNN's convolution, batch norm and pooling and with cuBLAS's GEMM.
// Both tables run on the GPU, at the network's shapes, with operands that are exact in bf16.
#include "kernels/device_tables.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// Returns why the libraries cannot be loaded on this machine, or an empty string.
std::string why_no_libraries() {
  try {
    peers::table();
    return "";
  } catch (const Error& error) {
    return error.what();
  }
}

TEST(PeerLibraries, LoadWithAllTheirFunctionsOrSayInOneLineWhyNot) {
  const std::string reason = why_no_libraries();
  EXPECT_EQ(reason.find('\n'), std::string::npos) << reason;
  if (!reason.empty()) {
    EXPECT_TRUE(reason.starts_with("kernels cudnn: cannot load ")) << reason;
    GTEST_SKIP() << "NOT TESTED: " << reason;
  }
}

class Peers : public testing::TestWithParam<DType> {
 protected:
  void SetUp() override {
    const std::string no_device = why_unavailable(Device::cuda);
    const std::string reason = no_device.empty() ? why_no_libraries() : "no cuda device: " + no_device;
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED against cuDNN and cuBLAS: " << reason;
    }
  }

  // Returns random numbers that are exact in bf16, stored as `type`.
  Tensor operand(std::int64_t count, std::uint32_t which, DType type, double low = -1) {
    std::vector<float> values;
    for (const double v : random_values(count, which, low, 1)) {
      values.push_back(static_cast<float>(bf16(static_cast<float>(v))));
    }
    const Tensor as_f32 = Tensor::from(stream_, {count}, values);
    if (type == DType::f32) {
      return as_f32;
    }
    Tensor t = Tensor::empty({count}, type, Device::cuda);
    cuda::table().pointwise.cast(stream_, as_f32.read(), t.write());
    return t;
  }

  // Runs `compute(table, results)` with both tables and compares.
  // Results start as NaN, or as ones if `added_to`.
  // Two sums of `terms` products of at most 1, in different orders, differ by at most 2 * unit * terms each.
  // A result that either side stores as bf16 is off by 2^-8 of its value.
  struct Result {
    std::int64_t count;
    DType type;
    bool added_to;
    double terms;
    bool rounded;  // true if the library or both round to bf16
  };
  template <typename Compute>
  void expect_same(const std::string& what, const std::vector<Result>& results, const Compute& compute) {
    std::vector<std::vector<std::vector<float>>> got;
    for (const Table* const table : {&cuda::table(), &peers::table()}) {
      std::vector<Tensor> tensors;
      for (const Result& r : results) {
        const std::vector<float> start(static_cast<std::size_t>(r.count), r.added_to ? 1.0F : std::nanf(""));
        Tensor t = Tensor::from(stream_, {r.count}, start);
        if (r.type != DType::f32) {
          t = Tensor::empty({r.count}, r.type, Device::cuda);
          cuda::table().pointwise.cast(stream_, Tensor::from(stream_, {r.count}, start).read(), t.write());
        }
        tensors.push_back(t);
      }
      compute(*table, tensors);
      got.emplace_back();
      for (const Tensor& t : tensors) {
        got.back().push_back(t.to_vector(stream_));
      }
    }
    for (std::size_t i = 0; i < results.size(); ++i) {
      const Values expected(got[1][i].begin(), got[1][i].end());
      // A sum rounded to bf16 before it is added to 1 is off by 2^-9 of its value, at most of |result| + 1.
      const double of_one = results[i].rounded && results[i].added_to ? 0x1p-8 : 0;
      expect_close(got[0][i], expected, of_one + 4 * unit * (results[i].terms + 8),
                   results[i].rounded ? 0x1.1p-7 : 4 * unit, what + ", result " + std::to_string(i));
    }
  }

  Stream stream_{Device::cuda, nullptr};
};

INSTANTIATE_TEST_SUITE_P(Types, Peers, testing::Values(DType::f32, DType::bf16),
                         [](const auto& one) { return std::string(name_of(one.param)); });

TEST_P(Peers, ConvolutionAgreesWithCudnn) {
  const DType type = GetParam();
  const bool rounded = type == DType::bf16;
  const std::pair<const char*, ConvShape> layers[] = {
      {"stem", {.n = 2, .l = 1000, .h = 8, .c_in = 1, .c_out = 32, .k = 50, .stride = 2}},
      {"trunk", {.n = 2, .l = 476, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}},
      {"trunk, stride 1",
       {.n = 2, .l = 238, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 1, .pad = 7}},
      {"downsample", {.n = 2, .l = 476, .h = 8, .c_in = 32, .c_out = 32, .k = 1, .stride = 2}},
      {"branch 2-D, k 3", {.n = 2, .l = 310, .h = 8, .c_in = 32, .c_out = 32, .k = 3, .stride = 1, .pad = 1}},
      {"branch 1-D, k 5",
       {.n = 4, .l = 155, .h = 1, .c_in = 256, .c_out = 256, .k = 5, .stride = 1, .pad = 2}},
      {"branch 1-D, k 7",
       {.n = 4, .l = 39, .h = 1, .c_in = 256, .c_out = 256, .k = 7, .stride = 2, .pad = 3}},
      {"beats", {.n = 64, .l = 10, .h = 1, .c_in = 64, .c_out = 64, .k = 5, .stride = 1, .pad = 2}},
  };
  for (const auto& [name, shape] : layers) {
    const ConvShape& s = shape;
    const std::int64_t inputs = s.n * s.l * s.h * s.c_in;
    const std::int64_t rows = s.n * s.l_out() * s.h;
    const std::int64_t weights = s.k * s.c_in * s.c_out;
    const Tensor x = operand(inputs, 1, type);
    const Tensor w = operand(weights, 2, DType::f32);
    const Tensor bias = operand(s.c_out, 3, DType::f32);
    const Tensor gy = operand(rows * s.c_out, 4, type);
    expect_same(std::string(name) + " forward",
                {{rows * s.c_out, type, false, static_cast<double>(s.k * s.c_in), rounded}},
                [&](const Table& table, std::vector<Tensor>& y) {
                  table.conv.forward(stream_, s, x.read(), w.read(), bias.read(), y[0].write());
                });
    expect_same(std::string(name) + " dgrad",
                {{inputs, type, false, static_cast<double>(s.k * s.c_out), rounded}},
                [&](const Table& table, std::vector<Tensor>& gx) {
                  table.conv.dgrad(stream_, s, gy.read(), w.read(), gx[0].write());
                });
    expect_same(std::string(name) + " wgrad",
                {{weights, DType::f32, true, static_cast<double>(rows), rounded},
                 {s.c_out, DType::f32, true, static_cast<double>(rows), rounded}},
                [&](const Table& table, std::vector<Tensor>& g) {
                  table.conv.wgrad(stream_, s, x.read(), gy.read(), g[0].write(), g[1].write());
                });
  }
}

TEST_P(Peers, BatchNormAgreesWithCudnn) {
  const DType type = GetParam();
  const bool rounded = type == DType::bf16;
  for (const BatchNormShape s : {BatchNormShape{2, 32}, {7616, 32}, {620, 256}, {1001, 5}}) {
    const std::int64_t count = s.rows * s.c;
    const auto terms = static_cast<double>(s.rows);
    const Tensor x = operand(count, 1, type);
    const Tensor gy = operand(count, 2, type);
    const Tensor gamma = operand(s.c, 3, DType::f32);
    const Tensor beta = operand(s.c, 4, DType::f32);
    const Tensor mean = operand(s.c, 5, DType::f32);
    const Tensor variance = operand(s.c, 6, DType::f32, 0.25);
    const std::string what = fmt::format("({}, {})", s.rows, s.c);
    // Means of values of at most 1: the errors of the sums, divided by the number of rows.
    expect_same(what + " statistics",
                {{s.c, DType::f32, false, 64, false}, {s.c, DType::f32, false, 64, false}},
                [&](const Table& table, std::vector<Tensor>& r) {
                  table.batch_norm.statistics(stream_, s, x.read(), r[0].write(), r[1].write());
                });
    expect_same(what + " apply", {{count, type, false, 64, rounded}},
                [&](const Table& table, std::vector<Tensor>& y) {
                  table.batch_norm.apply(stream_, s, 1e-5F, x.read(), mean.read(), variance.read(),
                                         gamma.read(), beta.read(), y[0].write());
                });
    // The factors 1 / sqrt(0.25) and x - mean (at most 2) make the terms four times as large.
    expect_same(what + " backward",
                {{count, type, false, 64, rounded},
                 {s.c, DType::f32, true, 4 * terms, false},
                 {s.c, DType::f32, true, terms, false}},
                [&](const Table& table, std::vector<Tensor>& g) {
                  table.batch_norm.backward(stream_, s, 1e-5F, x.read(), gy.read(), mean.read(),
                                            variance.read(), gamma.read(), g[0].write(), g[1].write(),
                                            g[2].write());
                });
  }
}

TEST_P(Peers, AveragePoolingAgreesWithCudnn) {
  const DType type = GetParam();
  const bool rounded = type == DType::bf16;
  for (const PoolShape s : {PoolShape{.n = 2, .l = 41, .h = 8, .c = 32, .k = 2, .stride = 2},
                            PoolShape{.n = 3, .l = 20, .h = 1, .c = 64, .k = 3, .stride = 1, .pad = 1}}) {
    const std::int64_t in = s.n * s.l * s.h * s.c;
    const std::int64_t out = s.n * s.l_out() * s.h * s.c;
    const Tensor x = operand(in, 1, type);
    const Tensor gy = operand(out, 2, type);
    expect_same("average", {{out, type, false, 8, rounded}, {in, type, false, 8, rounded}},
                [&](const Table& table, std::vector<Tensor>& r) {
                  table.pool.average(stream_, s, x.read(), r[0].write());
                  table.pool.average_backward(stream_, s, gy.read(), r[1].write());
                });
  }
  for (const GlobalPoolShape s : {GlobalPoolShape{2, 9904, 32}, {4, 20, 256}}) {
    const Tensor x = operand(s.n * s.positions * s.c, 1, type);
    const Tensor gy = operand(s.n * s.c, 2, type);
    // The mean of values of at most 1.
    expect_same("global average",
                {{s.n * s.c, type, false, 64, rounded}, {s.n * s.positions * s.c, type, false, 8, rounded}},
                [&](const Table& table, std::vector<Tensor>& r) {
                  table.pool.global_average(stream_, s, x.read(), r[0].write());
                  table.pool.global_average_backward(stream_, s, gy.read(), r[1].write());
                });
  }
}

TEST_P(Peers, LinearAgreesWithCublas) {
  const DType type = GetParam();
  const bool rounded = type == DType::bf16;
  for (const LinearShape s : {LinearShape{64, 768, 34}, {64, 32, 2}, {64, 16, 256}, {3, 5, 7}, {1, 1, 1}}) {
    const Tensor x = operand(s.n * s.in, 1, type);
    const Tensor gy = operand(s.n * s.out, 2, type);
    const Tensor w = operand(s.in * s.out, 3, DType::f32);
    const Tensor bias = operand(s.out, 4, DType::f32);
    expect_same(fmt::format("({}, {}) to {}", s.n, s.in, s.out),
                {{s.n * s.out, type, false, static_cast<double>(s.in), rounded},
                 {s.n * s.in, type, false, static_cast<double>(s.out), rounded},
                 {s.in * s.out, DType::f32, true, static_cast<double>(s.n), false},
                 {s.out, DType::f32, true, static_cast<double>(s.n), false}},
                [&](const Table& table, std::vector<Tensor>& r) {
                  table.linear.forward(stream_, s, x.read(), w.read(), bias.read(), r[0].write());
                  table.linear.dgrad(stream_, s, gy.read(), w.read(), r[1].write());
                  table.linear.wgrad(stream_, s, x.read(), gy.read(), r[2].write(), r[3].write());
                });
  }
}

}  // namespace
}  // namespace sec::kernels
