#include "model/se_ecgnet.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <sstream>

#include "engine/range_recorder.h"
#include "layers/accumulate.h"
#include "layers/loss.h"
#include "tests/layers/check_layer.h"
#include "tests/model/plain_network.h"

namespace sec::model {
namespace {

using layers::Pass;

// The total numbers of parameters and MACs in the last line of the summary.
std::pair<std::int64_t, std::int64_t> totals(const SeEcgNet& net) {
  const std::string text = net.summary();
  std::istringstream last(text.substr(text.rfind("total")));
  std::string word;
  std::int64_t parameters = 0, macs = 0;
  last >> word >> parameters >> macs;
  return {parameters, macs};
}

double giga(std::int64_t count) {  // MACs in units of 1e9, rounded to two decimals
  return std::round(static_cast<double>(count) / 1e7) / 100;
}

TEST(SeEcgNet, HasTheParametersAndCostsOfTheAuthorsNetwork) {
  SeEcgNet net({8, 5000, 34}, cpu, 1);
  EXPECT_EQ(net.parameters().count(), 16419520);
  EXPECT_EQ(totals(net).first, 16419520);
  EXPECT_EQ(giga(totals(net).second), 1.98);
  SeEcgNet resampled({8, 2048, 34}, cpu, 1);
  EXPECT_EQ(giga(totals(resampled).second), 0.80);
}

TEST(SeEcgNet, SummaryNamesEveryLayerOnceAUse) {
  for (const bool tied : {true, false}) {
    SeEcgNet net({2, 360, 4, 2, 8, tied}, cpu, 1);
    EXPECT_EQ(totals(net).first, net.parameters().count());
    const std::string text = net.summary();
    const auto shared = [&] {
      int count = 0;
      for (std::size_t at = text.find("shared"); at != std::string::npos; at = text.find("shared", at + 1)) {
        ++count;
      }
      return count;
    }();
    EXPECT_EQ(shared, tied ? 2 * (2 + 3 * 3) : 0);  // a norm and a convolution per reuse
    EXPECT_EQ(std::ranges::count(text, '\n'), 1 + 103 + 103 + 2 * (3 + 3 * (4 + 8)) + 1 + 1);
  }
}

// The network has 103 convolutions and 103 norms. The convolutions of the three branches run as groups.
// Operations: 1 in the stem, 2 per trunk block, 3 per group of 2-D blocks, and 5 per group of 1-D blocks.
TEST(SeEcgNet, RunsTheNumberOfLayersOfTheAuthorsNetwork) {
  SeEcgNet net({2, 360, 4, 0, 4}, cpu, 1);
  Tape tape(cpu, layers::accumulate);
  long convs = 0, norms = 0;
  tape.watch([&](const Tape::Operation& operation) {
    const std::string name = operation.name;
    convs += name == "conv" ? 1 : 0;
    norms += name == "batch_norm" ? 1 : 0;
  });
  Pass pass{cpu, &tape, true};
  RangeRecorder recorder(cpu, RangeRecorder::Nodes::operations);
  net.forward(pass, to_tensor(random_array({2, 360, 2, 1}, 1)), {});
  long operations = 0;
  for (const RangeNode& range : recorder.tree()) {
    operations += range.name.operation == std::string("conv") ? range.calls : 0;
  }
  EXPECT_EQ(convs, 103);
  EXPECT_EQ(norms, 103);
  EXPECT_EQ(operations, 1 + 3 * 2 + 4 * 3 + 4 * 5);
}

TEST(SeEcgNet, RefusesOptionsAndShapesThatDoNotFit) {
  const auto make = [](const SeEcgNetOptions& options) {
    return error_of([&] { SeEcgNet(options, cpu, 1); });
  };
  EXPECT_EQ(make({2, 49, 4}), "SE-ECGNet: 49 samples are too few, the shortest input is 50");
  EXPECT_NE(make({0, 500, 4}), "");
  EXPECT_NE(make({2, 500, 0}), "");
  EXPECT_NE(make({2, 500, 4, -1}), "");
  EXPECT_NE(make({2, 500, 4, 0, 0}), "");
  EXPECT_NE(make({2, 500, 4, 0, 8, true, 1.0}), "");

  SeEcgNet net({2, 50, 4, 1, 4}, cpu, 1);
  Pass pass{cpu};
  const auto forward = [&](const Shape& x, const Shape& covariates) {
    return error_of([&] { net.forward(pass, Tensor::zeros(cpu, x), Tensor::zeros(cpu, covariates)); });
  };
  EXPECT_EQ(forward({3, 50, 2, 1}, {3, 1}), "");  // the shortest input works
  EXPECT_EQ(forward({3, 51, 2, 1}, {3, 1}), "SE-ECGNet: expected an input (N, 50, 2, 1), got (3, 51, 2, 1)");
  EXPECT_NE(forward({3, 50, 1, 1}, {3, 1}), "");
  EXPECT_NE(forward({3, 50, 2}, {3, 1}), "");
  EXPECT_EQ(forward({3, 50, 2, 1}, {2, 1}), "SE-ECGNet: expected covariates (3, 1), got (2, 1)");
  EXPECT_NE(error_of([&] { net.forward(pass, Tensor::zeros(cpu, {3, 50, 2, 1}), {}); }), "");
}

// Compares the whole network with double precision: logits, loss, running statistics and all gradients.
// The gradient is checked by the derivative of the loss along a random direction.
struct Variant {
  std::string name;
  SeEcgNetOptions options;
};

class WholeNetwork : public testing::TestWithParam<Variant> {};

TEST_P(WholeNetwork, EqualsDoublePrecision) {
  const SeEcgNetOptions& options = GetParam().options;
  // The last batch norms see one row per sample. With few samples, variances near zero would occur,
  // and the rounding errors of f32 would grow with their inverse roots.
  constexpr std::int64_t n = 16;
  const std::vector<std::int32_t> labels = {2, 0, 1, 2, 1, 1, 0, 2, 0, 0, 2, 1, 2, 1, 0, 1};
  const plain::Array class_weights({3}, {0.5, 2, 1});
  const plain::Array x = random_array({n, options.length, options.leads, 1}, 1);
  const plain::Array covariates =
      options.covariates > 0 ? random_array({n, options.covariates}, 2) : plain::Array();

  SeEcgNet net(options, cpu, 17);
  unsigned seed = 100;
  for (layers::Parameter& parameter : net.parameters().parameters()) {
    if (parameter.shape.rank() == 1) {  // zeros and ones would hide mistakes
      plain::Array values = plain::add(to_array(parameter.value), random_array(parameter.shape, ++seed, 0.2));
      for (double& value : values.data) {  // keeps the single hidden unit of each SE gate active
        value += parameter.name.ends_with("fc1.bias") ? 2 : 0;
      }
      assign(parameter.value, values);
    }
  }
  plain::Arrays parameters = to_arrays(net.parameters());
  const plain::Arrays states_before = states_of(net.parameters());
  plain::Arrays states = states_before;
  const plain::Mode mode{true, 5, 9};
  const plain::Array logits = plain::se_ecgnet(options, parameters, states, mode, x, covariates);
  const plain::Array loss = plain::softmax_cross_entropy(logits, labels, class_weights, 0.1);

  Tape tape(cpu, layers::accumulate);
  Pass pass{cpu, &tape, true, mode.seed, mode.step};
  const Var y = net.forward(pass, to_tensor(x), covariates.defined() ? to_tensor(covariates) : Tensor());
  const Var y_loss =
      layers::softmax_cross_entropy(pass, 0.1F, y, Tensor::from(cpu, {n}, labels), to_tensor(class_weights));
  tape.backward(y_loss, to_tensor({{1}, {1}}));

  // The result of 40 consecutive f32 layers, each with an error of about 1e-6.
  expect_close(to_array(y.value), logits, 1e-4, "logits");
  expect_close(to_array(y_loss.value), loss, 1e-4,
               "loss");  // the loss's slope with respect to the logits is below 1
  for (const auto& [name, state] : states_of(net.parameters())) {
    expect_close(state, states.at(name), 1e-4, name);
  }

  const auto loss_of = [&] {
    plain::Arrays scratch = states_before;
    return plain::softmax_cross_entropy(plain::se_ecgnet(options, parameters, scratch, mode, x, covariates),
                                        labels, class_weights, 0.1)
        .data[0];
  };
  constexpr double most_by_signs = 5e-3;
  std::vector<double> errors;  // relative to the norm of the gradient or to the derivative
  for (const layers::Parameter& parameter : net.parameters().parameters()) {
    const plain::Array gradient = to_array(parameter.gradient);
    const plain::Array direction = random_array(parameter.shape, ++seed);
    plain::Array& values = parameters.at(parameter.name);
    const plain::Array middle = values;
    double norm = 0, derivative = 0;
    for (std::size_t i = 0; i < gradient.data.size(); ++i) {
      norm += gradient.data[i] * gradient.data[i];
      derivative += gradient.data[i] * direction.data[i];
    }
    norm = std::sqrt(norm);
    // A step so small that hardly any input of the 50,000 ReLUs changes sign, and large enough for 16 digits.
    constexpr double step = 1e-7;
    const auto moved = [&](double by) {
      for (std::size_t i = 0; i < values.data.size(); ++i) {
        values.data[i] = middle.data[i] + by * direction.data[i];
      }
      return loss_of();
    };
    const double expected = (moved(step) - moved(-step)) / (2 * step);
    values = middle;
    EXPECT_GT(norm, 0) << parameter.name << " got no gradient";
    // The derivative along a random direction is about as large as the norm of the gradient.
    // Inputs of ReLUs have relative errors of about 1e-5, so a few of the 50,000 differ in sign from theirs in
    // double precision. Each of these changes the gradients of the layers before it.
    // A scalar that sums larger terms of both signs deviates by up to 6e-6.
    EXPECT_NEAR(derivative, expected, most_by_signs * std::max(norm, std::abs(expected)) + 1e-5)
        << parameter.name;
    errors.push_back(std::abs(derivative - expected) / std::max(norm, std::abs(expected)));
  }
  // Half of the parameters have an error far below that limit, as wrong terms would not.
  std::ranges::nth_element(errors, errors.begin() + std::ssize(errors) / 2);
  EXPECT_LT(errors[errors.size() / 2], 5e-4);
}

INSTANTIATE_TEST_SUITE_P(Variants, WholeNetwork,
                         testing::Values(Variant{"tied", {2, 130, 3, 0, 4, true, 0.2}},
                                         Variant{"untied_with_covariates", {2, 120, 3, 2, 4, false, 0.2}},
                                         Variant{"one_lead_no_dropout", {1, 140, 3, 1, 5, true, 0}}),
                         [](const auto& variant) { return variant.param.name; });

TEST(SeEcgNet, EvaluationEqualsDoublePrecision) {
  const SeEcgNetOptions options{2, 300, 3, 1, 4};
  SeEcgNet net(options, cpu, 3);
  const plain::Array x = random_array({3, 300, 2, 1}, 1);
  const plain::Array covariates = random_array({3, 1}, 2);
  Pass training{cpu, nullptr, true};
  net.forward(training, to_tensor(x), to_tensor(covariates));  // changes the running statistics from 0 and 1
  plain::Arrays states = states_of(net.parameters());
  const plain::Array expected =
      plain::se_ecgnet(options, to_arrays(net.parameters()), states, {}, x, covariates);
  Pass evaluation{cpu};
  const Var y = net.forward(evaluation, to_tensor(x), to_tensor(covariates));
  expect_close(to_array(y.value), expected, 1e-4, "logits");
  EXPECT_EQ(evaluation.next_operation, 0U) << "evaluation drew random numbers";
  for (const auto& [name, state] : states_of(net.parameters())) {
    EXPECT_EQ(state.data, states.at(name).data) << name << " changed in evaluation";
  }
}

}  // namespace
}  // namespace sec::model
