#include "tools/secinspect/kernel_list.h"

#include <algorithm>

namespace sec::tools {
namespace {

using io::Json;
using train::ObservedNode;

// An H200, from its data sheet: the memory's bytes per second, and 132 multiprocessors with 128 multiply-adds per cycle
// at the 1.7 GHz that bench/forecast assumes.
constexpr double bytes_per_second = 4.8e12;
constexpr double flops_per_second = 132 * 128 * 2 * 1.7e9;

double bytes_of(const ObservedNode& node, const std::vector<ObservedNode>& nodes) {
  std::int64_t count = node.shape.count() + node.parameter_count();
  for (const int input : node.inputs) {
    count += nodes[static_cast<std::size_t>(input)].shape.count();
  }
  return static_cast<double>(count) * sizeof(float);
}

// Two for each multiply-accumulate; one for each element of an element-wise operation and each value that is summed.
double flops_of(const ObservedNode& node, const std::vector<ObservedNode>& nodes) {
  if (node.macs > 0) {
    return 2 * static_cast<double>(node.macs);
  }
  const std::string& name = node.operation;
  if (name == "concat" || name == "split" || name == "last_states" || name == "max_pool") {
    return 0;
  }
  const auto& from = nodes[static_cast<std::size_t>(node.inputs.front())];
  return static_cast<double>(name == "global_average_pool" ? from.shape.count()
                             : name == "average_pool"      ? node.shape.count() * node.window.k
                             : name == "batch_norm"        ? 2 * node.shape.count()
                                                           : node.shape.count());
}

// The forecasts for the operations of the page's nodes, by operation.
Json forecast_json(const std::vector<ObservedNode>& nodes) {
  Json operations = Json::object();
  for (const KernelForecast& row : kernel_forecasts()) {
    if (std::ranges::find(nodes, row.operation, &ObservedNode::operation) == nodes.end()) {
      continue;
    }
    const double most = std::max({row.issue_ms, row.memory_ms, row.tensor_ms});
    operations[row.operation].push_back({{"name", row.kernel},
                                         {"launches", row.launches},
                                         {"ms", row.ms},
                                         {"bound", most == row.memory_ms   ? "memory"
                                                   : most == row.tensor_ms ? "tensor"
                                                                           : "issue"}});
  }
  return {{"device", "H200"},
          {"precision", "TF32"},
          {"shape", Json::array({64, 8, 5000})},
          {"source", "bench/results/forecast.tsv"},
          {"operations", std::move(operations)}};
}

}  // namespace

void add_kernels(const train::Observation& observation, const std::vector<double>& seconds, Json& page) {
  const std::vector<ObservedNode>& nodes = observation.nodes;
  const auto leaves = static_cast<std::size_t>(
      std::ranges::count_if(nodes, [](const ObservedNode& node) { return node.inputs.empty(); }));
  Json with_kernels = Json::array();
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    const ObservedNode& node = nodes[i];
    Json kernels = Json::array();
    for (const KernelLine& line : kernel_lines()) {
      if (line.operation != node.operation) {
        continue;
      }
      const double bytes = bytes_of(node, nodes);
      const double flops = flops_of(node, nodes);
      Json kernel = {{"device", line.device},
                     {"name", line.kernel},
                     {"source", line.source},
                     {"bytes", bytes},
                     {"flops", flops}};
      if (line.device == "cuda") {
        const double memory = bytes / bytes_per_second;
        const double issue = flops / flops_per_second;
        kernel["bound_ms"] = 1000 * std::max(memory, issue);
        kernel["bound"] = memory >= issue ? "memory" : "issue";
      } else if (i >= leaves && i - leaves < seconds.size()) {
        kernel["ms"] = 1000 * seconds[i - leaves];
      }
      kernels.push_back(std::move(kernel));
    }
    Json with = page.at("nodes").element(i);
    with["kernels"] = std::move(kernels);
    with_kernels.push_back(std::move(with));
  }
  page["nodes"] = std::move(with_kernels);
  page["forecast"] = forecast_json(nodes);
  page["roofline"] = Json::array({{{"device", "cuda"},
                                   {"name", "H200 by its data sheet, not measured"},
                                   {"bytes_per_s", bytes_per_second},
                                   {"flops_per_s", flops_per_second}}});
}

}  // namespace sec::tools
