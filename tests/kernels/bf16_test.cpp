// Operations on activations stored as bf16. Arithmetic is in f32. For operands that are exact in bf16,
// the result is the f32 result rounded to 8 bits, which changes it by up to 2^-8 of its value.
// The f32 result itself may differ, because sums may be added in a different order.
// conv_versions_test.cpp covers convolutions.
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

constexpr double rounding = 0x1.01p-8;

class Bf16 : public Kernels {
 protected:
  Tensor typed(const Values& values, DType type) {
    Tensor as_f32 = tensor(values);
    if (type == DType::f32) {
      return as_f32;
    }
    Tensor t = Tensor::empty(as_f32.shape(), type, GetParam().device);
    kernels().pointwise.cast(stream(), as_f32.read(), t.write());
    return t;
  }
  Tensor unwritten(std::int64_t count, DType type) {
    return typed(Values(static_cast<std::size_t>(count), std::nan("")), type);
  }
  static Values short_values(std::int64_t count, std::uint32_t which, double low = -1, double high = 1) {
    Values values = random_values(count, which, low, high);
    for (double& v : values) {
      v = static_cast<float>(bf16(static_cast<float>(v)));
    }
    return values;
  }
  // Compares the results of compute(DType::bf16) with those of compute(DType::f32).
  template <typename Compute>
  void expect_f32_rounded(const Compute& compute, const std::string& what, double absolute = 1e-6) {
    const std::vector<Tensor> exact = compute(DType::f32);
    const std::vector<Tensor> got = compute(DType::bf16);
    for (std::size_t i = 0; i < exact.size(); ++i) {
      const std::vector<float> expected = floats_of(exact[i]);
      expect_close(floats_of(got[i]), Values(expected.begin(), expected.end()), absolute, rounding,
                   fmt::format("{}, result {}", what, i));
    }
  }
};

TEST_P(Bf16, CastsRoundToNearestEvenAndBack) {
  for (const std::int64_t count : {1, 7, 8, 1000, 4099}) {
    const Values x = random_values(count, 1, -100, 100);
    const std::vector<float> got = floats_of(typed(x, DType::bf16));
    Tensor back = result(count);
    kernels().pointwise.cast(stream(), typed(x, DType::bf16).read(), back.write());
    for (std::int64_t i = 0; i < count; ++i) {
      ASSERT_EQ(got[i], static_cast<float>(bf16(static_cast<float>(x[i]))));
    }
    EXPECT_EQ(floats_of(back), got);
  }
}

TEST_P(Bf16, Pointwise) {
  for (const std::int64_t count : {1, 9, 2048, 5003}) {
    const Values a = short_values(count, 1);
    const Values b = short_values(count, 2);
    const std::string name = fmt::format("{} elements", count);
    const auto apply = [&](auto operation, bool binary) {
      return [&, operation, binary](DType type) {
        const Tensor left = typed(a, type);
        const Tensor right = typed(b, type);
        Tensor y = unwritten(count, type);
        operation(left.read(), binary ? right.read() : ConstSpan{}, y.write());
        return std::vector<Tensor>{y};
      };
    };
    const PointwiseKernels& p = kernels().pointwise;
    expect_f32_rounded(apply([&](ConstSpan x, ConstSpan, Span y) { p.relu(stream(), x, y); }, false),
                       "relu " + name);
    expect_f32_rounded(
        apply([&](ConstSpan x, ConstSpan g, Span y) { p.relu_backward(stream(), x, g, y); }, true),
        "relu backward " + name);
    expect_f32_rounded(apply([&](ConstSpan x, ConstSpan, Span y) { p.sigmoid(stream(), x, y); }, false),
                       "sigmoid " + name);
    expect_f32_rounded(
        apply([&](ConstSpan x, ConstSpan g, Span y) { p.sigmoid_backward(stream(), x, g, y); }, true),
        "sigmoid backward " + name);
    expect_f32_rounded(apply([&](ConstSpan x, ConstSpan g, Span y) { p.add(stream(), x, g, y); }, true),
                       "add " + name);
    const RandomKey key{3, 4, 5};
    expect_f32_rounded(
        apply([&](ConstSpan x, ConstSpan, Span y) { p.dropout(stream(), 0.2F, key, x, y); }, false),
        "dropout " + name);
    expect_f32_rounded(
        [&](DType type) {
          const Tensor x = typed(a, type);
          Tensor y = typed(b, type);
          p.accumulate(stream(), x.read(), y.write());
          return std::vector<Tensor>{y};
        },
        "accumulate " + name);
  }
}

