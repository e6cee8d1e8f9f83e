// Observations of small networks: names, shapes, receptive fields, gradients, memory and the order of the walk.
#include "train/inspect/observe.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/philox.h"
#include "model/networks.h"
#include "tests/io/files.h"

namespace sec::train {
namespace {

NetworkInput random_input(const model::NetworkOptions& o, std::int64_t n, std::uint64_t seed = 1) {
  NetworkInput input{n, {}, {}};
  for (std::int64_t i = 0; i < n * o.length * o.leads; ++i) {
    input.x.push_back(2 * uniform({seed, 0, 1}, static_cast<std::uint64_t>(i)) - 1);
  }
  for (std::int64_t i = 0; i < n * o.covariates; ++i) {
    input.covariates.push_back(2 * uniform({seed, 0, 2}, static_cast<std::uint64_t>(i)) - 1);
  }
  return input;
}

model::NetworkOptions options_for(const std::string& model) {
  model::NetworkOptions o;
  o.model = model;
  o.leads = 2;
  o.length = model == "bircnn" ? 240 : 300;
  o.classes = 3;
  o.covariates = 4;
  o.width = model == "se-ecgnet" ? 8 : 4;
  o.dropout = 0;
  o.beats = 1;
  return o;
}

// Moves running statistics and biases away from their initial values, so that a missing term shows.
void shake(model::Network& network, Stream& stream) {
  std::uint64_t at = 0;
  for (layers::State& state : network.parameters().state()) {
    std::vector<float> values = state.value.to_vector(stream);
    for (float& value : values) {
      value += 0.5F * uniform({3, 0, 0}, at++);
    }
    state.value.assign(stream, values);
  }
  for (layers::Parameter& parameter : network.parameters().parameters()) {
    std::vector<float> values = parameter.value.to_vector(stream);
    for (float& value : values) {
      value += 0.05F * (uniform({3, 0, 1}, at++) - 0.5F);
    }
    parameter.value.assign(stream, values);
  }
}

class ObserveNetwork : public testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    options_ = options_for(GetParam());
    network_ = model::make_network(options_, stream_, 5);
    shake(*network_, stream_);
    input_ = random_input(options_, 1);
    observation_ = observe(*network_, stream_, input_, target_);
  }

  Stream stream_;
  model::NetworkOptions options_;
  std::unique_ptr<model::Network> network_;
  NetworkInput input_;
  const std::vector<float> target_ = {1, -1, 0};
  Observation observation_;
};

// The forward pass without a tape runs fused kernels, where the device has them: an independent path.
TEST_P(ObserveNetwork, TheLogitsAreThoseOfThePassWithoutATape) {
  const std::vector<float> logits = logits_of(*network_, stream_, input_);
  ASSERT_EQ(observation_.logits.size(), logits.size());
  for (std::size_t i = 0; i < logits.size(); ++i) {
    EXPECT_NEAR(observation_.logits[i], logits[i],
                1e-4 * (1 + std::abs(logits[i])));  // sums in another order
  }
  EXPECT_EQ(observation_.nodes.back().values, observation_.logits);
}

TEST_P(ObserveNetwork, NamesAreUniqueAndEveryNodeComesAfterItsInputs) {
  std::set<std::string> names;
  for (std::size_t i = 0; i < observation_.nodes.size(); ++i) {
    const ObservedNode& node = observation_.nodes[i];
    EXPECT_TRUE(names.insert(node.name).second) << node.name;
    EXPECT_FALSE(node.group.empty());
    EXPECT_EQ(node.inputs.empty(), node.operation == "input" || node.operation == "covariates");
    for (const int from : node.inputs) {
      EXPECT_LT(from, static_cast<int>(i)) << node.name;
    }
    EXPECT_EQ(std::ssize(node.values), node.shape.count()) << node.name;
  }
}

// Central differences of the target in double steps along every input value.
TEST_P(ObserveNetwork, TheGradientOfTheInputIsThatOfDifferences) {
  const auto target_at = [&](const NetworkInput& input) {
    const std::vector<float> logits = logits_of(*network_, stream_, input);
    double sum = 0;
    for (std::size_t c = 0; c < logits.size(); ++c) {
      sum += static_cast<double>(target_[c]) * logits[c];
    }
    return sum;
  };
  // The derivative along a random direction, which every value of the input takes part in.
  const NetworkInput direction = random_input(options_, 1, 9);
  const float step = 2e-4F;
  NetworkInput ahead = input_;
  NetworkInput back = input_;
  double expected = 0;
  const auto along = [&](std::vector<float>& up, std::vector<float>& down, const std::vector<float>& by,
                         const std::vector<float>& gradient) {
    for (std::size_t i = 0; i < by.size(); ++i) {
      up[i] += step * by[i];
      down[i] -= step * by[i];
      expected += static_cast<double>(gradient[i]) * by[i];
    }
  };
  along(ahead.x, back.x, direction.x, observation_.node("input").gradient);
  along(ahead.covariates, back.covariates, direction.covariates, observation_.node("covariates").gradient);
  const double difference = (target_at(ahead) - target_at(back)) / (2 * static_cast<double>(step));
  EXPECT_GT(std::abs(expected), 0.01);
  // Kinks of ReLUs and f32 logits: a missing path would change the derivative by a large share.
  EXPECT_NEAR(difference, expected, 0.05 * (1 + std::abs(expected)));
}

