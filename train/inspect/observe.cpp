#include "train/inspect/observe.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <numeric>

#include "engine/error.h"
#include "engine/memory.h"
#include "layers/accumulate.h"
#include "train/inspect/node_names.h"

namespace sec::train {
namespace {

// Samples per forward pass without observation: 32 heartbeats, or one recording of 8 leads with 4096 samples.
std::int64_t most_samples(const model::NetworkOptions& o) {
  constexpr std::int64_t values = 32 * 1024;
  return std::clamp<std::int64_t>(values / (o.length * o.leads), 1, 32);
}

Tensor input_tensor(const model::NetworkOptions& o, const NetworkInput& input, Stream& stream) {
  require(std::ssize(input.x) == input.n * o.length * o.leads &&
              std::ssize(input.covariates) == input.n * o.covariates,
          "{} input(s) of {} values and {} covariates, but the network takes {} x {} and {}", input.n,
          input.x.size(), input.covariates.size(), o.length, o.leads, o.covariates);
  return Tensor::from(stream, {input.n, o.length, o.leads, 1}, std::span<const float>(input.x));
}

Tensor covariate_tensor(const model::NetworkOptions& o, const NetworkInput& input, Stream& stream) {
  return o.covariates == 0
             ? Tensor()
             : Tensor::from(stream, {input.n, o.covariates}, std::span<const float>(input.covariates));
}

// The same gradient for every sample.
Tensor seed_of(std::span<const float> target, std::int64_t n, Stream& stream) {
  std::vector<float> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    rows.insert(rows.end(), target.begin(), target.end());
  }
  return Tensor::from(stream, {n, std::ssize(target)}, std::span<const float>(rows));
}

NetworkInput part_of(const model::NetworkOptions& o, const NetworkInput& input, std::int64_t begin,
                     std::int64_t count) {
  const auto rows = [&](const std::vector<float>& values, std::int64_t width) {
    return std::vector<float>(values.begin() + begin * width, values.begin() + (begin + count) * width);
  };
  return {count, rows(input.x, o.length * o.leads), rows(input.covariates, o.covariates)};
}

// Calls use(part, number of its samples) for consecutive parts of the input.
template <typename Use>
void for_each_part(const model::NetworkOptions& o, const NetworkInput& input, const Use& use) {
  const std::int64_t most = most_samples(o);
  for (std::int64_t begin = 0; begin < input.n; begin += most) {
    use(part_of(o, input, begin, std::min(most, input.n - begin)));
  }
}

void append(std::vector<float>& to, const std::vector<float>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

std::optional<ReceptiveField> field_of(const ObservedNode& node, const std::vector<ObservedNode>& nodes) {
  const auto& from = nodes[static_cast<std::size_t>(node.inputs.front())];
  if (node.shape.rank() != 4 || from.shape.rank() != 4 || !from.field) {
    return std::nullopt;
  }
  ReceptiveField field = *from.field;
  if (node.operation == "add") {
    const auto& other = nodes[static_cast<std::size_t>(node.inputs.at(1))].field;
    if (!other || other->stride != field.stride) {
      return std::nullopt;
    }
    const std::int64_t end = std::max(field.first + field.size, other->first + other->size);
    field.first = std::min(field.first, other->first);
    field.size = end - field.first;
    return field;
  }
  if (node.operation == "view") {
    const bool keeps_time = node.shape[0] == from.shape[0] && node.shape[1] == from.shape[1];
    return keeps_time ? std::optional(field) : std::nullopt;
  }
  const TimeWindow& w = node.window;
  return ReceptiveField{field.first - w.pad * field.stride, field.size + (w.k - 1) * field.stride,
                        field.stride * w.stride};
}

// Multiply-accumulates per sample.
std::int64_t macs_of(const ObservedNode& node, const std::vector<ObservedNode>& nodes) {
  const std::int64_t n = node.shape[0];
  const auto weight = [&](std::size_t i) { return node.parameters.at(i)->shape.count(); };
  if (node.operation == "conv") {  // weight (K, Ci, Co), output (N, Lo, H, Co)
    return node.shape.count() / n / node.shape[3] * weight(0);
  }
  if (node.operation == "linear") {
    return weight(0);
  }
  if (node.operation == "excite") {  // w1 and w2
    return weight(0) + weight(2);
  }
  if (node.operation == "lstm") {  // weight_ih and weight_hh in each time step
    return nodes[static_cast<std::size_t>(node.inputs.front())].shape[1] * (weight(0) + weight(1));
  }
  return 0;
}

// Collects nodes while a forward pass is recorded.
class Collector {
 public:
  Collector(model::Network& network, Tape& tape, Stream& stream) : stream_(stream) {
    for (layers::Parameter& parameter : network.parameters().parameters()) {
      parameters_[parameter.value.read().data] = &parameter;
    }
    tape.watch([this](const Tape::Operation& operation) { add(operation); });
  }

  void add_leaf(const char* operation, const Var& leaf) {
    ObservedNode node;
    node.name = operation;
    node.operation = operation;
    node.shape = leaf.shape();
    node.values = leaf.value.to_vector(stream_);
    if (node.shape.rank() == 4) {
      node.field = ReceptiveField{};
    }
    by_tape_[leaf.node] = static_cast<int>(nodes.size());
    nodes.push_back(std::move(node));
  }

  // The node with this index on the tape; -1 for parameters.
  int node_at(std::int64_t on_tape) const {
    const auto found = by_tape_.find(on_tape);
    return found == by_tape_.end() ? -1 : found->second;
  }

  std::vector<ObservedNode> nodes;

 private:
  void add(const Tape::Operation& operation) {
    ObservedNode node;
    node.operation = operation.name;
    node.shape = operation.value.shape();
    node.window = operation.window;
    node.forward_bytes = static_cast<std::int64_t>(memory_statistics(stream_.device).in_use);
    for (const Var& input : operation.inputs) {
      if (!input.value.defined()) {
        continue;  // a convolution without a bias
      }
      const auto parameter = parameters_.find(input.value.read().data);
      if (parameter != parameters_.end()) {
        node.parameters.push_back(parameter->second);
      } else if (const int from = node_at(input.node); from >= 0) {
        node.inputs.push_back(from);
      }
    }
    require(!node.inputs.empty(), "{}: an operation whose inputs were not observed", operation.name);
    node.values = operation.value.to_vector(stream_);
    node.field = field_of(node, nodes);
    node.macs = macs_of(node, nodes);
    by_tape_[operation.node] = static_cast<int>(nodes.size());
    nodes.push_back(std::move(node));
  }

  Stream& stream_;
  std::map<const void*, layers::Parameter*> parameters_;
  std::map<std::int64_t, int> by_tape_;
};

layers::Pass recorded_pass(Stream& stream, Tape& tape) {
  layers::Pass pass;
  pass.stream = stream;
  pass.tape = &tape;
  pass.fused = false;  // one node per operation
  return pass;
}

}  // namespace

std::int64_t ObservedNode::parameter_count() const {
  return std::accumulate(parameters.begin(), parameters.end(), std::int64_t{0},
                         [](std::int64_t sum, const layers::Parameter* p) { return sum + p->shape.count(); });
}

const ObservedNode& Observation::node(const std::string& name) const {
  const auto found = std::ranges::find(nodes, name, &ObservedNode::name);
  require(found != nodes.end(), "no operation is called {}", name);
  return *found;
}

Observation observe(model::Network& network, Stream& stream, const NetworkInput& input,
                    std::span<const float> target) {
  const model::NetworkOptions& o = network.options();
  Tensor x = input_tensor(o, input, stream);
  Tensor covariates = covariate_tensor(o, input, stream);
  Observation result;
  result.initial_bytes = static_cast<std::int64_t>(memory_statistics(stream.device).in_use);
  Tape tape(stream, layers::accumulate);
  Collector collector(network, tape, stream);
  tape.watch_backward([&](std::int64_t on_tape, const Tensor& gradient) {
    const int index = collector.node_at(on_tape);
    ObservedNode& node = collector.nodes[static_cast<std::size_t>(index)];
    node.backward_bytes = static_cast<std::int64_t>(memory_statistics(stream.device).in_use);
    node.backward_order = std::ssize(result.walk);
    node.gradient = gradient.to_vector(stream);
    result.walk.push_back(index);
  });
  const Var x_leaf = tape.leaf(std::move(x));
  collector.add_leaf("input", x_leaf);
  Var covariate_leaf;
  if (covariates.defined()) {
    covariate_leaf = tape.leaf(std::move(covariates));
    collector.add_leaf("covariates", covariate_leaf);
  }
  layers::Pass pass = recorded_pass(stream, tape);
  const Var logits = network.forward(pass, x_leaf, covariate_leaf);
  result.logits = logits.value.to_vector(stream);
  tape.backward(logits, seed_of(target, input.n, stream));
  for (const Var& leaf : {x_leaf, covariate_leaf}) {
    const int index = collector.node_at(leaf.node);
    if (index >= 0 && tape.gradient_of(leaf).defined()) {
      ObservedNode& node = collector.nodes[static_cast<std::size_t>(index)];
      node.gradient = tape.gradient_of(leaf).to_vector(stream);
      node.backward_bytes = static_cast<std::int64_t>(memory_statistics(stream.device).in_use);
      node.backward_order = std::ssize(result.walk);
      result.walk.push_back(index);
    }
  }
  result.nodes = std::move(collector.nodes);
  name_nodes(result.nodes);
  return result;
}

InputGradient input_gradient(model::Network& network, Stream& stream, const NetworkInput& input,
                             std::span<const float> target) {
  const model::NetworkOptions& o = network.options();
  InputGradient result;
  for_each_part(o, input, [&](const NetworkInput& part) {
    Tape tape(stream, layers::accumulate);
    const Var x = tape.leaf(input_tensor(o, part, stream));
    const Var covariates = o.covariates > 0 ? tape.leaf(covariate_tensor(o, part, stream)) : Var();
    layers::Pass pass = recorded_pass(stream, tape);
    const Var logits = network.forward(pass, x, covariates);
    append(result.logits, logits.value.to_vector(stream));
    tape.backward(logits, seed_of(target, part.n, stream));
    const auto gradient = [&](const Var& leaf) {
      const Tensor g = tape.gradient_of(leaf);
      return g.defined() ? g.to_vector(stream)
                         : std::vector<float>(static_cast<std::size_t>(leaf.shape().count()));
    };
    append(result.x, gradient(x));
    if (o.covariates > 0) {
      append(result.covariates, gradient(covariates));
    }
  });
  return result;
}

std::vector<float> logits_of(model::Network& network, Stream& stream, const NetworkInput& input) {
  const model::NetworkOptions& o = network.options();
  std::vector<float> logits;
  for_each_part(o, input, [&](const NetworkInput& part) {
    layers::Pass pass;
    pass.stream = stream;
    append(logits, network.forward(pass, input_tensor(o, part, stream), covariate_tensor(o, part, stream))
                       .value.to_vector(stream));
  });
  return logits;
}

GatesAndFeatures gates_and_features(model::Network& network, Stream& stream, const NetworkInput& input) {
  const model::NetworkOptions& o = network.options();
  GatesAndFeatures result;
  for_each_part(o, input, [&](const NetworkInput& part) {
    Tape tape(stream, layers::accumulate);
    std::size_t gate = 0;
    std::vector<float> features;
    tape.watch([&](const Tape::Operation& operation) {
      if (operation.name == std::string_view("excite")) {
        result.gates.resize(std::max(result.gates.size(), gate + 1));
        append(result.gates[gate++], operation.value.to_vector(stream));
      } else if (operation.name == std::string_view("linear")) {
        features = operation.inputs.front().value.to_vector(stream);
      }
    });
    layers::Pass pass = recorded_pass(stream, tape);
    const Var logits =
        network.forward(pass, input_tensor(o, part, stream), covariate_tensor(o, part, stream));
    append(result.logits, logits.value.to_vector(stream));
    append(result.features, features);
  });
  return result;
}

std::vector<double> operation_seconds(model::Network& network, Stream& stream, const NetworkInput& input,
                                      int repeats) {
  using Clock = std::chrono::steady_clock;
  const model::NetworkOptions& o = network.options();
  const Tensor x = input_tensor(o, input, stream);
  const Tensor covariates = covariate_tensor(o, input, stream);
  std::vector<double> shortest;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    Tape tape(stream, layers::accumulate);
    std::size_t operation = 0;
    Clock::time_point before = Clock::now();
    tape.watch([&](const Tape::Operation&) {
      const double seconds = std::chrono::duration<double>(Clock::now() - before).count();
      shortest.resize(std::max(shortest.size(), operation + 1), seconds);
      shortest[operation] = std::min(shortest[operation], seconds);
      ++operation;
      before = Clock::now();
    });
    layers::Pass pass = recorded_pass(stream, tape);
    network.forward(pass, tape.leaf(x), o.covariates > 0 ? tape.leaf(covariates) : Var());
  }
  return shortest;
}

int trunk_end(const Observation& observation, std::int64_t positions) {
  const std::vector<ObservedNode>& nodes = observation.nodes;
  // Forward order is a topological order. A node is passed by every path if no edge leads from before to behind it.
  std::vector<int> reaches(nodes.size());  // the last node that reads the node
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (const int from : nodes[i].inputs) {
      if (nodes[static_cast<std::size_t>(from)].operation != "covariates") {
        reaches[static_cast<std::size_t>(from)] = static_cast<int>(i);
      }
    }
  }
  int found = 0;
  int farthest = 0;  // the last node that reads one of those before
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ObservedNode& node = nodes[i];
    const bool on_every_path = farthest <= static_cast<int>(i) && node.operation != "covariates";
    if (on_every_path && node.shape.rank() == 4 && node.field && node.shape[1] >= positions) {
      found = static_cast<int>(i);
    }
    farthest = std::max(farthest, reaches[i]);
  }
  return found;
}

}  // namespace sec::train