TEST_P(Bf16, GateAndGlobalAverage) {
  for (const GateShape s : {GateShape{3, 700, 32}, GateShape{2, 20, 256}, GateShape{2, 33, 5},
                            GateShape{1, 1, 1}, GateShape{2, 2500, 8}, GateShape{2, 3000, 1}}) {
    const std::string name = fmt::format("{} x {} x {}", s.n, s.positions, s.c);
    const Values x = short_values(s.n * s.positions * s.c, 1);
    const Values factors = short_values(s.n * s.c, 2, 0, 1);
    const Values gy = short_values(s.n * s.positions * s.c, 3);
    expect_f32_rounded(
        [&](DType type) {
          Tensor y = unwritten(s.n * s.positions * s.c, type);
          kernels().pointwise.gate(stream(), s, typed(x, type).read(), typed(factors, type).read(),
                                   y.write());
          Tensor gx = unwritten(s.n * s.positions * s.c, type);
          Tensor ggate = unwritten(s.n * s.c, type);
          kernels().pointwise.gate_backward(stream(), s, typed(x, type).read(), typed(factors, type).read(),
                                            typed(gy, type).read(), gx.write(), ggate.write());
          const GlobalPoolShape pool{s.n, s.positions, s.c};
          Tensor mean = unwritten(s.n * s.c, type);
          kernels().pool.global_average(stream(), pool, typed(x, type).read(), mean.write());
          Tensor spread = unwritten(s.n * s.positions * s.c, type);
          kernels().pool.global_average_backward(stream(), pool, typed(factors, type).read(), spread.write());
          return std::vector<Tensor>{y, gx, ggate, mean, spread};
        },
        // ggate sums thousands of products in f32, in two different orders.
        name, 2 * unit * static_cast<double>(s.positions));
  }
}

TEST_P(Bf16, BatchNorm) {
  for (const BatchNormShape s : {BatchNormShape{2000, 32}, BatchNormShape{78, 256}, BatchNormShape{333, 5},
                                 BatchNormShape{517, 1}, BatchNormShape{3, 512}}) {
    const std::string name = fmt::format("{} rows of {} channels", s.rows, s.c);
    const Values x = short_values(s.rows * s.c, 1, 1, 3);
    const Values gy = short_values(s.rows * s.c, 2);
    const Values gamma = random_values(s.c, 3);
    const Values beta = random_values(s.c, 4);
    expect_f32_rounded(
        [&](DType type) {
          Tensor mean = result(s.c);
          Tensor variance = result(s.c);
          kernels().batch_norm.statistics(stream(), s, typed(x, type).read(), mean.write(), variance.write());
          Tensor y = unwritten(s.rows * s.c, type);
          kernels().batch_norm.apply(stream(), s, 1e-5F, typed(x, type).read(), mean.read(), variance.read(),
                                     tensor(gamma).read(), tensor(beta).read(), y.write());
          Tensor gx = unwritten(s.rows * s.c, type);
          Tensor ggamma = tensor(Values(gamma.size(), 1.0));
          Tensor gbeta = tensor(Values(gamma.size(), 1.0));
          kernels().batch_norm.backward(stream(), s, 1e-5F, typed(x, type).read(), typed(gy, type).read(),
                                        mean.read(), variance.read(), tensor(gamma).read(), gx.write(),
                                        ggamma.write(), gbeta.write());
          return std::vector<Tensor>{mean, variance, y, gx, ggamma, gbeta};
        },
        name, 4 * unit * static_cast<double>(s.rows + 8));
  }
}

