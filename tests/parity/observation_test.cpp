// Observed activations and gates of PyTorch's golden models: what secinspect --dump writes.
// Each operation with weights is computed here again, in double precision, from its observed input and the weights that
// PyTorch stored; the last one, the logits, is PyTorch's own. Golden files that hold PyTorch's activations (those that
// tools/parity/golden.py makes now) are compared with these, too.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <map>

#include "engine/stream.h"
#include "model/networks.h"
#include "tests/parity/golden.h"
#include "train/inspect/observe.h"

namespace sec::model {
namespace {

namespace fs = std::filesystem;
using train::ObservedNode;

std::vector<fs::path> golden_files() {
  std::vector<fs::path> paths;
  const char* more = std::getenv("SEC_PARITY");
  for (const fs::path& folder : {fs::path(SEC_GOLDEN), fs::path(more == nullptr ? "" : more)}) {
    if (!folder.empty()) {
      for (const auto& entry : fs::directory_iterator(folder)) {
        if (entry.path().extension() == ".safetensors") {
          paths.push_back(entry.path());
        }
      }
    }
  }
  std::ranges::sort(paths);
  return paths;
}

// The largest difference, relative to the largest expected value.
double error_of(const std::vector<float>& got, const std::vector<double>& expected) {
  double difference = got.size() == expected.size() ? 0 : INFINITY;
  double largest = 1e-30;
  for (std::size_t i = 0; i < std::min(got.size(), expected.size()); ++i) {
    difference = std::max(difference, std::abs(got[i] - expected[i]));
    largest = std::max(largest, std::abs(expected[i]));
  }
  return difference / largest;
}

std::vector<double> doubles(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

class GoldenObservation : public testing::TestWithParam<fs::path> {
 protected:
  GoldenObservation() : golden_(GetParam()) {}

  void SetUp() override {
    network_ = make_network(golden_.options(), stream_, 1);
    load_state_dict(golden_.initial(), GetParam().string(), *network_, stream_);
    const Tensor covariates = golden_.covariates(stream_);
    input_ = {golden_.batch(), golden_.x(stream_).to_vector(stream_),
              covariates.defined() ? covariates.to_vector(stream_) : std::vector<float>()};
    std::vector<float> target(static_cast<std::size_t>(golden_.options().classes));
    target[0] = 1;
    observation_ = observe(*network_, stream_, input_, target);
  }

  // A stored tensor in our layout.
  std::vector<double> weights(const layers::Parameter& parameter) const {
    return doubles(golden_.ours("initial", parameter.name, parameter.shape));
  }
  std::vector<double> state(const std::string& name, std::int64_t channels) const {
    return doubles(golden_.ours("initial", name, {channels}));
  }
  const ObservedNode& from(const ObservedNode& node) const {
    return observation_.nodes[static_cast<std::size_t>(node.inputs.front())];
  }

  std::vector<double> conv(const ObservedNode& node) const {
    const ObservedNode& x = from(node);
    const std::vector<double> w = weights(*node.parameters[0]);
    const std::vector<double> bias =
        node.parameters.size() > 1 ? weights(*node.parameters[1]) : std::vector<double>();
    const auto [k, stride, pad] = node.window;
    const std::int64_t n = x.shape[0], l = x.shape[1], h = x.shape[2], ci = x.shape[3], lo = node.shape[1],
                       co = node.shape[3];
    std::vector<double> y(static_cast<std::size_t>(node.shape.count()));
    for (std::int64_t row = 0; row < n * lo * h; ++row) {
      const std::int64_t sample = row / (lo * h), t = row / h % lo, lead = row % h;
      double* out = &y[static_cast<std::size_t>(row * co)];
      for (std::int64_t o = 0; o < co; ++o) {
        out[o] = bias.empty() ? 0 : bias[static_cast<std::size_t>(o)];
      }
      for (std::int64_t j = 0; j < k; ++j) {
        const std::int64_t at = t * stride + j - pad;
        if (at < 0 || at >= l) {
          continue;
        }
        const float* in = &x.values[static_cast<std::size_t>(((sample * l + at) * h + lead) * ci)];
        for (std::int64_t i = 0; i < ci; ++i) {
          for (std::int64_t o = 0; o < co; ++o) {
            out[o] += in[i] * w[static_cast<std::size_t>((j * ci + i) * co + o)];
          }
        }
      }
    }
    return y;
  }

  std::vector<double> batch_norm(const ObservedNode& node) const {
    const std::string layer = node.parameters[0]->name.substr(0, node.parameters[0]->name.rfind('.'));
    const std::int64_t channels = node.shape[3];
    const std::vector<double> gamma = weights(*node.parameters[0]), beta = weights(*node.parameters[1]);
    const std::vector<double> mean = state(layer + ".running_mean", channels);
    const std::vector<double> variance = state(layer + ".running_var", channels);
    std::vector<double> y;
    for (std::size_t i = 0; i < from(node).values.size(); ++i) {
      const std::size_t c = i % static_cast<std::size_t>(channels);
      y.push_back((from(node).values[i] - mean[c]) / std::sqrt(variance[c] + 1e-5) * gamma[c] + beta[c]);
    }
    return y;
  }

  // x (N, In) W (In, Out) + b.
  static std::vector<double> affine(const std::vector<double>& x, const std::vector<double>& w,
                                    const std::vector<double>& b) {
    const std::size_t in = w.size() / b.size();
    std::vector<double> y;
    for (std::size_t row = 0; row < x.size() / in; ++row) {
      for (std::size_t o = 0; o < b.size(); ++o) {
        double sum = b[o];
        for (std::size_t i = 0; i < in; ++i) {
          sum += x[row * in + i] * w[i * b.size() + o];
        }
        y.push_back(sum);
      }
    }
    return y;
  }

  std::vector<double> excite(const ObservedNode& node) const {
    std::vector<double> hidden =
        affine(doubles(from(node).values), weights(*node.parameters[0]), weights(*node.parameters[1]));
    std::ranges::for_each(hidden, [](double& value) { value = std::max(value, 0.0); });
    std::vector<double> factors = affine(hidden, weights(*node.parameters[2]), weights(*node.parameters[3]));
    std::ranges::for_each(factors, [](double& value) { value = 1 / (1 + std::exp(-value)); });
    return factors;
  }

  // The mean over positions, (N, C), with the channels of 1-D blocks in PyTorch's order.
  std::vector<float> channel_means(const ObservedNode& node) const {
    const std::int64_t leads = golden_.options().leads;
    const bool all_leads = node.name.starts_with("block3_list");
    const std::int64_t n = node.shape[0], channels = node.shape[node.shape.rank() - 1];
    const std::int64_t positions = node.shape.count() / n / channels;
    std::vector<float> means(static_cast<std::size_t>(n * channels));
    for (std::int64_t i = 0; i < node.shape.count(); ++i) {
      const std::int64_t sample = i / (positions * channels), c = i % channels;
      const std::int64_t width = channels / leads;
      const std::int64_t theirs = all_leads ? c % width * leads + c / width : c;
      means[static_cast<std::size_t>(sample * channels + theirs)] +=
          node.values[static_cast<std::size_t>(i)] / static_cast<float>(positions);
    }
    return means;
  }

  Golden golden_;
  Stream stream_;
  std::unique_ptr<Network> network_;
  train::NetworkInput input_;
  train::Observation observation_;
};

// f32 sums of up to some thousand products against double precision.
TEST_P(GoldenObservation, ActivationsAndGatesFollowFromPyTorchsWeights) {
  std::map<std::string, int> checked;
  for (const ObservedNode& node : observation_.nodes) {
    std::vector<double> expected;
    if (node.operation == "conv") {
      expected = conv(node);
    } else if (node.operation == "batch_norm") {
      expected = batch_norm(node);
    } else if (node.operation == "excite") {
      expected = excite(node);
    } else if (node.operation == "linear") {
      expected =
          affine(doubles(from(node).values), weights(*node.parameters[0]), weights(*node.parameters[1]));
    } else {
      continue;
    }
    ++checked[node.operation];
    EXPECT_LT(error_of(node.values, expected), 1e-5) << node.name;
  }
  EXPECT_EQ(checked["linear"], 1);
  EXPECT_GE(checked["conv"], 6);
  EXPECT_EQ(checked["excite"], golden_.options().model == "se-ecgnet" ? 39 : 0);
  EXPECT_LT(error_of(observation_.logits, doubles(golden_.values("logits_evaluation"))), 1e-4);
}

// The means over all positions of values of both signs, which nearly cancel: roundings of a millionth of the values are a
// ten thousandth of the largest mean.
TEST_P(GoldenObservation, AreThoseThatPyTorchComputed) {
  int compared = 0;
  for (const ObservedNode& node : observation_.nodes) {
    if (golden_.has("activation/" + node.name)) {
      ++compared;
      EXPECT_LT(error_of(channel_means(node), doubles(golden_.values("activation/" + node.name))), 3e-4)
          << node.name;
    }
  }
  if (compared == 0) {
    GTEST_SKIP()
        << "NOT TESTED: this golden file holds no activations of PyTorch (tools/parity/golden.py writes them)";
  }
  EXPECT_GE(compared, 6);
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenObservation, testing::ValuesIn(golden_files()),
                         [](const auto& one) { return one.param.stem().string(); });

}  // namespace
}  // namespace sec::model
