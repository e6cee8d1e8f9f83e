#include "tests/kernels/kernel_test.h"

namespace sec::kernels {
namespace {

class LstmRecurrence : public Kernels {
 protected:
  struct Operands {
    Values projected, w, bias, gy;
  };
  // Weights of a network's magnitude: sums are of order one.
  static Operands operands_of(const LstmShape& s) {
    const double bound = 1 / std::sqrt(static_cast<double>(s.hidden));
    return {random_values(s.n * s.steps * 4 * s.hidden, 1, -2, 2),
            random_values(4 * s.hidden * s.hidden, 2, -bound, bound), random_values(4 * s.hidden, 3),
            random_values(s.n * s.steps * s.hidden, 4)};
  }
};

// The networks' numbers of hidden units (40, and 128, whose weights exceed a block's shared memory).
// Further: extents of one, more sequences than a group, more units than a block has threads, odd numbers.
const std::vector<LstmShape> shapes = {{5, 7, 40}, {3, 4, 128, true}, {1, 1, 1},        {9, 3, 5, true},
                                       {2, 6, 37}, {2, 2, 300},       {17, 5, 33, true}};

TEST_P(LstmRecurrence, EqualsTheReference) {
  for (const LstmShape& s : shapes) {
    const std::string name = fmt::format("{} sequences of {} steps, {} units{}", s.n, s.steps, s.hidden,
                                         s.reverse ? ", reversed" : "");
    const Operands v = operands_of(s);
    const std::int64_t count = s.n * s.steps * s.hidden;
    const Tensor w = tensor(v.w);
    Tensor gates = result(4 * count);
    Tensor cells = result(count);
    Tensor y = result(count);
    kernels().lstm.forward(stream(), s, tensor(v.projected).read(), w.read(), tensor(v.bias).read(),
                           gates.write(), cells.write(), y.write());
    const reference::Lstm expected = reference::lstm_forward(s, v.projected, v.w, v.bias);
    // Each step sums Hid products of order 1 / sqrt(Hid) and inherits about half of the last step's error.
    const double tolerance = static_cast<double>(s.hidden + 16) * unit;
    expect_close(floats_of(gates), expected.gates, tolerance, 0, name + ", gates");
    expect_close(floats_of(cells), expected.cells, 2 * tolerance, 0, name + ", cells");
    expect_close(floats_of(y), expected.y, 2 * tolerance, 0, name + ", y");

    Tensor gprojected = result(4 * count);
    kernels().lstm.backward(stream(), s, tensor(v.gy).read(), w.read(), gates.read(), cells.read(),
                            gprojected.write());
    // Backward's sums have four times as many terms.
    expect_close(floats_of(gprojected), reference::lstm_backward(s, v.projected, v.w, v.bias, v.gy),
                 8 * tolerance, 0, name + ", gprojected");
  }
}

TEST_P(LstmRecurrence, FiniteDifferences) {
  for (const LstmShape& s : {LstmShape{2, 5, 6}, LstmShape{3, 4, 9, true}}) {
    const Operands v = operands_of(s);
    const std::int64_t count = s.n * s.steps * s.hidden;
    Tensor gates = result(4 * count);
    Tensor cells = result(count);
    Tensor y = result(count);
    Tensor gprojected = result(4 * count);
    kernels().lstm.forward(stream(), s, tensor(v.projected).read(), tensor(v.w).read(), tensor(v.bias).read(),
                           gates.write(), cells.write(), y.write());
    kernels().lstm.backward(stream(), s, tensor(v.gy).read(), tensor(v.w).read(), gates.read(), cells.read(),
                            gprojected.write());
    expect_gradient(
        floats_of(gprojected), v.projected,
        [&](const Values& at) { return dot(v.gy, reference::lstm_forward(s, at, v.w, v.bias).y); },
        "gprojected");
  }
}

// Inference keeps neither gates nor cells; the outputs must have the same bits.
TEST_P(LstmRecurrence, KeepsNothingWhereNothingIsAskedFor) {
  const LstmShape s{3, 4, 21};
  const Operands v = operands_of(s);
  const std::int64_t count = s.n * s.steps * s.hidden;
  Tensor gates = result(4 * count);
  Tensor cells = result(count);
  Tensor y = result(count);
  Tensor alone = result(count);
  const auto run = [&](Span kept_gates, Span kept_cells, Tensor& to) {
    kernels().lstm.forward(stream(), s, tensor(v.projected).read(), tensor(v.w).read(), tensor(v.bias).read(),
                           kept_gates, kept_cells, to.write());
  };
  run(gates.write(), cells.write(), y);
  run({}, {}, alone);
  EXPECT_EQ(floats_of(y), floats_of(alone));
}

// Each sequence has the same bits in a batch as in a batch of one.
TEST_P(LstmRecurrence, SequencesDoNotDependOnTheirBatch) {
  const LstmShape s{6, 3, 19};
  const Operands v = operands_of(s);
  const std::int64_t each = s.steps * s.hidden;
  const Tensor projected = tensor(v.projected).view({s.n, 4 * each});
  Tensor y = result(s.n * each);
  kernels().lstm.forward(stream(), s, projected.read(), tensor(v.w).read(), tensor(v.bias).read(), {}, {},
                         y.write());
  const std::vector<float> all = floats_of(y);
  for (std::int64_t n = 0; n < s.n; ++n) {
    Tensor one = result(each);
    kernels().lstm.forward(stream(), {1, s.steps, s.hidden}, projected.slice(n, 1).read(), tensor(v.w).read(),
                           tensor(v.bias).read(), {}, {}, one.write());
    const std::vector<float> alone = floats_of(one);
    EXPECT_TRUE(std::equal(alone.begin(), alone.end(), all.begin() + n * each)) << "sequence " << n;
  }
}

TEST_P(LstmRecurrence, NamesWrongOperands) {
  Tensor y = result(6);
  const Tensor projected = tensor(random_values(24, 1));
  const Tensor w = tensor(random_values(35, 2));  // one element too few
  const Tensor bias = tensor(random_values(12, 3));
  try {
    kernels().lstm.forward(stream(), {2, 1, 3}, projected.read(), w.read(), bias.read(), {}, {}, y.write());
    ADD_FAILURE() << "35 weights were taken for 36";
  } catch (const Error& error) {
    EXPECT_EQ(std::string(error.what()).find("lstm.forward: w: expected 36"), 0U) << error.what();
  }
}

SEC_ON_ALL_TARGETS(LstmRecurrence);

}  // namespace
}  // namespace sec::kernels
