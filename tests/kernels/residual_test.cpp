// Compares the end of a residual block with double-precision loops,
// and with the unfused operations of the same device.
#include <algorithm>

#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

class Residual : public Kernels {
 protected:
  void SetUp() override {
    Kernels::SetUp();
    if (!IsSkipped() && kernels().residual.forward_group == nullptr) {
      GTEST_SKIP() << GetParam().name << " has no fused kernels";
    }
  }

  bool on_cpu() const { return GetParam().device == Device::cpu; }
  std::vector<DType> types() const {
    return on_cpu() ? std::vector{DType::f32} : std::vector{DType::f32, DType::bf16};
  }
  // Long samples in several chunks and many short samples. The CUDA kernels support any number of channels.
  static std::vector<GateShape> vector_shapes() {
    return {{3, 700, 32}, {512, 3, 16}, {40, 3, 64}, {2, 1, 16}, {1, 77, 256}};
  }
  std::vector<GateShape> shapes() const {
    std::vector<GateShape> all = vector_shapes();
    if (!on_cpu()) {
      const GateShape odd[] = {{3, 1500, 5}, {70, 2, 12}, {2, 33, 7}, {300, 1, 1}, {2, 2500, 1}};
      all.insert(all.end(), std::begin(odd), std::end(odd));
    }
    return all;
  }

  // Skips `leading` elements before the tensor; unless it is 0, the tensor is unaligned.
  Tensor typed(const Values& values, DType type, std::int64_t leading = 0) {
    Values longer(static_cast<std::size_t>(leading), 0.0);
    longer.insert(longer.end(), values.begin(), values.end());
    Tensor t = tensor(longer);
    if (type != DType::f32) {
      Tensor rounded = Tensor::empty(t.shape(), type, GetParam().device);
      kernels().pointwise.cast(stream(), t.read(), rounded.write());
      t = rounded;
    }
    return t.slice(leading, static_cast<std::int64_t>(values.size()));
  }

  struct Operands {
    Values x, gate, shortcut, gy, gmeans;  // exactly representable in `type`
    DType type;
  };
  static Operands operands_of(const GateShape& s, DType type, unsigned seed = 0) {
    const std::int64_t count = s.n * s.positions * s.c;
    Operands op{random_values(count, seed + 1),     random_values(s.n * s.c, seed + 2, 0, 1),
                random_values(count, seed + 3),     random_values(count, seed + 4),
                random_values(s.n * s.c, seed + 5), type};
    if (type == DType::bf16) {
      for (Values* values : {&op.x, &op.gate, &op.shortcut, &op.gy, &op.gmeans}) {
        for (double& v : *values) {
          v = static_cast<float>(bf16(static_cast<float>(v)));
        }
      }
    }
    return op;
  }

  struct Results {
    std::vector<float> y, mean, variance, gshortcut, ggate, gx;
  };
  // The operands and results of one block in a group; `leading` as in `typed`.
  struct Problem {
    GateShape s;
    bool relu;
    Operands op;
    std::int64_t leading = 0;
    bool statistics = true;
    Problem(const GateShape& shape, bool with_relu, Operands operands)
        : s(shape), relu(with_relu), op(std::move(operands)) {}
    Tensor x, gate, shortcut, gy, gmeans, y, mean, variance, gshortcut, ggate, gx;
  };
  std::vector<Results> run(std::vector<Problem> problems) {
    std::vector<ResidualForward> forward;
    std::vector<ResidualBackward> backward;
    std::vector<ResidualBackwardInput> backward_input;
    for (Problem& j : problems) {
      const auto in = [&](const Values& values) { return typed(values, j.op.type, j.leading); };
      const auto out = [&](std::int64_t count) {
        return in(Values(static_cast<std::size_t>(count), std::nan("")));
      };
      const std::int64_t count = j.s.n * j.s.positions * j.s.c;
      j.x = in(j.op.x);
      j.gate = in(j.op.gate);
      j.shortcut = in(j.op.shortcut);
      j.gy = in(j.op.gy);
      j.gmeans = in(j.op.gmeans);
      j.y = out(count);
      j.mean = result(j.s.c);
      j.variance = result(j.s.c);
      j.gshortcut = out(count);
      j.ggate = out(j.s.n * j.s.c);
      j.gx = out(count);
      forward.push_back({j.s, j.relu, j.x.read(), j.gate.read(), j.shortcut.read(), j.y.write(),
                         j.statistics ? j.mean.write() : Span(), j.statistics ? j.variance.write() : Span()});
      backward.push_back(
          {j.s, j.relu, j.x.read(), j.y.read(), j.gy.read(), j.gshortcut.write(), j.ggate.write()});
      backward_input.push_back({j.s, j.gshortcut.read(), j.gate.read(), j.gmeans.read(), j.gx.write()});
    }
    const ResidualKernels& k = kernels().residual;
    k.forward_group(stream(), forward);
    k.backward_group(stream(), backward);
    k.backward_input_group(stream(), backward_input);
    std::vector<Results> results;
    for (const Problem& j : problems) {
      const auto moments_of = [&](const Tensor& of) {
        return j.statistics ? floats_of(of) : std::vector<float>();
      };
      results.push_back({floats_of(j.y), moments_of(j.mean), moments_of(j.variance), floats_of(j.gshortcut),
                         floats_of(j.ggate), floats_of(j.gx)});
    }
    return results;
  }
  Results run(const GateShape& s, bool relu, const Operands& op, std::int64_t leading = 0) {
    Problem problem(s, relu, op);
    problem.leading = leading;
    return run({problem})[0];
  }
};

