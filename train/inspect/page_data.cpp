#include "train/inspect/page_data.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "engine/error.h"
#include "train/inspect/arrays.h"

namespace sec::train {
namespace {

using io::Json;

constexpr std::int64_t most_bins = 200;     // of a strip in time
constexpr std::int64_t most_channels = 64;  // of a map
constexpr std::size_t response_bins = 65;   // of a filter's gain

// The shape without a batch axis of 1.
std::vector<std::int64_t> shape_of(const Shape& shape) {
  std::vector<std::int64_t> extents;
  for (int axis = shape[0] == 1 && shape.rank() > 1 ? 1 : 0; axis < shape.rank(); ++axis) {
    extents.push_back(shape[axis]);
  }
  return extents;
}

double norm_of(const std::vector<float>& values) {
  double squares = 0;
  for (const float value : values) {
    squares += static_cast<double>(value) * value;
  }
  return std::sqrt(squares);
}

// Mean magnitude, smallest and largest value in bins of time.
struct Strip {
  std::vector<float> mean, low, high;  // (bins)
};

Strip strip_of(const std::vector<float>& values, std::int64_t length, std::int64_t bins) {
  Strip strip;
  const std::int64_t row = std::ssize(values) / length;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const auto begin = values.begin() + bin * length / bins * row;
    const auto end = values.begin() + std::max(bin * length / bins + 1, (bin + 1) * length / bins) * row;
    double sum = 0;
    std::for_each(begin, end, [&](float value) { sum += std::abs(static_cast<double>(value)); });
    strip.mean.push_back(static_cast<float>(sum / static_cast<double>(end - begin)));
    strip.low.push_back(*std::min_element(begin, end));
    strip.high.push_back(*std::max_element(begin, end));
  }
  return strip;
}

// The mean over leads and the times of a bin, of the first channels: (bins, channels).
std::vector<float> map_of(const ObservedNode& node, std::int64_t bins, std::int64_t channels) {
  const std::int64_t length = node.shape[1];
  const std::int64_t rows = node.shape[2];
  const std::int64_t all = node.shape[3];
  std::vector<float> map;
  for (std::int64_t bin = 0; bin < bins; ++bin) {
    const std::int64_t begin = bin * length / bins;
    const std::int64_t end = std::max(begin + 1, (bin + 1) * length / bins);
    for (std::int64_t c = 0; c < channels; ++c) {
      double sum = 0;
      for (std::int64_t i = begin * rows; i < end * rows; ++i) {
        sum += static_cast<double>(node.values[static_cast<std::size_t>(i * all + c)]);
      }
      map.push_back(static_cast<float>(sum / static_cast<double>((end - begin) * rows)));
    }
  }
  return map;
}

void add_values(Json& json, const ObservedNode& node) {
  const bool in_time = node.shape.rank() == 4 && node.shape[0] == 1;
  const std::int64_t length = in_time ? node.shape[1] : 1;
  const std::int64_t bins = std::min(length, most_bins);
  const Strip strip = strip_of(node.values, length, bins);
  json["strip"] = {{"mean", f16_array(strip.mean, {bins})},
                   {"min", f16_array(strip.low, {bins})},
                   {"max", f16_array(strip.high, {bins})}};
  if (in_time) {
    const std::int64_t channels = std::min(node.shape[3], most_channels);
    json["maps"] = u8_array(map_of(node, bins, channels), {bins, channels});
  }
}

const ObservedNode* find_operation(const Observation& observation, std::string_view operation) {
  const auto found = std::ranges::find(observation.nodes, operation, &ObservedNode::operation);
  return found == observation.nodes.end() ? nullptr : &*found;
}

std::vector<double> gain_of(const std::vector<float>& filter) {
  std::vector<double> gains;
  for (std::size_t bin = 0; bin < response_bins; ++bin) {
    const double angle =
        std::numbers::pi * static_cast<double>(bin) / (response_bins - 1);  // radians per sample
    double real = 0;
    double imaginary = 0;
    for (std::size_t t = 0; t < filter.size(); ++t) {
      real += static_cast<double>(filter[t]) * std::cos(angle * static_cast<double>(t));
      imaginary -= static_cast<double>(filter[t]) * std::sin(angle * static_cast<double>(t));
    }
    gains.push_back(std::hypot(real, imaginary));
  }
  return gains;
}

}  // namespace

