// Compares the fused operations of a pre-activation network with the unfused ones of the same device,
// which other tests compare with double precision.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/conv_tiles.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

struct Case {
  const char* name;
  ConvShape shape;
  float p;
  bool bias;
};

// Every form of minimal filtering and direct correlation; long samples in several chunks; many short samples;
// the network's strides and others; with and without dropout.
const Case cases[] = {
    {"trunk", {.n = 2, .l = 101, .h = 8, .c_in = 32, .c_out = 32, .k = 15, .stride = 2, .pad = 7}, 0, false},
    {"downsample", {.n = 2, .l = 61, .h = 8, .c_in = 32, .c_out = 32, .k = 1, .stride = 2}, 0, true},
    {"3 taps",
     {.n = 2, .l = 130, .h = 8, .c_in = 32, .c_out = 32, .k = 3, .stride = 1, .pad = 1},
     0.2F,
     false},
    {"5 taps", {.n = 3, .l = 62, .h = 2, .c_in = 16, .c_out = 48, .k = 5, .stride = 1, .pad = 2}, 0.3F, true},
    {"7 taps",
     {.n = 2, .l = 64, .h = 4, .c_in = 48, .c_out = 16, .k = 7, .stride = 1, .pad = 3},
     0.2F,
     false},
    {"wide",
     {.n = 3, .l = 39, .h = 1, .c_in = 256, .c_out = 256, .k = 5, .stride = 1, .pad = 2},
     0.2F,
     false},
    {"wide, stride 2",
     {.n = 3, .l = 40, .h = 1, .c_in = 128, .c_out = 128, .k = 7, .stride = 2, .pad = 3},
     0,
     false},
    {"direct, stride 2",
     {.n = 3, .l = 21, .h = 1, .c_in = 64, .c_out = 64, .k = 3, .stride = 2, .pad = 1},
     0.1F,
     true},
    {"short samples",
     {.n = 90, .l = 3, .h = 1, .c_in = 64, .c_out = 64, .k = 7, .stride = 1, .pad = 3},
     0.2F,
     false},
    {"one step",
     {.n = 33, .l = 1, .h = 2, .c_in = 16, .c_out = 32, .k = 7, .stride = 1, .pad = 3},
     0.5F,
     false},
    {"stride 3",
     {.n = 2, .l = 50, .h = 2, .c_in = 32, .c_out = 16, .k = 9, .stride = 3, .pad = 1},
     0.2F,
     false},
};

constexpr float epsilon = 1e-5F;

// The arithmetic of convolutions: f32; tensor cores with operands rounded to TF32;
// activations stored as bf16.
struct Arithmetic {
  const char* name;
  DType type;
  bool tf32;
};

class PreActivationKernel : public Kernels {
 protected:
  void SetUp() override {
    Kernels::SetUp();
    if (kernels().pre_activation.forward_group == nullptr) {
      GTEST_SKIP() << GetParam().name << " has no fused kernels";
    }
  }

  std::vector<Arithmetic> arithmetics() const {
    std::vector<Arithmetic> all = {{"f32", DType::f32, false}};
    if (GetParam().device != Device::cpu) {
      all.push_back({"tf32", DType::f32, true});
      all.push_back({"bf16", DType::bf16, false});
    }
    return all;
  }
  void compute_in(const Arithmetic& arithmetic) {
    type_ = arithmetic.type;
    stream().tf32 = arithmetic.tf32;
  }

  Tensor cast(const Tensor& from, DType type) {
    Tensor to = Tensor::empty(from.shape(), type, GetParam().device);
    kernels().pointwise.cast(stream(), from.read(), to.write());
    return to;
  }
  // Rounds f32 values to the type of activations. `typed` then converts them without error.
  Tensor rounded(const Tensor& values) {
    return type_ == DType::f32 ? values : cast(cast(values, type_), DType::f32);
  }
  Tensor typed(const Tensor& values) { return type_ == DType::f32 ? values : cast(values, type_); }