// Without gates, poolings and LSTMs a change outside the receptive field changes nothing; inside it does.
TEST_P(ObserveNetwork, ReceptiveFieldsHoldWhatAnOutputSees) {
  const std::int64_t at = options_.length / 2;
  NetworkInput changed = input_;
  for (std::int64_t h = 0; h < options_.leads; ++h) {
    changed.x[static_cast<std::size_t>(at * options_.leads + h)] += 3;
  }
  const Observation other = observe(*network_, stream_, changed, target_);
  int checked = 0;
  for (std::size_t i = 0; i < observation_.nodes.size(); ++i) {
    const ObservedNode& node = observation_.nodes[i];
    if (node.operation == "gate" || node.operation == "excite") {
      break;  // from here on everything depends on the means of all samples
    }
    if (!node.field || node.shape.rank() != 4) {
      continue;
    }
    const std::int64_t row = node.shape[2] * node.shape[3];
    bool any = false;
    for (std::int64_t t = 0; t < node.shape[1]; ++t) {
      const std::int64_t first = node.field->first + t * node.field->stride;
      const bool sees = at >= first && at < first + node.field->size;
      bool differs = false;
      for (std::int64_t j = t * row; j < (t + 1) * row; ++j) {
        differs = differs || node.values[static_cast<std::size_t>(j)] !=
                                 other.nodes[i].values[static_cast<std::size_t>(j)];
      }
      EXPECT_TRUE(sees || !differs) << node.name << " position " << t;
      any = any || differs;
    }
    EXPECT_TRUE(any) << node.name;
    ++checked;
  }
  EXPECT_GE(checked, GetParam() == "ecgnet" ? 5 : 3);
}

TEST_P(ObserveNetwork, TheWalkGoesBackThroughEveryNodeWithAGradient) {
  std::set<int> seen;
  for (std::size_t i = 0; i < observation_.walk.size(); ++i) {
    const int index = observation_.walk[i];
    const ObservedNode& node = observation_.nodes[static_cast<std::size_t>(index)];
    EXPECT_TRUE(seen.insert(index).second);
    EXPECT_EQ(node.backward_order, static_cast<std::int64_t>(i));
    EXPECT_EQ(node.gradient.size(), node.values.size()) << node.name;
    EXPECT_GT(node.backward_bytes, observation_.initial_bytes);
  }
  EXPECT_EQ(observation_.walk.front(), static_cast<int>(observation_.nodes.size()) - 1);
  // Everything that a node reads is visited after it.
  for (std::size_t i = 0; i < observation_.nodes.size(); ++i) {
    for (const int from : observation_.nodes[i].inputs) {
      if (observation_.nodes[i].backward_order >= 0) {
        EXPECT_GT(observation_.nodes[static_cast<std::size_t>(from)].backward_order,
                  observation_.nodes[i].backward_order);
      }
    }
  }
}

// Saved tensors accumulate in the forward pass and are freed during the walk.
TEST_P(ObserveNetwork, MemoryRisesAndFalls) {
  std::int64_t before = observation_.initial_bytes;
  std::int64_t highest = 0;
  for (const ObservedNode& node : observation_.nodes) {
    if (!node.inputs.empty()) {
      highest = std::max(highest, node.forward_bytes);
      EXPECT_GE(node.forward_bytes, before) << node.name;
    }
  }
  const ObservedNode& first = observation_.node("input");
  EXPECT_LT(first.backward_bytes, highest);
}

TEST_P(ObserveNetwork, TheTableOfParametersAndMacsIsThatOfTheSummary) {
  std::int64_t macs = 0;
  std::set<const layers::Parameter*> parameters;
  for (const ObservedNode& node : observation_.nodes) {
    macs += node.macs;
    parameters.insert(node.parameters.begin(), node.parameters.end());
  }
  std::int64_t count = 0;
  for (const layers::Parameter* parameter : parameters) {
    count += parameter->shape.count();
  }
  EXPECT_EQ(count, network_->parameters().count());
  // The last line of Network::summary(): "total  PARAMETERS  MACS".
  const std::string text = network_->summary();
  const std::string last = text.substr(text.rfind("total"));
  EXPECT_NE(last.find(" " + std::to_string(macs) + "\n"), std::string::npos) << last << macs;
}