Json nodes_json(const Observation& observation, double rate, bool values) {
  Json nodes = Json::array();
  const auto ms = [rate](std::int64_t samples) { return 1000 * static_cast<double>(samples) / rate; };
  for (std::size_t i = 0; i < observation.nodes.size(); ++i) {
    const ObservedNode& node = observation.nodes[i];
    Json json = {{"id", i},
                 {"name", node.name},
                 {"op", node.operation},
                 {"group", node.group},
                 {"inputs", node.inputs},
                 {"shape", shape_of(node.shape)},
                 {"bytes", node.shape.count() * static_cast<std::int64_t>(sizeof(float))},
                 {"macs", node.macs},
                 {"parameters", node.parameter_count()},
                 {"order", i}};
    json["field"] = node.field ? Json({{"first_ms", ms(node.field->first)},
                                       {"size_ms", ms(node.field->size)},
                                       {"stride_ms", ms(node.field->stride)}})
                               : Json();
    json["backward_order"] = node.backward_order >= 0 ? Json(node.backward_order) : Json();
    if (values) {
      json["gradient_norm"] = node.gradient.empty() ? Json() : Json(norm_of(node.gradient));
      add_values(json, node);
    }
    nodes.push_back(std::move(json));
  }
  return nodes;
}

Json memory_json(const Observation& observation) {
  Json steps = Json::array();
  const auto add = [&](const char* phase, int node, std::int64_t bytes) {
    steps.push_back({{"step", steps.size()}, {"phase", phase}, {"node", node}, {"bytes", bytes}});
  };
  for (std::size_t i = 0; i < observation.nodes.size(); ++i) {
    if (!observation.nodes[i].inputs.empty()) {
      add("forward", static_cast<int>(i), observation.nodes[i].forward_bytes);
    }
  }
  for (const int node : observation.walk) {
    add("backward", node, observation.nodes[static_cast<std::size_t>(node)].backward_bytes);
  }
  return steps;
}

Json stem_json(const Observation& observation, Stream& stream, double rate) {
  const ObservedNode* conv = find_operation(observation, "conv");
  if (conv == nullptr) {
    return {};
  }
  const layers::Parameter& weight = *conv->parameters.front();  // (K, Ci, Co)
  const std::vector<float> w = weight.value.to_vector(stream);
  const std::int64_t taps = weight.shape[0];
  const std::int64_t leads = weight.shape[1];
  const std::int64_t channels = weight.shape[2];
  std::vector<float> filters;
  std::vector<float> gains;
  for (std::int64_t c = 0; c < channels; ++c) {
    std::vector<float> strongest;
    for (std::int64_t lead = 0; lead < leads; ++lead) {
      std::vector<float> filter;
      for (std::int64_t t = 0; t < taps; ++t) {
        filter.push_back(w[static_cast<std::size_t>((t * leads + lead) * channels + c)]);
      }
      if (strongest.empty() || norm_of(filter) > norm_of(strongest)) {
        strongest = filter;
      }
    }
    filters.insert(filters.end(), strongest.begin(), strongest.end());
    const std::vector<double> gain = gain_of(strongest);
    std::ranges::transform(gain, std::back_inserter(gains), [](double g) { return static_cast<float>(g); });
  }
  std::vector<double> hz;
  for (std::size_t bin = 0; bin < response_bins; ++bin) {
    hz.push_back(rate / 2 * static_cast<double>(bin) / (response_bins - 1));
  }
  return {{"filters", f32_array(filters, {channels, taps})},
          {"response",
           {{"hz", hz}, {"gain", f32_array(gains, {channels, static_cast<std::int64_t>(hz.size())})}}}};
}