  struct Operands {
    Tensor x, w, bias, gamma, beta, mean, variance, gy;
    Tensor also;                           // another gradient of x; may be undefined
    Tensor typed_x, typed_gy, typed_also;  // typed copies in the type of activations
  };
  Operands operands_of(const Case& c) {
    const ConvShape& s = c.shape;
    const std::int64_t rows = s.n * s.l * s.h;
    Operands op{rounded(tensor(random_values(rows * s.c_in, 1, -2, 3))),
                rounded(tensor(random_values(s.k * s.c_in * s.c_out, 2))),
                c.bias ? tensor(random_values(s.c_out, 3)) : Tensor(),
                tensor(random_values(s.c_in, 4, 0.5, 2)),
                tensor(random_values(s.c_in, 5)),
                result(s.c_in),
                result(s.c_in),
                rounded(tensor(random_values(s.n * s.l_out() * s.h * s.c_out, 6))),
                c.bias ? rounded(tensor(random_values(rows * s.c_in, 11))) : Tensor(),
                {},
                {},
                {}};
    kernels().batch_norm.statistics(stream(), {rows, s.c_in}, op.x.read(), op.mean.write(),
                                    op.variance.write());
    op.typed_x = typed(op.x);
    op.typed_gy = typed(op.gy);
    op.typed_also = op.also.defined() ? typed(op.also) : Tensor();
    return op;
  }

  // The results of the fused or the unfused operations.
  struct Results {
    std::vector<float> y, mean, variance, squeeze, gx, gw, gbias, ggamma, gbeta;
  };
  struct Outputs {
    Tensor y, mean, variance, squeeze, passed, gx, gw, gbias, ggamma, gbeta;
  };
  Outputs outputs_of(const ConvShape& s) {
    const std::int64_t elements = s.n * s.l * s.h * s.c_in;
    return {typed(result(s.n * s.l_out() * s.h * s.c_out)),
            result(s.c_out),
            result(s.c_out),
            typed(result(s.n * s.c_out)),
            tensor(Integers(static_cast<std::size_t>((elements + 31) / 32), -1)),
            typed(result(elements)),
            tensor(random_values(s.k * s.c_in * s.c_out, 7)),  // backward adds to these
            tensor(random_values(s.c_out, 8)),
            tensor(random_values(s.c_in, 9)),
            tensor(random_values(s.c_in, 10))};
  }
  Results results_of(const Outputs& o) {
    return {floats_of(o.y),  floats_of(o.mean),  floats_of(o.variance), floats_of(o.squeeze), floats_of(o.gx),
            floats_of(o.gw), floats_of(o.gbias), floats_of(o.ggamma),   floats_of(o.gbeta)};
  }

  static PreActivation before(const Case& c, const Operands& op) {
    return {op.mean.read(), op.variance.read(), op.gamma.read(), op.beta.read(), epsilon, c.p, {3, 1, 4}};
  }
  static PreActivationForward forward_problem(const Case& c, const Operands& op, Outputs& o) {
    return {c.shape,     op.typed_x.read(), before(c, op),  op.w.read(),        op.bias.read(),
            o.y.write(), o.passed.write(),  o.mean.write(), o.variance.write(), o.squeeze.write()};
  }
  static PreActivationBackward backward_problem(const Case& c, const Operands& op, Outputs& o) {
    return {c.shape,
            op.typed_x.read(),
            before(c, op),
            op.w.read(),
            o.passed.read(),
            op.typed_gy.read(),
            op.typed_also.read(),
            o.gx.write(),
            o.gw.write(),
            c.bias ? o.gbias.write() : Span(),
            o.ggamma.write(),
            o.gbeta.write()};
  }

  Results fused(const Case& c, const Operands& op) {
    Outputs o = outputs_of(c.shape);
    const PreActivationForward forward = forward_problem(c, op, o);
    kernels().pre_activation.forward_group(stream(), {&forward, 1});
    const PreActivationBackward backward = backward_problem(c, op, o);
    kernels().pre_activation.backward_group(stream(), {&backward, 1});
    return results_of(o);
  }

