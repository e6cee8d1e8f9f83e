// Compares every network in tf32 and bf16 with the same network in f32, on the devices that support them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/philox.h"
#include "engine/precision.h"
#include "engine/stream.h"
#include "layers/accumulate.h"
#include "layers/loss.h"
#include "layers/pointwise.h"
#include "model/networks.h"

namespace sec::model {
namespace {

// As in devices_test.cpp, the batch size gives batch norm more than a few values per channel.
constexpr std::int64_t n = 8;

std::vector<float> numbers(std::int64_t count, std::uint32_t which) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 2 * uniform({31, 0, which}, i) - 1;
  }
  return values;
}

using Named = std::map<std::string, std::vector<float>>;

// The operations of a pass with the element types of their outputs.
using Types = std::set<std::pair<std::string, DType>>;

// Multiplies each weight by a random number in [1 - by, 1 + by].
void shake_weights(Network& net, float by, Stream& stream) {
  Tensor weights = net.parameters().values();
  std::vector<float> values = weights.to_vector(stream);
  const std::vector<float> draws = numbers(weights.count(), 3);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] *= 1 + by * draws[i];
  }
  weights.assign(stream, std::span<const float>(values));
}

// Perturbs the weights by `shake`, then runs one forward and backward pass in training mode.
Named training_pass(Device device, const NetworkOptions& o, Precision precision, float shake = 0,
                    Types* types = nullptr) {
  OwnedStream owned(device);
  Stream& stream = owned;
  stream.tf32 = allows_tf32(precision);
  const auto net = make_network(o, stream, 5);
  shake_weights(*net, shake, stream);
  const Tensor x = Tensor::from(stream, {n, o.length, o.leads, 1}, numbers(n * o.length * o.leads, 1));
  const Tensor covariates =
      o.covariates > 0 ? Tensor::from(stream, {n, o.covariates}, numbers(n * o.covariates, 2)) : Tensor();
  const Tensor labels = Tensor::from(stream, {n}, std::vector<std::int32_t>{2, 0, 1, 2, 1, 0, 0, 2});
  Tape tape(stream, layers::accumulate);
  if (types != nullptr) {
    tape.watch(
        [&](const Tape::Operation& operation) { types->emplace(operation.name, operation.value.type()); });
  }
  layers::Pass pass{stream, &tape, true, 7, 3};
  pass.activations = activations_in(precision);
  const Var logits = net->forward(pass, x, covariates);
  const Var loss = layers::softmax_cross_entropy(pass, 0.1F, logits, labels, {});
  tape.backward(loss, Tensor::from(stream, {1}, std::vector<float>{1}));
  EXPECT_EQ(logits.value.type(), DType::f32);
  return {{"loss", loss.value.to_vector(stream)},
          {"logits", logits.value.to_vector(stream)},
          {"gradient", net->parameters().gradients().to_vector(stream)},
          {"running statistics", net->parameters().states().to_vector(stream)}};
}

// The norm of the difference, relative to the norm of `expected`.
double distance_of(const std::vector<float>& got, const std::vector<float>& expected) {
  EXPECT_EQ(got.size(), expected.size());
  double difference = 0, length = 0;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    difference += std::pow(static_cast<double>(got[i]) - expected[i], 2);
    length += std::pow(static_cast<double>(expected[i]), 2);
  }
  return length > 0 ? std::sqrt(difference / length) : 0;
}

struct Sized {
  const char* model;
  std::int64_t leads, length, covariates, width, beats;

  NetworkOptions options() const {
    NetworkOptions o = released_options(model);
    o.leads = leads;
    o.length = length;
    o.classes = 3;
    o.covariates = covariates;
    o.width = width;
    o.beats = beats;
    o.dropout = 0;
    return o;
  }
};
constexpr Sized networks[] = {{"se-ecgnet", 2, 1200, 2, 16, 1},
                              {"resnet34", 2, 600, 0, 8, 1},
                              {"ecgnet", 2, 400, 1, 8, 1},
                              {"bircnn", 2, 260, 5, 16, 2}};

class InPrecision : public testing::TestWithParam<std::tuple<Device, Sized>> {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(device());
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << name_of(device()) << ": " << reason;
    }
  }
  static Device device() { return std::get<0>(GetParam()); }
  // The operations whose outputs have this type in a bf16 pass.
  static std::set<std::string> types_of(DType type) {
    Types types;
    training_pass(device(), options(), Precision::bf16, 0, &types);
    std::set<std::string> names;
    for (const auto& [name, yielded] : types) {
      if (yielded == type) {
        names.insert(name);
      }
    }
    return names;
  }
  static NetworkOptions options() { return std::get<1>(GetParam()).options(); }
};

