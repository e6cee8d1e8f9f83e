#include "bench/steps/range_tree.h"

#include <algorithm>
#include <map>

namespace sec {

std::vector<std::string> paths_of(const std::vector<RangeNode>& tree) {
  std::vector<std::string> paths;
  std::vector<std::string> open;  // the paths of the nodes around the next one
  for (const RangeNode& node : tree) {
    open.resize(static_cast<std::size_t>(node.depth));
    open.push_back((open.empty() ? "" : open.back() + "/") + node.name.operation);
    paths.push_back(open.back());
  }
  return paths;
}

namespace {

template <typename Key>
std::vector<NamedTime> sum_by(const std::vector<RangeNode>& tree, const Key& key) {
  std::map<std::string, NamedTime> sums;
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const std::string operation = tree[i].name.operation;
    const int depth = tree[i].depth;
    const bool has_inner = i + 1 < tree.size() && tree[i + 1].depth > depth;
    if (has_inner && operation.find('.') == std::string::npos) {
      continue;  // a range of a layer or of a part of the network
    }
    const std::string name = key(operation);
    NamedTime& sum = sums[name];
    sum.name = name;
    sum.seconds += tree[i].seconds;
    sum.calls += tree[i].calls;
    while (i + 1 < tree.size() && tree[i + 1].depth > depth) {
      ++i;  // a range inside that kernel
    }
  }
  std::vector<NamedTime> all;
  for (const auto& [name, sum] : sums) {
    all.push_back(sum);
  }
  std::ranges::stable_sort(all, std::greater(), &NamedTime::seconds);
  return all;
}

}  // namespace

std::vector<NamedTime> sum_by_kernel(const std::vector<RangeNode>& tree) {
  return sum_by(tree, [](const std::string& name) { return name; });
}

std::vector<NamedTime> sum_by_layer(const std::vector<RangeNode>& tree) {
  return sum_by(tree, [](const std::string& name) { return name.substr(0, name.find('.')); });
}

}  // namespace sec