  // The unfused operations compute in f32 or TF32. Values are rounded to the type of activations
  // wherever the fused operations store them or multiply them on tensor cores.
  Results unfused(const Case& c, const Operands& op) {
    const ConvShape& s = c.shape;
    const BatchNormShape in{s.n * s.l * s.h, s.c_in};
    Outputs o = outputs_of(s);
    o.y = result(o.y.count());
    o.squeeze = result(o.squeeze.count());
    o.gx = result(o.gx.count());
    Tensor normal = result(in.rows * in.c);
    Tensor active = result(in.rows * in.c);
    Tensor kept = result(in.rows * in.c);
    const RandomKey key{3, 1, 4};
    const Table& k = kernels();
    k.batch_norm.apply(stream(), in, epsilon, op.x.read(), op.mean.read(), op.variance.read(),
                       op.gamma.read(), op.beta.read(), normal.write());
    k.pointwise.relu(stream(), normal.read(), active.write());
    k.pointwise.dropout(stream(), c.p, key, active.read(), kept.write());
    kept = rounded(kept);
    k.conv.forward(stream(), s, kept.read(), op.w.read(), op.bias.read(), o.y.write());
    o.y = rounded(o.y);
    k.batch_norm.statistics(stream(), {s.n * s.l_out() * s.h, s.c_out}, o.y.read(), o.mean.write(),
                            o.variance.write());
    k.pool.global_average(stream(), {s.n, s.l_out() * s.h, s.c_out}, o.y.read(), o.squeeze.write());
    Tensor gkept = result(in.rows * in.c);
    Tensor gactive = result(in.rows * in.c);
    Tensor gnormal = result(in.rows * in.c);
    k.conv.dgrad(stream(), s, op.gy.read(), op.w.read(), gkept.write());
    gkept = rounded(gkept);  // the tensor-core dgrad stores the type of activations
    k.conv.wgrad(stream(), s, kept.read(), op.gy.read(), o.gw.write(), c.bias ? o.gbias.write() : Span());
    k.pointwise.dropout(stream(), c.p, key, gkept.read(), gactive.write());
    k.pointwise.relu_backward(stream(), active.read(), gactive.read(), gnormal.write());
    gnormal = rounded(gnormal);
    k.batch_norm.backward(stream(), in, epsilon, op.x.read(), gnormal.read(), op.mean.read(),
                          op.variance.read(), op.gamma.read(), o.gx.write(), o.ggamma.write(),
                          o.gbeta.write());
    if (op.also.defined()) {
      k.pointwise.accumulate(stream(), op.also.read(), o.gx.write());
    }
    return results_of(o);
  }

  void keeps_its_bits(const std::string& arithmetic);

 private:
  DType type_ = DType::f32;  // type of activations
};

constexpr double f32_tolerance = 5e-6;

