#include "layers/lstm.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

double sigmoid(double x) {
  return 1 / (1 + std::exp(-x));
}

// One direction of one layer: reads x (N, T, In), writes the columns of y (N, T, Out) that start at `to`.
void plain_cell(const plain::Array& x, const plain::Arrays& p, const std::string& suffix, plain::Array& y,
                std::int64_t to) {
  const plain::Array& w_ih = p.at("r.weight_ih" + suffix);
  const plain::Array& w_hh = p.at("r.weight_hh" + suffix);
  const std::int64_t n = x.shape[0], steps = x.shape[1], in = x.shape[2], hidden = w_hh.shape[0];
  const bool reverse = suffix.ends_with("reverse");
  for (std::int64_t i = 0; i < n; ++i) {
    std::vector<double> h(static_cast<std::size_t>(hidden)), c = h;
    for (std::int64_t step = 0; step < steps; ++step) {
      const std::int64_t t = reverse ? steps - 1 - step : step;
      const auto part = [&](std::int64_t column) {
        double sum = p.at("r.bias_ih" + suffix).data[column] + p.at("r.bias_hh" + suffix).data[column];
        for (std::int64_t j = 0; j < in; ++j) {
          sum += x.data[(i * steps + t) * in + j] * w_ih.data[j * 4 * hidden + column];
        }
        for (std::int64_t j = 0; j < hidden; ++j) {
          sum += h[j] * w_hh.data[j * 4 * hidden + column];
        }
        return sum;
      };
      std::vector<double> next(h.size());
      for (std::int64_t u = 0; u < hidden; ++u) {
        c[u] = sigmoid(part(hidden + u)) * c[u] + sigmoid(part(u)) * std::tanh(part(2 * hidden + u));
        next[u] = sigmoid(part(3 * hidden + u)) * std::tanh(c[u]);
      }
      h = next;
      std::copy(h.begin(), h.end(), y.data.begin() + (i * steps + t) * y.shape[2] + to);
    }
  }
}

plain::Array plain_lstm(const LstmOptions& o, plain::Array x, const plain::Arrays& p) {
  for (std::int64_t layer = 0; layer < o.layers; ++layer) {
    if (layer > 0 && o.dropout > 0) {
      x = plain::dropout(x, o.dropout, {7, 3, static_cast<std::uint32_t>(layer - 1)});
    }
    plain::Array y({x.shape[0], x.shape[1], o.out()});
    for (std::int64_t d = 0; d < o.directions(); ++d) {
      plain_cell(x, p, "_l" + std::to_string(layer) + (d == 1 ? "_reverse" : ""), y, d * o.hidden);
    }
    x = y;
  }
  return x;
}

struct Case {
  Shape x;
  LstmOptions options;
};

class LstmCases : public testing::TestWithParam<Case> {};

TEST_P(LstmCases, EqualsDoublePrecision) {
  const auto [shape, options] = GetParam();
  ParameterSet set;
  const Lstm layer = make_lstm(set, "r", options);
  check_layer(
      set, {random_array(shape, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return lstm(pass, layer, in[0]); },
      [&, o = options](const auto& in, const plain::Arrays& p) { return plain_lstm(o, in[0], p); });
}

TEST_P(LstmCases, LastStatesEqualDoublePrecision) {
  const auto [shape, options] = GetParam();
  ParameterSet set;
  const Lstm layer = make_lstm(set, "r", options);
  check_layer(
      set, {random_array(shape, 2)},
      [&](Pass& pass, const std::vector<Var>& in) {
        return last_states(pass, layer, lstm(pass, layer, in[0]));
      },
      [&, o = options](const auto& in, const plain::Arrays& p) {
        const plain::Array y = plain_lstm(o, in[0], p);
        const std::int64_t n = y.shape[0], steps = y.shape[1], out = y.shape[2];
        plain::Array last({n, out});
        for (std::int64_t i = 0; i < n; ++i) {
          for (std::int64_t u = 0; u < out; ++u) {
            const std::int64_t t = u < o.hidden ? steps - 1 : 0;
            last.data[i * out + u] = y.data[(i * steps + t) * out + u];
          }
        }
        return last;
      });
}

INSTANTIATE_TEST_SUITE_P(Shapes, LstmCases,
                         testing::Values(Case{{3, 5, 2}, {2, 3}}, Case{{2, 1, 4}, {4, 5}},
                                         Case{{5, 3, 1}, {1, 9}},
                                         Case{{2, 4, 3}, {.in = 3, .hidden = 4, .bidirectional = true}},
                                         Case{{2, 3, 2}, {2, 3, 2, false, 0.3}},
                                         Case{{2, 3, 2}, {2, 2, 3, true, 0.25}}));

TEST(Lstm, RegistersPyTorchsNamesAndInitialValues) {
  ParameterSet set;
  make_lstm(set, "r", {3, 4, 2, true});
  set.allocate(cpu, 5);
  std::vector<std::string> names;
  float largest = 0;
  for (const Parameter& p : set.parameters()) {
    names.push_back(p.name);
    for (const float v : p.value.to_vector(cpu)) {
      largest = std::max(largest, std::abs(v));
    }
  }
  EXPECT_EQ(names.size(), 16U);
  EXPECT_EQ(names[0], "r.weight_ih_l0");
  EXPECT_EQ(names[5], "r.weight_hh_l0_reverse");
  EXPECT_EQ(names[15], "r.bias_hh_l1_reverse");
  EXPECT_LE(largest, 0.5F);  // 1 / sqrt(4)
  EXPECT_GT(largest, 0.48F);
}

TEST(Lstm, NamesLayerAndShapesInItsErrors) {
  ParameterSet set;
  const Lstm layer = make_lstm(set, "r", {3, 2});
  set.allocate(cpu, 0);
  Pass pass{cpu};
  EXPECT_EQ(error_of([&] {
              lstm(pass, layer, Tensor::zeros(cpu, {5, 2, 4}));
            }),
            "lstm r: expected an input (N, T, 3) with T above 0, got (5, 2, 4)");
  EXPECT_EQ(error_of([&] {
              last_states(pass, layer, Tensor::zeros(cpu, {5, 3}));
            }),
            "last_states of r: expected states (N, T, 2) with T above 0, got (5, 3)");
  ParameterSet other;
  EXPECT_EQ(error_of([&] {
              make_lstm(other, "r", {3, 0});
            }),
            "lstm r: sizes 3 -> 0 and 1 layers must be positive");
  EXPECT_NE(error_of([&] { make_lstm(other, "r", {3, 2, 2, false, 1.0}); }), "");
}

}  // namespace
}  // namespace sec::layers
