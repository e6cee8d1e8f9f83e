#include "kernels/peers/operation_graph.h"

#include <algorithm>

namespace sec::kernels::peers {
namespace {

constexpr std::int64_t alignment = 16;  // bytes; the engines ask for it
constexpr cudnnDataType_t arithmetic = CUDNN_DATA_FLOAT;

}  // namespace

const CudnnGraphApi& graph_api() {
  static const CudnnGraphApi functions;
  return functions;
}

BackendDescriptor::BackendDescriptor(cudnnBackendDescriptorType_t type, std::string what)
    : what_(std::move(what)) {
  check(graph_api().BackendCreateDescriptor(type, &native_), "cudnnBackendCreateDescriptor", what_);
}

BackendDescriptor::~BackendDescriptor() {
  if (native_ != nullptr) {
    graph_api().BackendDestroyDescriptor(native_);
  }
}

BackendDescriptor::BackendDescriptor(BackendDescriptor&& other) noexcept
    : native_(std::exchange(other.native_, nullptr)), what_(std::move(other.what_)) {}

void BackendDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type,
                            std::int64_t count, const void* values) {
  check(graph_api().BackendSetAttribute(native_, name, type, count, values), "cudnnBackendSetAttribute",
        fmt::format("{}, attribute {}", what_, static_cast<int>(name)));
}

void BackendDescriptor::finalize() {
  check(graph_api().BackendFinalize(native_), "cudnnBackendFinalize", what_);
}

// Extents in cuDNN's order (N, C, L, H); in memory channels are innermost.
OperationGraph::Tensor OperationGraph::add_tensor(cudnnDataType_t type,
                                                  const std::array<std::int64_t, 4>& extents, Memory memory) {
  const auto [n, c, l, h] = extents;
  const std::array<std::int64_t, 4> strides = {l * h * c, 1, h * c, c};
  const auto id = static_cast<Tensor>(tensors_.size());
  BackendDescriptor tensor = make(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, type);
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, CUDNN_TYPE_INT64, 4, extents.data());
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, CUDNN_TYPE_INT64, 4, strides.data());
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, CUDNN_TYPE_INT64, id);
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, CUDNN_TYPE_INT64, alignment);
  tensor.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, memory == Memory::virtual_only);
  tensor.finalize();
  tensors_.push_back(std::move(tensor));
  return id;
}

OperationGraph::Tensor OperationGraph::activations(cudnnDataType_t type, std::int64_t n, std::int64_t l,
                                                   std::int64_t h, std::int64_t c, Memory memory) {
  return add_tensor(type, {n, c, l, h}, memory);
}

OperationGraph::Tensor OperationGraph::filter(cudnnDataType_t type, const ConvShape& s) {
  return add_tensor(type, {s.c_out, s.c_in, s.k, 1}, Memory::real);
}

// Begins a pointwise operation on x. The caller adds its other operands and finalizes it.
BackendDescriptor& OperationGraph::pointwise(cudnnPointwiseMode_t mode, Tensor x) {
  BackendDescriptor kind = make(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  kind.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, mode);
  kind.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, arithmetic);
  kind.finalize();
  operations_.push_back(make(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR));
  operations_.back().set(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, kind);
  operations_.back().set(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, of(x));
  parts_.push_back(std::move(kind));
  return operations_.back();
}

void OperationGraph::add(Tensor x, Tensor b, Tensor y, float factor) {
  BackendDescriptor& operation = pointwise(CUDNN_POINTWISE_ADD, x);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, of(b));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, of(y));
  if (factor != 1) {
    operation.set(CUDNN_ATTR_OPERATION_POINTWISE_ALPHA2, CUDNN_TYPE_FLOAT, factor);
  }
  operation.finalize();
}

void OperationGraph::multiply(Tensor x, Tensor b, Tensor y) {
  BackendDescriptor& operation = pointwise(CUDNN_POINTWISE_MUL, x);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, of(b));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, of(y));
  operation.finalize();
}

void OperationGraph::relu(Tensor x, Tensor y) {
  BackendDescriptor& operation = pointwise(CUDNN_POINTWISE_RELU_FWD, x);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, of(y));
  operation.finalize();
}

void OperationGraph::relu_backward(Tensor gy, Tensor x, Tensor gx) {
  BackendDescriptor& operation = pointwise(CUDNN_POINTWISE_RELU_BWD, x);
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_DYDESC, of(gy));
  operation.set(CUDNN_ATTR_OPERATION_POINTWISE_DXDESC, of(gx));
  operation.finalize();
}

