// The graphs of cuDNN's fused passes (kernels/cudnn_fused.h), with the sizes of their tensors.
#pragma once

#include "kernels/cudnn_fused.h"
#include "kernels/peers/operation_graph.h"

namespace sec::kernels::peers {

struct FusedGraph {
  struct Operand {
    OperationGraph::Tensor tensor;
    std::int64_t bytes;
  };
  OperationGraph graph;
  std::vector<Operand> operands;  // all tensors with memory
};

// The graph of a pass, not yet planned.
FusedGraph fused_graph(FusedPass pass, const ConvShape& shape);

}  // namespace sec::kernels::peers
