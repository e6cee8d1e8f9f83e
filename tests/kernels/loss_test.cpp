#include "engine/simt/runtime.h"
#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

// Arithmetic is in double precision, so only the rounding of results to f32 remains.
constexpr double rounding = 2 * unit;

Integers labels_of(const LossShape& s) {
  Integers labels(static_cast<std::size_t>(s.n));
  for (std::int64_t n = 0; n < s.n; ++n) {
    labels[n] = static_cast<std::int32_t>(random_word({5, 0, 0}, n) % static_cast<std::uint32_t>(s.classes));
  }
  return labels;
}

Values targets_of(const LossShape& s, bool hard) {
  Values targets = random_values(s.n * s.classes, 7, 0, 1);
  if (hard) {
    for (double& t : targets) {
      t = t < 0.3 ? 1 : 0;
    }
  }
  return targets;
}

const LossShape shapes[] = {{8, 34}, {64, 5}, {1, 1}, {3, 2}};

class Losses : public Kernels {
 protected:
  struct Results {
    std::vector<float> loss, glogits;
    friend bool operator==(const Results&, const Results&) = default;
  };
  Results cross_entropy(const LossShape& s, float smoothing, const Values& logits, const Integers& labels,
                        const Values& weights) {
    Tensor loss = result(1);
    Tensor g = result(s.n * s.classes);
    kernels().loss.softmax_cross_entropy(stream(), s, smoothing, tensor(logits).read(), tensor(labels).read(),
                                         weights.empty() ? ConstSpan{} : tensor(weights).read(), loss.write(),
                                         g.write());
    return {floats_of(loss), floats_of(g)};
  }
  Results bce(const LossShape& s, const Values& logits, const Values& targets, const Values& weights) {
    Tensor loss = result(1);
    Tensor g = result(s.n * s.classes);
    kernels().loss.bce_with_logits(stream(), s, tensor(logits).read(), tensor(targets).read(),
                                   weights.empty() ? ConstSpan{} : tensor(weights).read(), loss.write(),
                                   g.write());
    return {floats_of(loss), floats_of(g)};
  }
  Results focal(const LossShape& s, float alpha, float gamma, const Values& logits, const Values& targets) {
    Tensor loss = result(1);
    Tensor g = result(s.n * s.classes);
    kernels().loss.focal(stream(), s, alpha, gamma, tensor(logits).read(), tensor(targets).read(),
                         loss.write(), g.write());
    return {floats_of(loss), floats_of(g)};
  }
  static void expect_equal(const Results& got, const reference::Loss& expected, const std::string& what) {
    expect_close(got.loss, {expected.loss}, 1e-30, rounding, what + ", loss");
    // p - 1 cancels where p is near 1, which leaves errors of double precision.
    expect_close(got.glogits, expected.glogits, 1e-14, rounding, what + ", gradient");
  }
};

TEST_P(Losses, CrossEntropyEqualsTheReferenceAndFiniteDifferences) {
  for (const LossShape& s : shapes) {
    const Values logits = random_values(s.n * s.classes, 1, -5, 5);
    const Integers labels = labels_of(s);
    for (const float smoothing : {0.0F, 0.1F}) {
      for (const Values& weights : {Values{}, random_values(s.classes, 2, 0.2, 3)}) {
        const Results got = cross_entropy(s, smoothing, logits, labels, weights);
        const std::string name = fmt::format("{} x {}, smoothing {}", s.n, s.classes, smoothing);
        expect_equal(got, reference::softmax_cross_entropy(s, smoothing, logits, labels, weights), name);
        expect_gradient(
            got.glogits, logits,
            [&](const Values& z) {
              return reference::softmax_cross_entropy(s, smoothing, z, labels, weights).loss;
            },
            name);
      }
    }
  }
}

// -log softmax(1, 2, 3)[2] = log(1 + e^-1 + e^-2), calculated by hand.
TEST_P(Losses, CrossEntropyOfAKnownCase) {
  const Results got = cross_entropy({1, 3}, 0, {1, 2, 3}, Integers{2}, {});
  EXPECT_NEAR(got.loss[0], 0.4076059644, 1e-7);
  EXPECT_NEAR(got.glogits[0], 0.0900305732, 1e-8);
}

TEST_P(Losses, BceEqualsTheReferenceAndFiniteDifferences) {
  for (const LossShape& s : shapes) {
    const Values logits = random_values(s.n * s.classes, 1, -5, 5);
    for (const bool hard : {true, false}) {
      const Values targets = targets_of(s, hard);
      for (const Values& weights : {Values{}, random_values(s.classes, 2, 0.2, 3)}) {
        const Results got = bce(s, logits, targets, weights);
        const std::string name = fmt::format("bce, {} x {}", s.n, s.classes);
        expect_equal(got, reference::bce_with_logits(s, logits, targets, weights), name);
        expect_gradient(
            got.glogits, logits,
            [&](const Values& z) { return reference::bce_with_logits(s, z, targets, weights).loss; }, name);
      }
    }
  }
}

