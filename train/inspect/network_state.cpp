#include "train/inspect/network_state.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "io/files/json.h"

namespace sec::train {
namespace {

using io::Json;

std::string layer_of(const std::string& parameter) {
  return parameter.substr(0, parameter.rfind('.'));
}

Json gradient_norms(layers::ParameterSet& set, Stream& stream) {
  std::vector<std::pair<std::string, double>> squares;  // in the order of the network
  double all = 0;
  for (const layers::Parameter& parameter : set.parameters()) {
    double sum = 0;
    for (const float value : parameter.gradient.to_vector(stream)) {
      sum += static_cast<double>(value) * value;
    }
    const std::string layer = layer_of(parameter.name);
    if (squares.empty() || squares.back().first != layer) {
      squares.emplace_back(layer, 0);
    }
    squares.back().second += sum;
    all += sum;
  }
  Json norms = Json::object();
  for (const auto& [layer, sum] : squares) {
    if (all > 0) {
      norms[layer] = std::sqrt(sum);
    }
  }
  return norms;
}

// Of layers that have any.
Json dead_channels(layers::ParameterSet& set, Stream& stream) {
  std::map<std::string, const layers::Parameter*> by_name;
  for (const layers::Parameter& parameter : set.parameters()) {
    by_name[parameter.name] = &parameter;
  }
  Json dead = Json::object();
  for (const layers::State& state : set.state()) {  // batch norms alone have states
    const std::string layer = layer_of(state.name);
    const auto scale = by_name.find(layer + ".weight");
    const auto shift = by_name.find(layer + ".bias");
    if (!state.name.ends_with(".running_mean") || scale == by_name.end() || shift == by_name.end()) {
      continue;
    }
    const std::vector<float> scales = scale->second->value.to_vector(stream);
    const std::vector<float> shifts = shift->second->value.to_vector(stream);
    std::int64_t count = 0;
    for (std::size_t c = 0; c < scales.size(); ++c) {
      count += shifts[c] + 3 * std::abs(scales[c]) < 0 ? 1 : 0;
    }
    if (count > 0) {
      dead[layer] = count;
    }
  }
  return dead;
}

Json gates_of(model::Network& network, Stream& stream, const NetworkInput& input) {
  const GatesAndFeatures values = gates_and_features(network, stream, input);
  if (values.gates.empty()) {
    return Json::object();
  }
  double sum = 0;
  double lowest = 1;
  double highest = 0;
  std::size_t channels = 0;
  for (const std::vector<float>& gate : values.gates) {
    double own = 0;
    for (const float value : gate) {
      own += static_cast<double>(value);
    }
    sum += own;
    channels += gate.size();
    lowest = std::min(lowest, own / static_cast<double>(gate.size()));
    highest = std::max(highest, own / static_cast<double>(gate.size()));
  }
  return {{"mean", sum / static_cast<double>(channels)}, {"lowest", lowest}, {"highest", highest}};
}

}  // namespace

std::string state_line(model::Network& network, Stream& stream, const NetworkInput& input, int epoch,
                       std::int64_t step, double loader_wait) {
  layers::ParameterSet& set = network.parameters();
  Json norms = gradient_norms(set, stream);  // before anything else writes gradients
  return Json({{"event", "state"},
               {"epoch", epoch},
               {"step", step},
               {"loader_wait", loader_wait},
               {"gradient_norms", std::move(norms)},
               {"dead_channels", dead_channels(set, stream)},
               {"gates", gates_of(network, stream, input)}})
      .dump();
}

}  // namespace sec::train