TEST_P(ObserveNetwork, BatchesHaveTheGradientsOfTheirSamples) {
  NetworkInput both = random_input(options_, 1, 4);
  both.n = 2;
  both.x.insert(both.x.end(), input_.x.begin(), input_.x.end());
  both.covariates.insert(both.covariates.end(), input_.covariates.begin(), input_.covariates.end());
  const InputGradient gradient = input_gradient(*network_, stream_, both, target_);
  const std::vector<float>& single = observation_.node("input").gradient;
  ASSERT_EQ(gradient.x.size(), 2 * single.size());
  double worst = 0;
  double largest = 0;
  for (std::size_t i = 0; i < single.size(); ++i) {
    worst = std::max(worst, std::abs(static_cast<double>(gradient.x[single.size() + i]) - single[i]));
    largest = std::max(largest, std::abs(static_cast<double>(single[i])));
  }
  EXPECT_GT(largest, 0);
  EXPECT_LT(worst, 1e-4 * largest);
}

INSTANTIATE_TEST_SUITE_P(Networks, ObserveNetwork, testing::ValuesIn(model::network_models()),
                         [](const auto& one) {
                           std::string name = one.param;
                           std::erase(name, '-');
                           return name;
                         });

TEST(Observe, SeEcgNetHasTheNamesOfItsLayersAndItsTrunk) {
  Stream stream;
  const model::NetworkOptions o = options_for("se-ecgnet");
  const auto network = model::make_network(o, stream, 5);
  const Observation observation = observe(*network, stream, random_input(o, 1), std::vector<float>{1, 0, 0});
  for (const char* name : {"input",
                           "covariates",
                           "conv1",
                           "bn1",
                           "bn1.relu",
                           "block1.0.bn1",
                           "block1.0.bn1.relu",
                           "block1.0.conv1",
                           "block1.0.se.mean",
                           "block1.0.se",
                           "block1.0.se.scaled",
                           "block1.0.downsample.conv",
                           "block1.0.sum",
                           "block1.0.out",
                           "block2_list.0.3.conv3",
                           "block3_list.2.3.se1",
                           "block3_list.2.3.sum1",
                           "block3_list.2.3.sum2",
                           "block3_list.2.3.out",
                           "block3_list.1.3.out.mean",
                           "features",
                           "fc"}) {
    EXPECT_NO_THROW(observation.node(name)) << name;
  }
}

TEST(Observe, TheTrunkOfSeEcgNetEndsBeforeItsBranches) {
  Stream stream;
  model::NetworkOptions o = options_for("se-ecgnet");
  o.tied = false;
  const auto network = model::make_network(o, stream, 5);
  const Observation observation = observe(*network, stream, random_input(o, 1), std::vector<float>{1, 0, 0});
  const ObservedNode& end = observation.nodes[static_cast<std::size_t>(trunk_end(observation))];
  EXPECT_EQ(end.name, "block1.2.out");
  EXPECT_EQ(end.group, "trunk");
  EXPECT_EQ(observation.node("block2_list.1.0.conv2").group, "scale 5");
  EXPECT_EQ(observation.node("conv1").group, "stem");
  EXPECT_EQ(observation.node("fc").group, "head");
  // The stem has 50 taps and a stride of 2; the trunk's first block 15 taps with padding 7, and the same stride.
  const auto field = [&](const char* name) { return observation.node(name).field.value(); };
  EXPECT_EQ(field("conv1").first, 0);
  EXPECT_EQ(field("conv1").size, 50);
  EXPECT_EQ(field("conv1").stride, 2);
  EXPECT_EQ(field("block1.0.conv1").first, -14);
  EXPECT_EQ(field("block1.0.conv1").size, 78);
  EXPECT_EQ(field("block1.0.conv1").stride, 4);
}

TEST(Observe, InputsOfAnotherSizeAreRefused) {
  Stream stream;
  const model::NetworkOptions o = options_for("se-ecgnet");
  const auto network = model::make_network(o, stream, 5);
  NetworkInput input = random_input(o, 1);
  input.x.pop_back();
  EXPECT_NE(io::error_of([&] {
              observe(*network, stream, input, std::vector<float>{1, 0, 0});
            }).find("599 values"),
            std::string::npos);
}

}  // namespace
}  // namespace sec::train