TEST_P(Bf16, Pool) {
  for (const PoolShape s : {PoolShape{.n = 2, .l = 40, .h = 2, .c = 8, .k = 3, .stride = 2, .pad = 1},
                            PoolShape{.n = 3, .l = 17, .h = 1, .c = 5, .k = 4, .stride = 3, .pad = 2}}) {
    const std::int64_t in = s.n * s.l * s.h * s.c;
    const std::int64_t out = s.n * s.l_out() * s.h * s.c;
    const Values x = short_values(in, 1);
    const Values gy = short_values(out, 2);
    expect_f32_rounded(
        [&](DType type) {
          Tensor y = unwritten(out, type);
          Tensor position = Tensor::empty({out}, DType::i32, GetParam().device);
          kernels().pool.max(stream(), s, typed(x, type).read(), y.write(), position.write());
          Tensor gx = unwritten(in, type);
          kernels().pool.max_backward(stream(), s, typed(gy, type).read(), position.read(), gx.write());
          Tensor mean = unwritten(out, type);
          kernels().pool.average(stream(), s, typed(x, type).read(), mean.write());
          Tensor gmean = unwritten(in, type);
          kernels().pool.average_backward(stream(), s, typed(gy, type).read(), gmean.write());
          return std::vector<Tensor>{y, gx, mean, gmean};
        },
        fmt::format("{} steps of {} channels", s.l, s.c));
  }
}

TEST_P(Bf16, LinearAndLosses) {
  const LinearShape s{9, 40, 7};
  const Values x = short_values(s.n * s.in, 1);
  const Values w = short_values(s.in * s.out, 2);
  const Values gy = short_values(s.n * s.out, 3);
  expect_f32_rounded(
      [&](DType type) {
        Tensor y = unwritten(s.n * s.out, type);
        kernels().linear.forward(stream(), s, typed(x, type).read(), tensor(w).read(), {}, y.write());
        Tensor gx = unwritten(s.n * s.in, type);
        kernels().linear.dgrad(stream(), s, typed(gy, type).read(), tensor(w).read(), gx.write());
        Tensor gw = tensor(w);
        kernels().linear.wgrad(stream(), s, typed(x, type).read(), typed(gy, type).read(), gw.write(), {});
        return std::vector<Tensor>{y, gx, gw};
      },
      "linear");
  Integers labels;
  Values targets;
  for (std::int64_t i = 0; i < s.n; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % s.out));
  }
  for (std::int64_t i = 0; i < s.n * s.out; ++i) {
    targets.push_back(static_cast<double>(i % 3 == 0));
  }
  const LossShape shape{s.n, s.out};
  expect_f32_rounded(
      [&](DType type) {
        std::vector<Tensor> all;
        for (int which = 0; which < 3; ++which) {
          Tensor loss = result(1);
          Tensor g = unwritten(s.n * s.out, type);
          const Tensor logits = typed(gy, type);
          const LossKernels& k = kernels().loss;
          if (which == 0) {
            k.softmax_cross_entropy(stream(), shape, 0.1F, logits.read(), tensor(labels).read(), {},
                                    loss.write(), g.write());
          } else if (which == 1) {
            k.bce_with_logits(stream(), shape, logits.read(), tensor(targets).read(), {}, loss.write(),
                              g.write());
          } else {
            k.focal(stream(), shape, 0.25F, 2, logits.read(), tensor(targets).read(), loss.write(),
                    g.write());
          }
          all.push_back(loss);
          all.push_back(g);
        }
        return all;
      },
      "losses");
}

