// The name of layers that run as one group, for profilers.
#pragma once

#include <string>
#include <vector>

namespace sec::layers {

// Joins names of layers: "block2_list.0.1.conv1" and "block2_list.2.1.conv1" are "block2_list.{0,2}.1.conv1".
// Equal names are one name.
std::string group_name(const std::vector<std::string>& names);

// The name of the block that a layer is part of: "block1.0" for "block1.0.conv1".
std::string parent_name(const std::string& name);

// The joined names that `name_of` gives for the layers.
template <typename Layers, typename NameOf>
std::string group_name(const Layers& layers, const NameOf& name_of) {
  std::vector<std::string> names;
  for (const auto& layer : layers) {
    names.push_back(name_of(layer));
  }
  return group_name(names);
}

}  // namespace sec::layers