TEST_P(Losses, FocalEqualsTheReferenceAndFiniteDifferences) {
  for (const LossShape& s : shapes) {
    const Values logits = random_values(s.n * s.classes, 1, -5, 5);
    const Values targets = targets_of(s, true);
    for (const float gamma : {0.0F, 0.5F, 2.0F}) {
      const Results got = focal(s, 0.25F, gamma, logits, targets);
      const std::string name = fmt::format("focal, {} x {}, gamma {}", s.n, s.classes, gamma);
      expect_equal(got, reference::focal(s, 0.25, gamma, logits, targets), name);
      expect_gradient(
          got.glogits, logits,
          [&](const Values& z) { return reference::focal(s, 0.25, gamma, z, targets).loss; }, name);
    }
  }
}

TEST_P(Losses, ExtremeLogitsStayFiniteAndRight) {
  // Confident and wrong: the loss is the difference of the logits. Confident and right: the loss is zero.
  const Results wrong = cross_entropy({1, 2}, 0, {1e4, -1e4}, Integers{1}, {});
  EXPECT_EQ(wrong.loss[0], 2e4F);
  EXPECT_EQ(wrong.glogits[0], 1);
  EXPECT_EQ(wrong.glogits[1], -1);
  EXPECT_EQ(cross_entropy({1, 2}, 0, {1e4, -1e4}, Integers{0}, {}).loss[0], 0);
  const Values logits{1e4, -1e4, 1e4, -1e4};
  const Values targets{1, 0, 0, 1};
  const Results b = bce({1, 4}, logits, targets, {});
  EXPECT_EQ(b.loss[0], 5e3F);
  EXPECT_EQ(b.glogits, (std::vector<float>{0, 0, 0.25F, -0.25F}));
  const Results f = focal({1, 4}, 0.25F, 2.0F, logits, targets);
  EXPECT_EQ(f.loss[0], 1e4F);
  EXPECT_EQ(f.glogits, (std::vector<float>{0, 0, 0.75F, -0.25F}));
  expect_equal(f, reference::focal({1, 4}, 0.25, 2.0, logits, targets), "focal");
}

TEST_P(Losses, LabelsAndTargetsOutsideTheirRangeAreErrors) {
  if (GetParam().device != Device::cpu) {  // a GPU kernel cannot throw, so the loss is NaN
    EXPECT_TRUE(std::isnan(cross_entropy({1, 2}, 0, {0, 0}, Integers{2}, {}).loss[0]));
    EXPECT_TRUE(std::isnan(cross_entropy({1, 2}, 0, {0, 0}, Integers{-1}, {}).loss[0]));
    EXPECT_TRUE(std::isnan(focal({1, 2}, 0.25F, 2, {0, 0}, {0.5, 1}).loss[0]));
    return;
  }
  EXPECT_THROW(cross_entropy({1, 2}, 0, {0, 0}, Integers{2}, {}), Error);
  EXPECT_THROW(cross_entropy({1, 2}, 0, {0, 0}, Integers{-1}, {}), Error);
  EXPECT_THROW(focal({1, 2}, 0.25F, 2, {0, 0}, {0.5, 1}), Error);
}

// The sum of label weights is made by one thread and read by all: without a barrier only some orders show it.
TEST_P(Losses, AnyOrderOfThreadsGivesTheSameBits) {
  if (GetParam().device != Device::simt) {
    GTEST_SKIP() << "only simt can choose the order of threads";
  }
  for (const LossShape& s : shapes) {
    const Values logits = random_values(s.n * s.classes, 1, -5, 5);
    const Values weights = random_values(s.classes, 2, 0.2, 3);
    const Values targets = targets_of(s, true);
    const auto all = [&] {
      return std::vector{cross_entropy(s, 0.1F, logits, labels_of(s), weights),
                         bce(s, logits, targets, weights), focal(s, 0.25F, 2, logits, targets)};
    };
    const std::vector<Results> forward = all();
    for (const sec::simt::Order order : {sec::simt::Order::reverse, sec::simt::Order::shuffled}) {
      sec::simt::set_order(order, 7);
      EXPECT_EQ(all(), forward) << s.n << " x " << s.classes;
    }
    sec::simt::set_order(sec::simt::Order::forward);
  }
}

SEC_ON_ALL_TARGETS(Losses);

}  // namespace
}  // namespace sec::kernels
