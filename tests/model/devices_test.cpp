// Runs one training pass of the whole network on every device.
// Loss, logits, gradients and running statistics must agree with the cpu device.
#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "engine/philox.h"
#include "engine/stream.h"
#include "layers/accumulate.h"
#include "layers/loss.h"
#include "model/se_ecgnet.h"

namespace sec::model {
namespace {

// With this batch size the last batch norms have a dozen values per channel.
// Two or three values per channel would make batch norm amplify rounding errors a thousandfold.
constexpr std::int64_t n = 8;

std::vector<float> numbers(std::int64_t count, std::uint32_t which) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = 2 * uniform({30, 0, which}, i) - 1;
  }
  return values;
}

using Named = std::map<std::string, std::vector<float>>;

// Runs one forward and backward pass in training mode with dropout.
Named training_pass(Device device, const SeEcgNetOptions& o) {
  OwnedStream owned(device);
  Stream& stream = owned;
  SeEcgNet net(o, stream, 5);
  const Tensor x = Tensor::from(stream, {n, o.length, o.leads, 1}, numbers(n * o.length * o.leads, 1));
  const Tensor covariates =
      o.covariates > 0 ? Tensor::from(stream, {n, o.covariates}, numbers(n * o.covariates, 2)) : Tensor();
  const Tensor labels = Tensor::from(stream, {n}, std::vector<std::int32_t>{2, 0, 1, 2, 1, 0, 0, 2});
  Tape tape(stream, layers::accumulate);
  layers::Pass pass{stream, &tape, true, 7, 3};
  const Var logits = net.forward(pass, x, covariates);
  const Var loss = layers::softmax_cross_entropy(pass, 0.1F, logits, labels, {});
  tape.backward(loss, Tensor::from(stream, {1}, std::vector<float>{1}));
  Named results = {{"loss", loss.value.to_vector(stream)}, {"logits", logits.value.to_vector(stream)}};
  for (const layers::Parameter& p : net.parameters().parameters()) {
    results["gradient of " + p.name] = p.gradient.to_vector(stream);
  }
  for (const layers::State& s : net.parameters().state()) {
    results[s.name] = s.value.to_vector(stream);
  }
  return results;
}

double length_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) {
    squares += static_cast<double>(value) * value;
  }
  return std::sqrt(squares);
}

struct Variant {
  std::string name;
  SeEcgNetOptions options;
};

class Devices : public testing::TestWithParam<std::tuple<Device, Variant>> {};

TEST_P(Devices, AgreeWithCpu) {
  const auto& [device, variant] = GetParam();
  const std::string reason = why_unavailable(device);
  if (!reason.empty()) {
    GTEST_SKIP() << "NOT TESTED on " << name_of(device) << ": " << reason;
  }
  const Named expected = training_pass(Device::cpu, variant.options);
  const Named got = training_pass(device, variant.options);
  ASSERT_EQ(got.size(), expected.size());
  double worst = 0;  // largest error, as a multiple of the tolerance
  std::vector<std::string> wrong;
  for (const auto& [name, values] : expected) {
    const std::vector<float>& others = got.at(name);
    ASSERT_EQ(others.size(), values.size()) << name;
    std::vector<float> difference(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      difference[i] = others[i] - values[i];
    }
    // The devices add f32 values in different orders. In a network this deep, f32 and double-precision
    // gradients differ by up to 6e-4 of the norm (see SeEcgNet.EqualsDoublePrecision).
    // A scalar that sums larger terms of both signs deviates by 6e-6. A wrong term causes much larger errors.
    const double ratio = length_of(difference) / (1e-3 * length_of(values) + 1e-5);
    if (!(ratio <= 1)) {
      wrong.push_back(fmt::format("{}, {:.3g} of the tolerance", name, ratio));
    }
    worst = std::max(worst, ratio);
  }
  EXPECT_TRUE(wrong.empty()) << wrong.size() << " of " << expected.size() << ", as " << wrong.front();
  RecordProperty("worst", std::to_string(worst));
}

INSTANTIATE_TEST_SUITE_P(
    All, Devices,
    testing::Combine(testing::Values(Device::simt, Device::cuda),
                     testing::Values(Variant{"tied", {2, 330, 3, 0, 4, true, 0.2}},
                                     Variant{"untied_with_covariates", {3, 310, 3, 2, 8, false, 0.2}},
                                     Variant{"one_lead_no_dropout", {1, 350, 3, 1, 5, true, 0}})),
    [](const auto& one) {
      return std::string(name_of(std::get<0>(one.param))) + "_" + std::get<1>(one.param).name;
    });

}  // namespace
}  // namespace sec::model
