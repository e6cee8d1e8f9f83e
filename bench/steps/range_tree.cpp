#include "bench/steps/range_tree.h"

#include <algorithm>
#include <chrono>
#include <map>

#include "engine/ranges.h"
#include "engine/stream.h"

namespace sec {
namespace {

using Clock = std::chrono::steady_clock;

struct Node {
  const char* name;
  std::size_t parent;
  std::vector<std::size_t> children;
  Clock::duration total{}, nested{};
  long calls = 0;
};

struct Tree {
  std::vector<Node> nodes{{"", 0, {}}};  // nodes[0] is the root, which is not a range
  std::size_t open = 0;
  std::vector<Clock::time_point> since;
  Stream* stream = nullptr;
};

thread_local Tree* current = nullptr;  // set in the thread that started the tree

void begin_node(const char* name) {
  if (current == nullptr) {
    return;
  }
  std::vector<Node>& nodes = current->nodes;
  std::size_t found = 0;
  for (const std::size_t child : nodes[current->open].children) {
    if (std::string_view(nodes[child].name) == name) {
      found = child;
    }
  }
  if (found == 0) {
    found = nodes.size();
    nodes[current->open].children.push_back(found);
    nodes.push_back({name, current->open, {}});
  }
  current->open = found;
  synchronize(*current->stream);
  current->since.push_back(Clock::now());
}

void end_node(const char*) {
  if (current == nullptr || current->since.empty()) {
    return;  // the range is in another thread, or began before the tree
  }
  synchronize(*current->stream);
  const Clock::duration time = Clock::now() - current->since.back();
  current->since.pop_back();
  Node& node = current->nodes[current->open];
  node.total += time;
  ++node.calls;
  current->open = node.parent;
  current->nodes[current->open].nested += time;
}

constexpr RangeListener listener{begin_node, end_node};

double seconds(Clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

void list(const std::vector<Node>& nodes, std::size_t from, const std::string& path,
          std::vector<RangeNode>& to) {
  for (const std::size_t child : nodes[from].children) {
    const Node& node = nodes[child];
    const std::string name = path.empty() ? node.name : path + "/" + node.name;
    to.push_back({name, seconds(node.total), seconds(node.total - node.nested), node.calls});
    list(nodes, child, name, to);
  }
}

}  // namespace

void start_range_tree(Stream& stream) {
  static thread_local Tree storage;
  storage = {};
  storage.stream = &stream;
  current = &storage;
  listen_to_ranges(&listener);
}

std::vector<RangeNode> stop_range_tree() {
  listen_to_ranges(nullptr);
  std::vector<RangeNode> all;
  if (current != nullptr) {
    list(current->nodes, 0, "", all);
    current = nullptr;
  }
  return all;
}

namespace {

template <typename Key>
std::vector<NamedTime> sum_by(const std::vector<RangeNode>& tree, const Key& key) {
  std::map<std::string, NamedTime> sums;
  std::string kernel;  // the latest kernel's path followed by a slash
  for (std::size_t i = 0; i < tree.size(); ++i) {
    const std::string& path = tree[i].path;
    if (!kernel.empty() && path.starts_with(kernel)) {
      continue;  // a range inside that kernel
    }
    const std::string last = path.substr(path.rfind('/') + 1);
    const bool has_inner = i + 1 < tree.size() && tree[i + 1].path.starts_with(path + "/");
    if (has_inner && last.find('.') == std::string::npos) {
      continue;  // a range of a layer or of a part of the network
    }
    kernel = path + "/";
    const std::string name = key(last);
    NamedTime& sum = sums[name];
    sum.name = name;
    sum.seconds += tree[i].seconds;
    sum.calls += tree[i].calls;
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