TEST_P(Bf16, Excite) {
  const ExciteShape s{5, 48, 3};
  const Tensor w[] = {tensor(short_values(s.c * s.hidden, 1)), tensor(short_values(s.hidden, 2)),
                      tensor(short_values(s.hidden * s.c, 3)), tensor(short_values(s.c, 4))};
  const ExciteWeights weights{w[0].read(), w[1].read(), w[2].read(), w[3].read()};
  const Values means = short_values(s.n * s.c, 5);
  const Values chosen = short_values(s.n * s.c, 6);  // factors of a separate forward pass, exact in bf16
  const Values gfactors = short_values(s.n * s.c, 7);
  expect_f32_rounded(
      [&](DType type) {
        Tensor hidden = unwritten(s.n * s.hidden, DType::f32);
        Tensor factors = unwritten(s.n * s.c, type);
        kernels().excite.forward(stream(),
                                 {s, typed(means, type).read(), weights, hidden.write(), factors.write()});
        Tensor gmeans = unwritten(s.n * s.c, type);
        Tensor g[] = {w[0].clone(stream()), w[1].clone(stream()), w[2].clone(stream()), w[3].clone(stream())};
        kernels().excite.backward(stream(), {s,
                                             typed(means, type).read(),
                                             weights,
                                             hidden.read(),
                                             typed(chosen, type).read(),
                                             typed(gfactors, type).read(),
                                             gmeans.write(),
                                             {g[0].write(), g[1].write(), g[2].write(), g[3].write()}});
        return std::vector<Tensor>{hidden, factors, gmeans, g[0], g[1], g[2], g[3]};
      },
      "excite");
}

TEST_P(Bf16, Lstm) {
  const LstmShape s{5, 3, 12};
  const std::int64_t count = s.n * s.steps * s.hidden;
  const Tensor w = tensor(short_values(4 * s.hidden * s.hidden, 1));
  const Tensor bias = tensor(short_values(4 * s.hidden, 2));
  const Values projected = short_values(4 * count, 3);
  const Values gy = short_values(count, 4);
  expect_f32_rounded(
      [&](DType type) {
        Tensor gates = unwritten(4 * count, DType::f32);
        Tensor cells = unwritten(count, DType::f32);
        Tensor y = unwritten(count, type);
        kernels().lstm.forward(stream(), s, typed(projected, type).read(), w.read(), bias.read(),
                               gates.write(), cells.write(), y.write());
        Tensor gprojected = unwritten(4 * count, type);
        kernels().lstm.backward(stream(), s, typed(gy, type).read(), w.read(), gates.read(), cells.read(),
                                gprojected.write());
        return std::vector<Tensor>{gates, cells, y, gprojected};
      },
      "lstm");
}

// Random numbers are bitwise equal to those of the cpu device:
// the same elements are dropped, and the same values are filled in.
TEST_P(Bf16, RandomBitsEqualTheCpuDevices) {
  Stream host{Device::cpu, nullptr};
  for (const std::int64_t count : {1, 5, 4096, 10007}) {
    const RandomKey key{0x123456789abcdefULL, 77, 5};
    Tensor expected = Tensor::zeros(host, {count});
    Tensor got = result(count);
    table(host).pointwise.fill_uniform(host, key, -0.3F, 0.7F, expected.write());
    kernels().pointwise.fill_uniform(stream(), key, -0.3F, 0.7F, got.write());
    EXPECT_EQ(floats_of(got), expected.to_vector(host)) << count;

    const Values x = random_values(count, 1);
    const Tensor on_host = Tensor::from(host, {count}, std::vector<float>(x.begin(), x.end()));
    table(host).pointwise.dropout(host, 0.2F, key, on_host.read(), expected.write());
    kernels().pointwise.dropout(stream(), 0.2F, key, tensor(x).read(), got.write());
    EXPECT_EQ(floats_of(got), expected.to_vector(host)) << count;
  }
}

SEC_ON_ALL_TARGETS(Bf16);

}  // namespace
}  // namespace sec::kernels
