#include "train/inspect/node_names.h"

#include <algorithm>
#include <array>
#include <map>

namespace sec::train {
namespace {

// Without the last part behind a dot: "block1.0" for "block1.0.conv1", "" for "conv1".
std::string parent_of(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string() : name.substr(0, dot);
}

std::string last_part(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(dot + 1);
}

std::string joined(const std::string& parent, const std::string& part) {
  return parent.empty() ? part : parent + "." + part;
}

// The layer that owns an operation's first parameter: "block1.0.conv1" for "block1.0.conv1.weight",
// "block1.0.se" for "block1.0.se.fc1.weight", "lstm.l0_reverse" for "lstm.weight_ih_l0_reverse".
std::string layer_of(const ObservedNode& node) {
  const std::string& name = node.parameters.front()->name;
  std::string layer = parent_of(name);
  if (node.operation == "excite") {
    layer = parent_of(layer);
  } else if (node.operation == "lstm") {
    const std::string part = last_part(name);
    layer = joined(layer, part.substr(std::string("weight_ih_").size()));
  }
  return layer;
}

// The name of the block around a gate: of "block1.0.se1.scaled" it is "block1.0", and `number` is "1".
std::string block_of(const std::string& name, std::string& number) {
  if (last_part(name) == "scaled") {
    const std::string gate = parent_of(name);
    number = last_part(gate).starts_with("se") ? last_part(gate).substr(2) : "";
    return parent_of(gate);
  }
  return parent_of(name);
}

std::string name_of(const ObservedNode& node, const std::vector<ObservedNode>& nodes) {
  if (!node.parameters.empty()) {
    return layer_of(node);
  }
  const std::string& from = nodes[static_cast<std::size_t>(node.inputs.front())].name;
  const std::string& operation = node.operation;
  if (operation == "add") {
    std::string number;
    const std::string block = block_of(from, number);
    return joined(block, "sum" + number);
  }
  if (operation == "relu") {
    return last_part(from).starts_with("sum") ? joined(parent_of(from), "out") : from + ".relu";
  }
  if (operation == "gate") {
    return nodes[static_cast<std::size_t>(node.inputs.back())].name + ".scaled";
  }
  if (operation == "concat") {
    return node.inputs.size() > 1 && node.shape.rank() == 2 ? "concat" : from + ".concat";
  }
  constexpr std::array<std::pair<const char*, const char*>, 4> suffixes = {{{"global_average_pool", "mean"},
                                                                            {"max_pool", "pool"},
                                                                            {"average_pool", "pool"},
                                                                            {"last_states", "last"}}};
  for (const auto& [name, suffix] : suffixes) {
    if (operation == name) {
      return from + "." + suffix;
    }
  }
  return from + "." + operation;
}

// The part of the network that a layer belongs to. SE-ECGNet's branches are called after their number of taps.
std::string group_of(const std::string& name) {
  std::string first = name.substr(0, name.find_first_of(".#"));
  if (first == "block2_list" || first == "block3_list") {
    const char branch = name.size() > first.size() + 1 ? name[first.size() + 1] : '0';
    return branch == '0' ? "scale 3" : branch == '1' ? "scale 5" : "scale 7";
  }
  if (first == "conv1" || first == "bn1" || first == "parallel") {
    return "stem";
  }
  if (first == "fc" || first == "features") {
    return "head";
  }
  if (first == "block1" || first == "blocks" || first == "bn2") {
    return "trunk";
  }
  return first;
}

}  // namespace

void name_nodes(std::vector<ObservedNode>& nodes) {
  // Names for operations that are called after the one that reads them.
  std::map<int, std::string> wanted;
  for (const ObservedNode& node : nodes) {
    if (node.operation == "excite") {
      wanted[node.inputs.front()] = layer_of(node) + ".mean";
    } else if (node.operation == "linear" &&
               nodes[static_cast<std::size_t>(node.inputs.front())].operation == "concat") {
      wanted[node.inputs.front()] = "features";
    }
  }
  std::map<std::string, int> uses;
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    ObservedNode& node = nodes[i];
    if (!node.inputs.empty()) {
      const auto given = wanted.find(static_cast<int>(i));
      node.name = given != wanted.end() ? given->second : name_of(node, nodes);
    }
    node.group = node.inputs.empty() ? "input" : group_of(node.name);
    if (const int count = ++uses[node.name]; count > 1) {
      node.name += "#" + std::to_string(count);
    }
  }
}

}  // namespace sec::train
