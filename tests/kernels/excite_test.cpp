#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// The weights in device memory.
struct Operands {
  Tensor w1, b1, w2, b2;

  ExciteWeights read() const { return {w1.read(), b1.read(), w2.read(), b2.read()}; }
};

class Excite : public Kernels {
 protected:
  Operands operands_of(const reference::ExciteValues& weights) {
    return {tensor(weights.w1), tensor(weights.b1), tensor(weights.w2), tensor(weights.b2)};
  }
  // Weights of the network's magnitude: sums are of order one.
  static reference::ExciteValues weights_of(const ExciteShape& s) {
    const double one = 1 / std::sqrt(static_cast<double>(s.c));
    const double two = 1 / std::sqrt(static_cast<double>(s.hidden));
    return {random_values(s.c * s.hidden, 1, -one, one), random_values(s.hidden, 2),
            random_values(s.hidden * s.c, 3, -two, two), random_values(s.c, 4)};
  }
};

// The network's shapes (Hid = C / 16, at least one), one sample, one channel, and odd numbers.
const std::vector<ExciteShape> shapes = {{8, 32, 2}, {3, 256, 16}, {64, 64, 4}, {1, 1, 1}, {5, 37, 9}};

TEST_P(Excite, EqualsTheReference) {
  for (const ExciteShape& s : shapes) {
    const std::string name = fmt::format("{} samples, {} channels, {} units", s.n, s.c, s.hidden);
    const reference::ExciteValues weights = weights_of(s);
    const Operands operands = operands_of(weights);
    const Values means = random_values(s.n * s.c, 5);
    const Values gfactors = random_values(s.n * s.c, 6);
    Tensor hidden = result(s.n * s.hidden);
    Tensor factors = result(s.n * s.c);
    kernels().excite.forward(stream(),
                             {s, tensor(means).read(), operands.read(), hidden.write(), factors.write()});
    // The errors of two sums, of C and Hid terms below one in magnitude, and of an exponential.
    const double tolerance = static_cast<double>(s.c + s.hidden + 8) * unit;
    const Values expected = reference::excite_forward(s, means, weights);
    expect_close(floats_of(factors), expected, tolerance, 0, name + ", factors");

    Tensor gmeans = result(s.n * s.c);
    const reference::ExciteValues before{Values(weights.w1.size(), 0.5), Values(weights.b1.size(), 0.5),
                                         Values(weights.w2.size(), 0.5), Values(weights.b2.size(), 0.5)};
    Tensor gw1 = tensor(before.w1);  // backward adds to these
    Tensor gb1 = tensor(before.b1);
    Tensor gw2 = tensor(before.w2);
    Tensor gb2 = tensor(before.b2);
    kernels().excite.backward(stream(), {s,
                                         tensor(means).read(),
                                         operands.read(),
                                         hidden.read(),
                                         factors.read(),
                                         tensor(gfactors).read(),
                                         gmeans.write(),
                                         {gw1.write(), gb1.write(), gw2.write(), gb2.write()}});
    const reference::ExciteBackward backward = reference::excite_backward(s, means, weights, gfactors);
    expect_close(floats_of(gmeans), backward.gmeans, 2 * tolerance, 0, name + ", gmeans");
    const auto added = [](Values values) {
      for (double& value : values) {
        value += 0.5;
      }
      return values;
    };
    const double over_samples = 2 * tolerance * static_cast<double>(s.n);
    const reference::ExciteValues& g = backward.gradients;
    expect_close(floats_of(gw1), added(g.w1), over_samples, 0, name + ", gw1");
    expect_close(floats_of(gb1), added(g.b1), over_samples, 0, name + ", gb1");
    expect_close(floats_of(gw2), added(g.w2), over_samples, 0, name + ", gw2");
    expect_close(floats_of(gb2), added(g.b2), over_samples, 0, name + ", gb2");
    expect_gradient(
        floats_of(gmeans), means,
        [&](const Values& v) { return dot(gfactors, reference::excite_forward(s, v, weights)); },
        name + ", finite differences", 1e-4, 1e-6);  // a small step, because hidden units have kinks
  }
}

// Each sample has the same bits in a batch as in a batch of one.
TEST_P(Excite, SamplesDoNotDependOnTheirBatch) {
  const ExciteShape s{4, 40, 3};
  const reference::ExciteValues weights = weights_of(s);
  const Operands operands = operands_of(weights);
  const Tensor means = tensor(random_values(s.n * s.c, 5)).view({s.n, s.c});
  Tensor hidden = result(s.n * s.hidden);
  Tensor factors = result(s.n * s.c);
  kernels().excite.forward(stream(), {s, means.read(), operands.read(), hidden.write(), factors.write()});
  const std::vector<float> all = floats_of(factors);
  for (std::int64_t n = 0; n < s.n; ++n) {
    Tensor unit_of_one = result(s.hidden);
    Tensor one = result(s.c);
    kernels().excite.forward(
        stream(),
        {{1, s.c, s.hidden}, means.slice(n, 1).read(), operands.read(), unit_of_one.write(), one.write()});
    const std::vector<float> alone = floats_of(one);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + n * s.c)) << "sample " << n;
  }
}

// More layers than one launch takes, with different shapes.
TEST_P(Excite, LayersKeepTheirBitsInGroups) {
  struct Layer {
    ExciteShape s;
    Operands weights, gradients;
    Tensor means, gfactors, hidden, factors, gmeans;
  };
  const auto run = [&](const std::vector<ExciteShape>& of) {
    std::vector<Layer> layers;
    std::vector<ExciteForward> forward;
    std::vector<ExciteBackward> backward;
    for (const ExciteShape& s : of) {
      const reference::ExciteValues weights = weights_of(s);
      layers.push_back({s, operands_of(weights), operands_of(weights), tensor(random_values(s.n * s.c, 5)),
                        tensor(random_values(s.n * s.c, 6)), result(s.n * s.hidden), result(s.n * s.c),
                        result(s.n * s.c)});
      Layer& l = layers.back();
      forward.push_back({s, l.means.read(), l.weights.read(), l.hidden.write(), l.factors.write()});
      backward.push_back(
          {s,
           l.means.read(),
           l.weights.read(),
           l.hidden.read(),
           l.factors.read(),
           l.gfactors.read(),
           l.gmeans.write(),
           {l.gradients.w1.write(), l.gradients.b1.write(), l.gradients.w2.write(), l.gradients.b2.write()}});
    }
    kernels().excite.forward_group(stream(), forward);
    kernels().excite.backward_group(stream(), backward);
    std::vector<std::vector<float>> results;
    for (const Layer& l : layers) {
      for (const Tensor* t : {&l.hidden, &l.factors, &l.gmeans, &l.gradients.w1, &l.gradients.b1,
                              &l.gradients.w2, &l.gradients.b2}) {
        results.push_back(floats_of(*t));
      }
    }
    return results;
  };
  std::vector<ExciteShape> group = shapes;
  group.insert(group.end(), shapes.rbegin(), shapes.rend());
  std::vector<std::vector<float>> alone;
  for (const ExciteShape& s : group) {
    const std::vector<std::vector<float>> one = run({s});
    alone.insert(alone.end(), one.begin(), one.end());
  }
  EXPECT_EQ(run(group), alone);
  EXPECT_TRUE(run({}).empty());
}

SEC_ON_ALL_TARGETS(Excite);

}  // namespace
}  // namespace sec::kernels
