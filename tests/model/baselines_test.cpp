// Tests the sizes and errors of the baselines. tests/parity compares their results with PyTorch.
#include <gtest/gtest.h>

#include "model/networks.h"
#include "tests/layers/check_layer.h"

namespace sec::model {
namespace {

NetworkOptions options_of(const std::string& model) {
  NetworkOptions options = released_options(model);
  options.leads = 8;
  options.classes = 34;
  if (model == "bircnn") {
    options.beats = 11;
    options.length = 11 * 361;
    options.covariates = 22;
  }
  return options;
}

// The total number of parameters in the summary.
std::int64_t summed(const Network& network) {
  const std::string text = network.summary();
  const std::string total = text.substr(text.rfind("total"));
  return std::stoll(total.substr(total.find_first_of("0123456789")));
}

// The parameter counts are those of the PyTorch modules in tools/parity/baselines.py.
TEST(Baselines, HaveTheReleasedSizes) {
  for (const auto& [model, parameters] :
       {std::pair{"resnet34", 16614562}, std::pair{"ecgnet", 1049010}, std::pair{"bircnn", 8240674}}) {
    const auto network = make_network(options_of(model), cpu, 1);
    EXPECT_EQ(network->parameters().count(), parameters) << model;
    EXPECT_EQ(summed(*network), parameters) << model;
  }
}

TEST(Baselines, RefuseWhatDoesNotFit) {
  const auto error = [](NetworkOptions options) { return error_of([&] { make_network(options, cpu, 1); }); };
  NetworkOptions options = options_of("ecgnet");
  options.width = 2;
  options.length = 84;  // 268 samples concatenated, 128 after conv1, 1 after seven poolings
  EXPECT_EQ(error(options), "");
  options.length = 83;
  EXPECT_EQ(error(options), "ECGNet: 83 samples are too few, the shortest input is 84");
  options = options_of("resnet34");
  options.width = 2;
  options.length = 1;
  EXPECT_EQ(error(options), "");
  options.classes = 0;
  EXPECT_EQ(error(options), "ResNet34-1d: expected at least 1 class, got 0");
  options.classes = 2;
  options.beats = 3;
  EXPECT_EQ(error(options), "ResNet34-1d: expected 1 heartbeat, got 3");
  options = options_of("bircnn");
  options.width = 2;
  options.length = 11 * 121;
  EXPECT_EQ(error(options), "");
  options.length = 11 * 120;
  EXPECT_EQ(error(options), "BiRCNN: 120 samples of a heartbeat are too few, the shortest has 121");
  options.length = 11 * 121 + 1;
  EXPECT_EQ(error(options), "BiRCNN: expected 11 heartbeats of equal length, got 1332 samples");
  options.length = 11 * 121;
  options.covariates = 21;
  EXPECT_EQ(error(options),
            "BiRCNN: expected the 2 intervals of each of 11 heartbeats as covariates, got 21 covariates");
  options.model = "lenet";
  EXPECT_EQ(error(options), "unknown network \"lenet\"; known are se-ecgnet, resnet34, ecgnet, bircnn");
}

// Errors name the network and the expected shape.
TEST(Baselines, RefuseInputsOfAnotherShape) {
  for (const char* model : {"resnet34", "ecgnet", "bircnn"}) {
    NetworkOptions options = options_of(model);
    options.width = 2;
    options.length = 11 * 130;
    options.covariates = 23;
    const auto network = make_network(options, cpu, 1);
    layers::Pass pass{cpu};
    const Tensor covariates = Tensor::zeros(cpu, {2, 23});
    EXPECT_EQ(network->forward(pass, Tensor::zeros(cpu, {2, 1430, 8, 1}), covariates).shape(),
              Shape({2, 34}));
    const std::string title = network_title(model);
    EXPECT_EQ(error_of([&] {
                network->forward(pass, Tensor::zeros(cpu, {2, 1429, 8, 1}), covariates);
              }),
              title + ": expected an input (N, 1430, 8, 1), got (2, 1429, 8, 1)");
    EXPECT_EQ(error_of([&] {
                network->forward(pass, Tensor::zeros(cpu, {2, 1430, 8, 1}), Var());
              }).substr(0, 40),
              (title + ": expected covariates (2, 23), got ").substr(0, 40));
  }
}

}  // namespace
}  // namespace sec::model