std::vector<Contribution> contributions(const Observation& observation, Stream& stream) {
  const ObservedNode& linear = observation.nodes.back();
  require(linear.operation == "linear" && linear.shape[0] == 1,
          "the head of the network is {}, expected one linear layer", linear.name);
  const ObservedNode& features = observation.nodes[static_cast<std::size_t>(linear.inputs.front())];
  const std::vector<float> w = linear.parameters[0]->value.to_vector(stream);  // (in, classes)
  const std::vector<float> bias = linear.parameters[1]->value.to_vector(stream);
  const std::size_t classes = bias.size();
  std::vector<Contribution> parts;
  std::size_t row = 0;
  for (const int input : features.inputs) {
    const ObservedNode& part = observation.nodes[static_cast<std::size_t>(input)];
    const bool scale = part.group.starts_with("scale ");
    const std::string name = scale                             ? part.group.substr(6)
                             : part.group == "input"           ? "covariates"
                             : part.operation == "split"       ? "covariates"
                             : part.group.starts_with("stack") ? part.group
                             : part.group.starts_with("lstm")  ? part.group
                             : part.group == "intervals"       ? part.group
                                                               : "features";
    auto found = std::ranges::find(parts, name, &Contribution::name);
    if (found == parts.end()) {
      parts.push_back({name, std::vector<double>(classes)});
      found = std::prev(parts.end());
    }
    for (const float value : part.values) {
      for (std::size_t c = 0; c < classes; ++c) {
        found->logits[c] += static_cast<double>(value) * w[row * classes + c];
      }
      ++row;
    }
  }
  parts.push_back({"bias", {bias.begin(), bias.end()}});
  return parts;
}

std::optional<UsualGates> usual_gates(const GatesAndFeatures& reference, const std::vector<int>& labels,
                                      int label, const std::string& name) {
  const auto count = std::ranges::count(labels, label);
  if (count == 0) {
    return std::nullopt;
  }
  UsualGates usual{name, {}};
  for (const std::vector<float>& gate : reference.gates) {
    const std::size_t channels = gate.size() / labels.size();
    std::vector<double> sums(channels);
    for (std::size_t i = 0; i < gate.size(); ++i) {
      sums[i % channels] += labels[i / channels] == label ? gate[i] : 0.0F;
    }
    auto& means = usual.values.emplace_back();
    std::ranges::transform(sums, std::back_inserter(means),
                           [&](double sum) { return static_cast<float>(sum / static_cast<double>(count)); });
  }
  return usual;
}

Json gates_json(const Observation& observation, const std::vector<UsualGates>& usual) {
  Json gates = Json::array();
  for (std::size_t i = 0; i < observation.nodes.size(); ++i) {
    const ObservedNode& node = observation.nodes[i];
    if (node.operation != "gate") {
      continue;
    }
    const ObservedNode& excite = observation.nodes[static_cast<std::size_t>(node.inputs.back())];
    const std::vector<std::int64_t> shape = {std::ssize(excite.values)};
    Json means = Json::object();
    for (const UsualGates& one : usual) {
      means[one.name] = f16_array(one.values.at(gates.size()), shape);
    }
    gates.push_back({{"name", excite.name},
                     {"node", i},
                     {"values", f16_array(excite.values, shape)},
                     {"usual", std::move(means)}});
  }
  return gates;
}

Json attribution_json(const std::string& method, const std::string& baseline, const Target& target,
                      const Attribution& attribution, const model::NetworkOptions& options) {
  Json json = {{"method", method},
               {"baseline", baseline},
               {"class", target.chosen},
               {"values", f32_array(attribution.x, {options.length, options.leads})},
               {"covariates", attribution.covariates},
               {"sum", attribution.sum},
               {"logit_difference", attribution.difference},
               {"completeness_error", attribution.completeness_error()},
               {"steps", attribution.steps}};
  std::vector<double> channels(static_cast<std::size_t>(options.leads));
  for (std::size_t i = 0; i < attribution.x.size(); ++i) {
    channels[i % channels.size()] += attribution.x[i];
  }
  json["channels"] = channels;
  return json;
}

Json deletion_json(const DeletionCurve& curve) {
  return {{"fraction", curve.fraction}, {"logit", curve.target}, {"random", curve.random}};
}

}  // namespace sec::train