void OperationGraph::conv(ConvPass pass, const ConvShape& s, Tensor x, Tensor w, Tensor y) {
  constexpr std::int64_t spatial = 2;  // time and leads; the filter spans one lead
  const std::array<std::int64_t, 2> padding = {s.pad, 0};
  const std::array<std::int64_t, 2> strides = {s.stride, 1};
  const std::array<std::int64_t, 2> dilations = {1, 1};
  BackendDescriptor kind = make(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  kind.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, arithmetic);
  kind.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, CUDNN_CROSS_CORRELATION);
  kind.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, CUDNN_TYPE_INT64, spatial);
  kind.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, CUDNN_TYPE_INT64, spatial, padding.data());
  kind.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, CUDNN_TYPE_INT64, spatial, padding.data());
  kind.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, CUDNN_TYPE_INT64, spatial, strides.data());
  kind.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, CUDNN_TYPE_INT64, spatial, dilations.data());
  kind.finalize();

  struct Names {
    cudnnBackendDescriptorType_t type;
    cudnnBackendAttributeName_t kind, x, w, y, alpha, beta;
  };
  static constexpr Names forward{CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
                                 CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA};
  static constexpr Names dgrad{CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA};
  static constexpr Names wgrad{CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
                               CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA};
  const Names& names = pass == ConvPass::forward ? forward : pass == ConvPass::dgrad ? dgrad : wgrad;
  BackendDescriptor operation = make(names.type);
  operation.set(names.kind, kind);
  operation.set(names.x, of(x));
  operation.set(names.w, of(w));
  operation.set(names.y, of(y));
  operation.set(names.alpha, CUDNN_TYPE_FLOAT, one);
  operation.set(names.beta, CUDNN_TYPE_FLOAT, zero);
  operation.finalize();
  operations_.push_back(std::move(operation));
  parts_.push_back(std::move(kind));
}

void OperationGraph::statistics(Tensor x, Tensor sum, Tensor sum_of_squares) {
  BackendDescriptor operation = make(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, CUDNN_GENSTATS_SUM_SQSUM);
  operation.set(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, arithmetic);
  operation.set(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, of(x));
  operation.set(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, of(sum));
  operation.set(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, of(sum_of_squares));
  operation.finalize();
  operations_.push_back(std::move(operation));
}

void OperationGraph::batch_norm_sums(Tensor x, Tensor gy, Tensor mean, Tensor inverse_deviation, Tensor gamma,
                                     const BatchNormSums& to) {
  BackendDescriptor operation = make(CUDNN_BACKEND_OPERATION_BN_BWD_WEIGHTS_DESCRIPTOR);
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, arithmetic);
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_X_DESC, of(x));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DY_DESC, of(gy));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_MEAN_DESC, of(mean));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_INVSTD_DESC, of(inverse_deviation));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_BN_SCALE_DESC, of(gamma));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_SCALE_DESC, of(to.ggamma));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_DBN_BIAS_DESC, of(to.gbeta));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_DY_SCALE_DESC, of(to.a));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_X_SCALE_DESC, of(to.b));
  operation.set(CUDNN_ATTR_OPERATION_BN_BWD_WEIGHTS_EQ_BIAS, of(to.c));
  operation.finalize();
  operations_.push_back(std::move(operation));
}

void OperationGraph::plan(cudnnHandle_t handle) {
  std::vector<cudnnBackendDescriptor_t> operations;
  for (const BackendDescriptor& operation : operations_) {
    operations.push_back(operation.native());
  }
  graph_ = std::make_unique<BackendDescriptor>(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR, what_);
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, handle);
  graph_->set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, std::ssize(operations),
              operations.data());
  graph_->finalize();
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    if (try_plan(handle, *graph_, mode)) {
      return;
    }
  }
  fail("kernels cudnn: no engine supports the graph ({})", what_);
}

// Tries the engines that cuDNN proposes in this mode. Returns whether one supports the graph.
bool OperationGraph::try_plan(cudnnHandle_t handle, const BackendDescriptor& graph,
                              cudnnBackendHeurMode_t mode) {
  BackendDescriptor heuristics = make(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, mode);
  if (graph_api().BackendFinalize(heuristics.native()) != CUDNN_STATUS_SUCCESS) {
    return false;
  }
  constexpr std::int64_t most = 16;  // proposals to consider
  std::vector<cudnnBackendDescriptor_t> proposals;
  configurations_.clear();
  for (std::int64_t i = 0; i < most; ++i) {
    configurations_.push_back(make(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR));
    proposals.push_back(configurations_.back().native());
  }
  std::int64_t count = 0;
  check(graph_api().BackendGetAttribute(heuristics.native(), CUDNN_ATTR_ENGINEHEUR_RESULTS,
                                        CUDNN_TYPE_BACKEND_DESCRIPTOR, most, &count, proposals.data()),
        "cudnnBackendGetAttribute", what_);
  for (std::int64_t i = 0; i < std::min(count, most); ++i) {
    auto plan = std::make_unique<BackendDescriptor>(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR, what_);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, handle);
    plan->set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configurations_[static_cast<std::size_t>(i)]);
    if (graph_api().BackendFinalize(plan->native()) != CUDNN_STATUS_SUCCESS) {
      continue;  // the engine does not support this graph
    }
    std::int64_t one_value = 0;
    check(graph_api().BackendGetAttribute(plan->native(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE,
                                          CUDNN_TYPE_INT64, 1, &one_value, &workspace_bytes_),
          "cudnnBackendGetAttribute", what_);
    plan_ = std::move(plan);
    return true;
  }
  return false;
}

void OperationGraph::run(cudnnHandle_t handle, const std::vector<std::pair<Tensor, void*>>& memory,
                         void* workspace) const {
  std::vector<std::int64_t> ids;
  std::vector<void*> addresses;
  for (const auto& [id, address] : memory) {
    ids.push_back(id);
    addresses.push_back(address);
  }
  BackendDescriptor pack = make(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  pack.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, std::ssize(ids), ids.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, std::ssize(addresses),
           addresses.data());
  pack.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, workspace);
  pack.finalize();
  check(graph_api().BackendExecute(handle, plan_->native(), pack.native()), "cudnnBackendExecute", what_);
}

}  // namespace sec::kernels::peers