// Both versions round the same products, but fused kernels add some sums in a different order.
// The tolerance is relative to the largest element: one term's rounding error in a sum of thousands.
void expect_equal(const std::vector<float>& got, const std::vector<float>& expected, const std::string& what,
                  double tolerance = f32_tolerance) {
  const double largest = std::abs(*std::max_element(
      expected.begin(), expected.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  expect_close(got, Values(expected.begin(), expected.end()), tolerance * largest, 0, what);
}

// A bf16 sum in a different order may round to the neighbouring number, at worst 2^-7 of its value away.
// A few of the sums over many such elements then differ by 1e-3.
constexpr double neighbour = 0x1p-7;
constexpr double sums_of_neighbours = 1e-3;

TEST_P(PreActivationKernel, EqualsTheSeparateOperations) {
  for (const Arithmetic& arithmetic : arithmetics()) {
    compute_in(arithmetic);
    const bool exact = arithmetic.type == DType::f32;
    const double stored = exact ? f32_tolerance : neighbour;
    const double summed = exact ? f32_tolerance : sums_of_neighbours;
    for (const Case& c : cases) {
      const Operands op = operands_of(c);
      const Results got = fused(c, op);
      const Results expected = unfused(c, op);
      const std::string name = fmt::format(", {}, {}", c.name, arithmetic.name);
      expect_equal(got.y, expected.y, "y" + name, stored);
      expect_equal(got.mean, expected.mean, "mean" + name, summed);
      expect_equal(got.variance, expected.variance, "variance" + name, summed);
      expect_equal(got.squeeze, expected.squeeze, "squeeze" + name, stored);
      expect_equal(got.gx, expected.gx, "gx" + name, stored);
      expect_equal(got.gw, expected.gw, "gw" + name, summed);
      expect_equal(got.gbias, expected.gbias, "gbias" + name);
      expect_equal(got.ggamma, expected.ggamma, "ggamma" + name, summed);
      expect_equal(got.gbeta, expected.gbeta, "gbeta" + name, summed);
    }
  }
}

// Dropout must hit the same elements as the unfused dropout. The test above might miss a few differences.
TEST_P(PreActivationKernel, MarksWhatPasses) {
  const Case c{"identity", {.n = 2, .l = 37, .h = 3, .c_in = 16, .c_out = 16, .k = 1}, 0.4F, false};
  const Operands op = operands_of(c);
  Outputs o = outputs_of(c.shape);
  const PreActivationForward problem = forward_problem(c, op, o);
  kernels().pre_activation.forward_group(stream(), {&problem, 1});
  const Integers words = integers_of(o.passed);
  const std::vector<float> x = floats_of(op.x);
  const std::vector<float> mean = floats_of(op.mean);
  const std::vector<float> variance = floats_of(op.variance);
  const std::vector<float> gamma = floats_of(op.gamma);
  const std::vector<float> beta = floats_of(op.beta);
  for (std::size_t e = 0; e < x.size(); ++e) {
    const std::size_t channel = e % 16;
    const double z =
        (x[e] - mean[channel]) / std::sqrt(double{variance[channel]} + epsilon) * gamma[channel] +
        beta[channel];
    if (z > 1e-4) {
      const bool passed = (static_cast<std::uint32_t>(words[e / 32]) >> (e % 32) & 1U) != 0;
      EXPECT_EQ(passed, uniform({3, 1, 4}, e) >= c.p) << e;
    }
  }
}

// The chosen tiles differ from the built-in ones in half of the cases.
// They also differ between cases with equal numbers of channels.
TEST_P(PreActivationKernel, AnyTilesComputeTheSame) {
  if (GetParam().device == Device::cpu) {
    GTEST_SKIP() << "the cpu device has no tiles to choose";
  }
  for (const Arithmetic& arithmetic : arithmetics()) {
    compute_in(arithmetic);
    const bool exact = arithmetic.type == DType::f32;
    const double stored = exact ? f32_tolerance : neighbour;
    const double summed = exact ? f32_tolerance : sums_of_neighbours;
    TileChoices choices;
    for (std::size_t i = 0; i < std::size(cases); ++i) {
      const int columns = i % 2 == 0 ? 32 : 64;
      const ConvTiles tiles{columns, i % 3 == 0 ? 32 : 64, 1, 2048};
      for (const ConvPass pass : {ConvPass::forward, ConvPass::dgrad, ConvPass::wgrad}) {
        for (const Precision precision : {Precision::f32, Precision::tf32, Precision::bf16}) {
          choices[conv_task(pass, precision, cases[i].shape)] = tiles;
        }
      }
    }
    for (const Case& c : cases) {
      const Operands op = operands_of(c);
      const Results expected = unfused(c, op);
      const std::vector<float> built_in = fused(c, op).y;
      use_tiles(choices);
      const Results got = fused(c, op);
      use_tiles({});
      const std::string name = fmt::format(", {}, {}", c.name, arithmetic.name);
      EXPECT_EQ(got.y, built_in) << name;
      expect_equal(got.mean, expected.mean, "mean" + name, summed);
      expect_equal(got.variance, expected.variance, "variance" + name, summed);
      expect_equal(got.squeeze, expected.squeeze, "squeeze" + name, stored);
      expect_equal(got.gx, expected.gx, "gx" + name, stored);
      expect_equal(got.gw, expected.gw, "gw" + name, summed);
      expect_equal(got.ggamma, expected.ggamma, "ggamma" + name, summed);
      expect_equal(got.gbeta, expected.gbeta, "gbeta" + name, summed);
    }
    use_tiles(choices);
    keeps_its_bits(fmt::format("{}, tiles", arithmetic.name));
    use_tiles({});
  }
}

TEST_P(PreActivationKernel, KeepsItsBitsInGroupsAndOnAnyThreads) {
  for (const Arithmetic& arithmetic : arithmetics()) {
    compute_in(arithmetic);
    keeps_its_bits(arithmetic.name);
  }
}

void PreActivationKernel::keeps_its_bits(const std::string& arithmetic) {
  std::vector<Operands> operands;
  std::vector<Results> alone;
  set_threads(1);
  for (const Case& c : cases) {
    operands.push_back(operands_of(c));
    alone.push_back(fused(c, operands.back()));
  }
  for (const int count : {2, 3, 7}) {
    set_threads(count);
    for (const std::size_t first :
         {std::size_t{0}, std::size_t{7}}) {  // from 0: all cases; from 7: small convolutions only
      std::vector<Outputs> outputs;
      std::vector<PreActivationForward> forward;
      std::vector<PreActivationBackward> backward;
      const std::size_t end = std::size(cases);
      outputs.reserve(end);
      for (std::size_t i = first; i < end; ++i) {
        outputs.push_back(outputs_of(cases[i].shape));
        forward.push_back(forward_problem(cases[i], operands[i], outputs.back()));
      }
      kernels().pre_activation.forward_group(stream(), forward);
      for (std::size_t i = first; i < end; ++i) {
        backward.push_back(backward_problem(cases[i], operands[i], outputs[i - first]));
      }
      kernels().pre_activation.backward_group(stream(), backward);
      for (std::size_t i = first; i < end; ++i) {
        const Results got = results_of(outputs[i - first]);
        const std::string what = fmt::format("{}, {}, {} threads", cases[i].name, arithmetic, count);
        EXPECT_EQ(got.y, alone[i].y) << what;
        EXPECT_EQ(got.mean, alone[i].mean) << what;
        EXPECT_EQ(got.variance, alone[i].variance) << what;
        EXPECT_EQ(got.squeeze, alone[i].squeeze) << what;
        EXPECT_EQ(got.gx, alone[i].gx) << what;
        EXPECT_EQ(got.gw, alone[i].gw) << what;
        EXPECT_EQ(got.ggamma, alone[i].ggamma) << what;
      }
    }
  }
  set_threads(0);
}

TEST_P(PreActivationKernel, PreparedWeightsGiveTheSameBits) {
  for (const Case& c : cases) {
    const Operands op = operands_of(c);
    Outputs plain = outputs_of(c.shape);
    Outputs quick = outputs_of(c.shape);
    PreActivationForward problem = forward_problem(c, op, plain);
    problem.activation_mask = {};  // inference writes no mask
    problem.mean = problem.variance = {};
    problem.before.p = 0;
    kernels().pre_activation.forward_group(stream(), {&problem, 1});
    const std::int64_t size = kernels().pre_activation.prepared_size(c.shape);
    if (size == 0) {
      continue;  // the kernel reads the weights in their original layout
    }
    Tensor prepared = result(size);
    kernels().pre_activation.prepare(stream(), c.shape, op.w.read(), prepared.write());
    problem.prepared = prepared.read();
    problem.w = op.w.read();
    problem.y = quick.y.write();
    problem.squeeze = quick.squeeze.write();
    kernels().pre_activation.forward_group(stream(), {&problem, 1});
    EXPECT_EQ(floats_of(plain.y), floats_of(quick.y)) << c.name;
    EXPECT_EQ(floats_of(plain.squeeze), floats_of(quick.squeeze)) << c.name;
  }
}

// ReLU must not hide a broken value: where the unfused operations give NaN, so do the fused ones. Minimal filtering
// may spread a NaN over more outputs of a tile, so the fused ones may have more.
TEST_P(PreActivationKernel, NaNAndInfinityPass) {
  for (const Arithmetic& arithmetic : arithmetics()) {
    compute_in(arithmetic);
    for (const Case& c : {cases[0], cases[2], cases[3]}) {
      for (const float broken :
           {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
        Operands op = operands_of(c);
        std::vector<float> x = op.x.to_vector(stream());
        x[x.size() / 2] = broken;
        op.x = tensor(Values(x.begin(), x.end()));
        op.typed_x = typed(op.x);
        const Results expected = unfused(c, op);
        const Results got = fused(c, op);
        const auto holds = [&](const std::vector<float>& reference, const std::vector<float>& ours,
                               const char* what) {
          std::int64_t missed = 0, all = 0;
          for (std::size_t i = 0; i < reference.size(); ++i) {
            all += std::isfinite(reference[i]) ? 0 : 1;
            missed += !std::isfinite(reference[i]) && std::isfinite(ours[i]) ? 1 : 0;
          }
          EXPECT_EQ(missed, 0) << c.name << ", " << arithmetic.name << ": " << what << " of " << all;
          return all;
        };
        if (c.p == 0) {  // dropout may have dropped the element
          EXPECT_GT(holds(expected.y, got.y, "y"), 0) << c.name;
        }
        holds(expected.y, got.y, "y");
        holds(expected.gx, got.gx, "gx");
        holds(expected.gw, got.gw, "gw");
        holds(expected.ggamma, got.ggamma, "ggamma");
      }
    }
  }
}

TEST_P(PreActivationKernel, RefusesOperandsThatDoNotFit) {
  const Case c = cases[0];
  const Operands op = operands_of(c);
  Outputs o = outputs_of(c.shape);
  PreActivationForward problem = forward_problem(c, op, o);
  problem.shape.c_in = 24;
  EXPECT_THROW(kernels().pre_activation.forward_group(stream(), {&problem, 1}), Error);
  problem = forward_problem(c, op, o);
  problem.activation_mask.count -= 1;
  EXPECT_THROW(kernels().pre_activation.forward_group(stream(), {&problem, 1}), Error);
  problem = forward_problem(c, op, o);
  problem.before.p = 1;
  EXPECT_THROW(kernels().pre_activation.forward_group(stream(), {&problem, 1}), Error);
}

SEC_ON_ALL_TARGETS(PreActivationKernel);

}  // namespace
}  // namespace sec::kernels
