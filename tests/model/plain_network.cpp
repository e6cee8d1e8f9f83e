#include "tests/model/plain_network.h"

#include <fmt/format.h>

#include <utility>

namespace sec::plain {
namespace {

struct Network {
  const model::SeEcgNetOptions& options;
  const Arrays& parameters;
  Arrays& states;
  const Mode& mode;
  std::uint32_t operation = 0;  // index of the next dropout

  const Array& at(const std::string& name) const { return parameters.at(name); }

  Array bn(const std::string& name, const Array& x) {
    Statistics used = {states.at(name + ".running_mean"), states.at(name + ".running_var")};
    if (mode.training) {
      used = statistics(x);
      update_running(states.at(name + ".running_mean"), states.at(name + ".running_var"), x);
    }
    return batch_norm(x, used, at(name + ".weight"), at(name + ".bias"), 1e-5);
  }

  Array drop(const Array& x) {
    if (!mode.training || options.dropout == 0) {
      return x;
    }
    return dropout(x, options.dropout, {mode.seed, mode.step, std::exchange(operation, operation + 3)});
  }

  Array se(const std::string& name, const Array& x) {
    const Array hidden =
        relu(linear(global_average_pool(x), at(name + ".fc1.weight"), at(name + ".fc1.bias")));
    return gate(x, sigmoid(linear(hidden, at(name + ".fc2.weight"), at(name + ".fc2.bias"))));
  }

  Array downsample(const std::string& stage, int block, const Array& x) {
    const std::string name = fmt::format("{}.{}.downsample", stage, options.tied ? 0 : block);
    return conv(relu(bn(name + ".bn", x)), at(name + ".conv.weight"), at(name + ".conv.bias"), 2, 0);
  }

  Array trunk_block(int i, const Array& x) {
    const std::string name = fmt::format("block1.{}", i);
    const Array y = se(name + ".se", conv(relu(bn(name + ".bn1", x)), at(name + ".conv1.weight"), {}, 2, 7));
    return relu(add(y, downsample("block1", i, x)));
  }

  Array per_lead_block(int branch, int i, std::int64_t k, const Array& x) {
    const std::string name = fmt::format("block2_list.{}.{}", branch, i);
    Array y = conv(relu(bn(name + ".bn1", x)), at(name + ".conv1.weight"), {}, 1, k / 2);
    y = conv(drop(relu(bn(name + ".bn2", y))), at(name + ".conv2.weight"), {}, 1, k / 2);
    y = conv(drop(relu(bn(name + ".bn3", y))), at(name + ".conv3.weight"), {}, 1, k / 2);
    return relu(add(se(name + ".se", y), x));
  }

  Array all_leads_block(int branch, int i, std::int64_t k, const Array& x) {
    const std::string stage = fmt::format("block3_list.{}", branch);
    const std::string name = fmt::format("{}.{}", stage, i);
    Array y = se(name + ".se1", conv(relu(bn(name + ".bn1", x)), at(name + ".conv1.weight"), {}, 2, k / 2));
    y = add(y, downsample(stage, i, x));
    Array z = y;
    for (int j = 2; j <= 4; ++j) {
      z = drop(relu(bn(fmt::format("{}.bn{}", name, j), z)));
      z = conv(z, at(fmt::format("{}.conv{}.weight", name, j)), {}, 1, k / 2);
    }
    return relu(add(se(name + ".se2", z), y));
  }
};

}  // namespace

Array se_ecgnet(const model::SeEcgNetOptions& options, const Arrays& parameters, Arrays& states,
                const Mode& mode, const Array& x, const Array& covariates) {
  Network net{options, parameters, states, mode};
  Array y = relu(net.bn("bn1", conv(x, net.at("conv1.weight"), {}, 2, 0)));
  for (int i = 0; i < 3; ++i) {
    y = net.trunk_block(i, y);
  }
  std::vector<Array> features;
  for (int branch = 0; branch < 3; ++branch) {
    const std::int64_t k = 3 + 2 * branch;
    net.operation = static_cast<std::uint32_t>(branch);  // operations of the branches are interleaved
    Array z = y;
    for (int i = 0; i < 4; ++i) {
      z = net.per_lead_block(branch, i, k, z);
    }
    z.shape = {z.shape[0], z.shape[1], 1, z.shape[2] * z.shape[3]};
    for (int i = 0; i < 4; ++i) {
      z = net.all_leads_block(branch, i, k, z);
    }
    features.push_back(global_average_pool(z));
  }
  if (covariates.defined()) {
    features.push_back(covariates);
  }
  return linear(concat(features), net.at("fc.weight"), net.at("fc.bias"));
}

void update_running(Array& mean, Array& variance, const Array& x) {
  const Statistics batch = statistics(x);
  const double n = rows(x);
  for (std::size_t c = 0; c < mean.data.size(); ++c) {
    mean.data[c] += 0.1 * (batch.mean.data[c] - mean.data[c]);
    variance.data[c] += 0.1 * (batch.variance.data[c] * n / (n - 1) - variance.data[c]);
  }
}

}  // namespace sec::plain