Values doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

TEST_P(Residual, EqualsTheReference) {
  for (const DType type : types()) {
    for (const GateShape& s : shapes()) {
      for (const bool relu : {true, false}) {
        const Operands op = operands_of(s, type);
        const Results got = run(s, relu, op);
        // Later kernels read the stored y: the statistics and the ReLU mask are those of the rounded values.
        const Values stored = doubles(got.y);
        Values y(stored.size());
        Values gshortcut(y.size());
        Values ggate(op.gate.size(), 0.0);
        Values gx(y.size());
        for (std::size_t e = 0; e < y.size(); ++e) {
          const auto c = static_cast<std::size_t>(s.c);
          const std::size_t cell = e / (static_cast<std::size_t>(s.positions) * c) * c + e % c;
          y[e] = op.x[e] * op.gate[cell] + op.shortcut[e];
          y[e] = relu ? std::max(y[e], 0.0) : y[e];
          gshortcut[e] = !relu || stored[e] > 0 ? op.gy[e] : 0;
          ggate[cell] += gshortcut[e] * op.x[e];
          gx[e] = gshortcut[e] * op.gate[cell] + op.gmeans[cell] / static_cast<double>(s.positions);
        }
        const auto moments = reference::batch_norm_statistics({s.n * s.positions, s.c}, stored);

        const std::string name = fmt::format(", {} x {} x {}{}, {}", s.n, s.positions, s.c,
                                             relu ? ", relu" : "", sec::name_of(type));
        // bf16 keeps 8 bits.
        // Before that: two or three roundings of numbers up to 2, and sums of `positions` products up to 1.
        const double kept = type == DType::bf16 ? 0x1.01p-8 : 0;
        expect_close(got.y, y, 4 * unit, kept, "y" + name);
        EXPECT_EQ(got.gshortcut, std::vector<float>(gshortcut.begin(), gshortcut.end())) << name;
        expect_close(got.ggate, ggate, 2 * unit * static_cast<double>(s.positions), kept + unit,
                     "ggate" + name);
        expect_close(got.gx, gx, 4 * unit, kept, "gx" + name);
        // Means of numbers up to 2, merged in a tree.
        expect_close(got.mean, moments.mean, 4 * unit, 4 * unit, "mean" + name);
        expect_close(got.variance, moments.variance, 4 * unit, 32 * unit, "variance" + name);
      }
    }
  }
}

// Both versions round the same products and only add sums in a different order.
// The tolerance is relative to the largest element: one term's rounding error in a sum of a few thousand.
void expect_equal(const std::vector<float>& got, const std::vector<float>& expected,
                  const std::string& what) {
  const double largest = std::abs(*std::max_element(
      expected.begin(), expected.end(), [](float a, float b) { return std::abs(a) < std::abs(b); }));
  expect_close(got, doubles(expected), 5e-6 * largest, 0, what);
}