// The tolerance for rounding is measured, because the effect of rounding depends on the network.
// A rounding may flip the sign of a ReLU's input near zero and thereby switch a whole path of the gradient.
// The measurement computes in f32 and perturbs each weight by at most one rounding.
// A rounding is half a unit in the last place of tf32 or bf16.
// A pass in tf32 or bf16 rounds a few times per layer.
// Independent errors add up as squares, so 4 times the measured distance is allowed.
// The limit is at most 0.9 of the gradient's norm, because a missing or wrong gradient differs by 1 or more.
TEST_P(InPrecision, EqualsF32ButForRounding) {
  const Named expected = training_pass(device(), options(), Precision::f32);
  for (const auto& [precision, rounding] :
       {std::pair{Precision::tf32, 0x1p-11F}, std::pair{Precision::bf16, 0x1p-8F}}) {
    const Named got = training_pass(device(), options(), precision);
    const Named shaken = training_pass(device(), options(), Precision::f32, rounding);
    for (const auto& [name, values] : expected) {
      if (values.size() < 2) {
        continue;  // skip bircnn's empty running statistics, and the loss, which may agree by chance
      }
      const double distance = distance_of(got.at(name), values);
      const double usual = distance_of(shaken.at(name), values);
      EXPECT_LE(distance, std::min(4 * usual, 0.9)) << name_of(precision) << " " << name;
      EXPECT_GE(distance, usual / 8) << name_of(precision) << " " << name << ": nothing was rounded";
    }
  }
}

// Activations are bf16 up to the head, except for activations computed from covariates only.
TEST_P(InPrecision, HandsOnBf16BetweenLayers) {
  if (options().model == "bircnn") {
    EXPECT_EQ(types_of(DType::f32), (std::set<std::string>{"cast", "concat", "last_states", "linear", "lstm",
                                                           "softmax_cross_entropy", "split", "view"}));
  } else {
    EXPECT_EQ(types_of(DType::f32),
              (std::set<std::string>{"cast", "concat", "linear", "softmax_cross_entropy"}));
  }
  const std::set<std::string> in_bf16 = types_of(DType::bf16);
  for (const char* name : {"cast", "conv"}) {
    EXPECT_TRUE(in_bf16.contains(name)) << name;
  }
  EXPECT_TRUE(in_bf16.contains("relu") || in_bf16.contains("batch_norm_relu"));
  if (options().model == "se-ecgnet") {
    EXPECT_TRUE(in_bf16.contains("pre_activation_conv") && in_bf16.contains("residual"));
  }
}

// A cast to bf16 rounds values to nearest, ties to even, and returns an f32 gradient.
// A cast to f32 rounds the gradient to bf16.
TEST(Cast, RoundsValuesOneWayAndGradientsTheOther) {
  OwnedStream owned(Device::simt);
  Stream& stream = owned;
  const std::vector<float> values = numbers(1000, 4);
  const auto rounded = [](std::vector<float> some) {
    for (float& value : some) {
      value = static_cast<float>(bf16(value));
    }
    return some;
  };
  for (const DType to : {DType::bf16, DType::f32}) {
    const Tensor x = Tensor::from(stream, {10, 100}, values);
    Tape tape(stream, layers::accumulate);
    layers::Pass pass{stream, &tape};
    const Var leaf = tape.leaf(to == DType::bf16 ? x : layers::cast(pass, x, DType::bf16).value);
    const Var y = layers::cast(pass, leaf, to);
    EXPECT_EQ(y.value.type(), to);
    EXPECT_EQ(y.value.to_vector(stream), rounded(values));
    EXPECT_EQ(layers::cast(pass, y, to).node, y.node);  // nothing to do
    const Tensor gradient = Tensor::from(stream, {10, 100}, numbers(1000, 5));
    tape.backward(y, to == DType::bf16 ? layers::cast(pass, gradient, to).value : gradient);
    EXPECT_NE(tape.gradient_of(leaf).type(), to);
    EXPECT_EQ(tape.gradient_of(leaf).to_vector(stream), rounded(numbers(1000, 5)));
  }
}

INSTANTIATE_TEST_SUITE_P(All, InPrecision,
                         testing::Combine(testing::Values(Device::simt, Device::cuda),
                                          testing::ValuesIn(networks)),
                         [](const auto& one) {
                           std::string name(std::get<1>(one.param).model);
                           std::ranges::replace(name, '-', '_');
                           return fmt::format("{}_{}", name_of(std::get<0>(one.param)), name);
                         });

}  // namespace
}  // namespace sec::model