TEST_P(Residual, EqualsTheSeparateOperations) {
  for (const GateShape& s : vector_shapes()) {
    for (const bool relu : {true, false}) {
      const std::int64_t count = s.n * s.positions * s.c;
      const Operands op = operands_of(s, DType::f32);
      const Results got = run(s, relu, op);
      const Tensor x = tensor(op.x);
      const Tensor gate = tensor(op.gate);
      const Tensor gy = tensor(op.gy);
      const Table& k = kernels();
      Tensor gated = result(count);
      Tensor sum = result(count);
      Tensor active = result(count);
      k.pointwise.gate(stream(), s, x.read(), gate.read(), gated.write());
      k.pointwise.add(stream(), gated.read(), tensor(op.shortcut).read(), sum.write());
      k.pointwise.relu(stream(), sum.read(), active.write());
      Tensor mean = result(s.c);
      Tensor variance = result(s.c);
      const Tensor& out = relu ? active : sum;
      k.batch_norm.statistics(stream(), {s.n * s.positions, s.c}, out.read(), mean.write(), variance.write());
      Tensor gsum = result(count);
      k.pointwise.relu_backward(stream(), active.read(), gy.read(), gsum.write());
      const Tensor& g = relu ? gsum : gy;
      Tensor ggated = result(count);
      Tensor ggate = result(s.n * s.c);
      k.pointwise.gate_backward(stream(), s, x.read(), gate.read(), g.read(), ggated.write(), ggate.write());
      Tensor gmean = result(count);
      k.pool.global_average_backward(stream(), {s.n, s.positions, s.c}, tensor(op.gmeans).read(),
                                     gmean.write());
      Tensor gx = result(count);
      k.pointwise.add(stream(), ggated.read(), gmean.read(), gx.write());
      const std::string name = fmt::format(", {} x {} x {}{}", s.n, s.positions, s.c, relu ? ", relu" : "");
      expect_equal(got.y, floats_of(out), "y" + name);
      expect_equal(got.mean, floats_of(mean), "mean" + name);
      expect_equal(got.variance, floats_of(variance), "variance" + name);
      expect_equal(got.gshortcut, floats_of(g), "gshortcut" + name);
      expect_equal(got.ggate, floats_of(ggate), "ggate" + name);
      expect_equal(got.gx, floats_of(gx), "gx" + name);
    }
  }
}

// E[y^2] - E[y]^2 in f32 would be off by 1e6 * unit = 0.06. The mean of one thread's rows is only off by
// 1000 * unit = 6e-5 at most. The threads' means are less than a deviation apart.
// In bf16 numbers of this size are 4 apart, so y is spread over several of them.
TEST_P(Residual, ALargeMeanDoesNotCancelTheVariance) {
  for (const DType type : types()) {
    const double deviation = type == DType::bf16 ? 20 : 1;
    for (const GateShape& s : {GateShape{2, 2000, 16}, GateShape{512, 3, 16}}) {
      for (unsigned seed = 0; seed < 500; seed += 100) {
        Operands op = operands_of(s, type, seed);
        for (double& v : op.shortcut) {
          v = static_cast<float>(1000 + std::sqrt(3.0) * deviation * v);  // v's deviation is 1 / sqrt(3)
        }
        const Results got = run(s, true, op);
        const auto expected = reference::batch_norm_statistics({s.n * s.positions, s.c}, doubles(got.y));
        const std::string name = fmt::format(", {} x {}, {}", s.n, s.positions, sec::name_of(type));
        // Merging two means rounds by half a unit. Twenty draws gave at most 1.3 units.
        expect_close(got.mean, expected.mean, 0, 4 * unit, "mean" + name);
        // Sums of squares of the values, about 1e6, would round by 0.06. Twenty draws gave at most 1e-5.
        expect_close(got.variance, expected.variance, 0, 1e-3, "variance" + name);
        // The variance is that of the shortcut, plus that of x (1/3) times the mean square of the gates.
        // The variance of n uniform values has a relative deviation of sqrt(0.8 / n): 0.023 for 1536 rows.
        // Six of these are 0.14. Rounding to bf16 adds at most 0.01.
        Values drawn(16, deviation * deviation);
        for (std::int64_t i = 0; i < s.n * s.c; ++i) {
          drawn[static_cast<std::size_t>(i % s.c)] += op.gate[static_cast<std::size_t>(i)] *
                                                      op.gate[static_cast<std::size_t>(i)] / 3 /
                                                      static_cast<double>(s.n);
        }
        expect_close(got.variance, drawn, 0, 0.15, "deviation" + name);
      }
    }
  }
}

TEST_P(Residual, NaNPasses) {
  const GateShape s{1, 2, 16};
  for (const bool relu : {true, false}) {
    Operands op = operands_of(s, DType::f32);
    op.shortcut[3] = std::nan("");
    const Results got = run(s, relu, op);
    EXPECT_TRUE(std::isnan(got.y[3]));
    EXPECT_TRUE(std::isnan(got.mean[3]));
    EXPECT_FALSE(std::isnan(got.y[2]));
  }
}

// Tensors may begin at any element. Unaligned ones are read element by element and summed in another order.
TEST_P(Residual, UnalignedOperandsGiveTheSame) {
  for (const DType type : types()) {
    const GateShape s{2, 700, 32};
    const Operands op = operands_of(s, type);
    const Results expected = run(s, true, op);
    const Results got = run(s, true, op, 1);
    EXPECT_EQ(got.y, expected.y);
    EXPECT_EQ(got.gshortcut, expected.gshortcut);
    EXPECT_EQ(got.gx, expected.gx);
    const double kept = type == DType::bf16 ? 0x1.01p-7 : 0;  // one of the two may round the other way
    expect_close(got.mean, doubles(expected.mean), 8 * unit, 8 * unit, "mean");
    expect_close(got.variance, doubles(expected.variance), 0, 64 * unit, "variance");
    expect_close(got.ggate, doubles(expected.ggate), 1400 * unit, kept, "ggate");
  }
}

TEST_P(Residual, WithoutStatisticsYIsTheSame) {
  for (const DType type : types()) {
    for (const GateShape& s : shapes()) {
      const Operands op = operands_of(s, type);
      Tensor y = typed(Values(op.x.size(), std::nan("")), type);
      kernels().residual.forward(stream(), {s,
                                            true,
                                            typed(op.x, type).read(),
                                            typed(op.gate, type).read(),
                                            typed(op.shortcut, type).read(),
                                            y.write(),
                                            {},
                                            {}});
      EXPECT_EQ(floats_of(y), run(s, true, op).y);
    }
  }
}

// Blocks of different shapes, with and without ReLU, statistics and alignment.
// There are more blocks of each kind than a launch takes.
TEST_P(Residual, KeepsItsBitsInGroups) {
  for (const DType type : types()) {
    std::vector<Problem> group;
    for (const GateShape& s : {GateShape{3, 700, 32}, GateShape{40, 3, 32}, GateShape{1, 1500, 32}}) {
      for (int i = 0; i < 4; ++i) {
        group.emplace_back(s, i % 2 == 0, operands_of(s, type));
      }
    }
    for (const GateShape& s : shapes()) {
      group.emplace_back(s, true, operands_of(s, type));
      group.back().leading = s.n % 2;
      group.back().statistics = s.c % 3 != 0;
    }
    std::vector<std::vector<float>> alone;
    std::vector<std::vector<float>> grouped;
    const auto add = [](std::vector<std::vector<float>>& to, const Results& r) {
      to.insert(to.end(), {r.y, r.mean, r.variance, r.gshortcut, r.ggate, r.gx});
    };
    for (const Problem& problem : group) {
      add(alone, run({problem})[0]);
    }
    for (const Results& results : run(group)) {
      add(grouped, results);
    }
    EXPECT_EQ(grouped, alone) << sec::name_of(type);
  }
}

TEST_P(Residual, EmptyGroupsDoNothing) {
  EXPECT_TRUE(run(std::vector<Problem>()).empty());
}

TEST_P(Residual, NoSamplesHaveNoStatistics) {
  const GateShape s{0, 5, 16};
  const ResidualKernels& k = kernels().residual;
  Tensor none = tensor(Values());
  k.forward(stream(), {s, true, none.read(), none.read(), none.read(), none.write(), {}, {}});
  k.backward(stream(), {s, true, none.read(), none.read(), none.read(), none.write(), none.write()});
  k.backward_input(stream(), {s, none.read(), none.read(), none.read(), none.write()});
  Tensor mean = result(s.c);
  Tensor variance = result(s.c);
  EXPECT_THROW(k.forward(stream(), {s, true, none.read(), none.read(), none.read(), none.write(),
                                    mean.write(), variance.write()}),
               Error);
}

TEST_P(Residual, RefusesOperandsThatDoNotFit) {
  const GateShape s{2, 5, 16};
  const Tensor x = tensor(random_values(160, 1));
  const Tensor gate = tensor(random_values(32, 2));
  Tensor y = result(160);
  Tensor few = result(31);
  Tensor mean = result(16);
  const ResidualKernels& k = kernels().residual;
  EXPECT_THROW(k.forward(stream(), {s, true, x.read(), few.read(), x.read(), y.write(), {}, {}}), Error);
  EXPECT_THROW(k.forward(stream(), {s, true, gate.read(), gate.read(), x.read(), y.write(), {}, {}}), Error);
  EXPECT_THROW(
      k.forward(stream(), {s, true, x.read(), gate.read(), x.read(), y.write(), mean.write(), few.write()}),
      Error);
  EXPECT_THROW(k.backward(stream(), {s, true, x.read(), x.read(), x.read(), y.write(), few.write()}), Error);
  EXPECT_THROW(k.backward_input(stream(), {s, x.read(), gate.read(), few.read(), y.write()}), Error);
  EXPECT_THROW(k.backward_input(stream(), {{2, 0, 16}, few.read(), gate.read(), gate.read(), few.write()}),
               Error);
}

TEST_P(Residual, SameBitsForAnyNumberOfThreads) {
  for (const GateShape& s : {GateShape{3, 700, 32}, GateShape{512, 3, 16}}) {
    const Operands op = operands_of(s, DType::f32);
    expect_same_bits_for_any_threads(
        [&] {
          const Results r = run(s, true, op);
          return std::vector{r.y, r.mean, r.variance, r.gshortcut, r.ggate, r.gx};
        },
        "residual");
  }
}

SEC_ON_ALL_TARGETS(Residual);

}  // namespace
}  // namespace sec::kernels
