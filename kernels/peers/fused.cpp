#include "kernels/cudnn_fused.h"

#include "kernels/device_tables.h"
#include "kernels/peers/fused_graphs.h"
#include "kernels/peers/parts.h"

namespace sec::kernels::peers {
namespace {

constexpr cudnnDataType_t f16 = CUDNN_DATA_HALF;
constexpr cudnnDataType_t f32 = CUDNN_DATA_FLOAT;
constexpr auto between = OperationGraph::Memory::virtual_only;  // between the operations of a graph

const char* name_of(FusedPass pass) {
  switch (pass) {
    case FusedPass::forward:
      return "scale, bias, ReLU, convolution and statistics";
    case FusedPass::wgrad:
      return "scale, bias, ReLU and wgrad";
    case FusedPass::dgrad:
      return "dgrad, ReLU's gradient and batch norm's sums";
    case FusedPass::apply:
      return "batch norm's gradient from its sums";
  }
  return "";
}

// Adds tensors to a graph and to the list of operands.
class Maker {
 public:
  Maker(FusedGraph& to, const ConvShape& s) : to_(to), s_(s) {}

  OperationGraph::Tensor x() {
    return keep(to_.graph.activations(f16, s_.n, s_.l, s_.h, s_.c_in), 2 * x_count());
  }
  OperationGraph::Tensor y() {
    return keep(to_.graph.activations(f16, s_.n, s_.l_out(), s_.h, s_.c_out),
                2 * s_.n * s_.l_out() * s_.h * s_.c_out);
  }
  OperationGraph::Tensor w() { return keep(to_.graph.filter(f16, s_), 2 * s_.k * s_.c_in * s_.c_out); }
  OperationGraph::Tensor channels(cudnnDataType_t type, std::int64_t c) {
    return keep(to_.graph.channels(type, c), (type == f16 ? 2 : 4) * c);
  }
  OperationGraph::Tensor like_x(cudnnDataType_t type) {
    return to_.graph.activations(type, s_.n, s_.l, s_.h, s_.c_in, between);
  }

 private:
  std::int64_t x_count() const { return s_.n * s_.l * s_.h * s_.c_in; }
  OperationGraph::Tensor keep(OperationGraph::Tensor tensor, std::int64_t bytes) {
    to_.operands.push_back({tensor, bytes});
    return tensor;
  }
  FusedGraph& to_;
  const ConvShape& s_;
};

// relu(scale * x + bias), all in f16
OperationGraph::Tensor activate(OperationGraph& graph, Maker& make, const ConvShape& s,
                                OperationGraph::Tensor x) {
  const auto scaled = make.like_x(f16);
  const auto shifted = make.like_x(f16);
  const auto active = make.like_x(f16);
  graph.multiply(x, make.channels(f16, s.c_in), scaled);
  graph.add(scaled, make.channels(f16, s.c_in), shifted);
  graph.relu(shifted, active);
  return active;
}

void make_dgrad(OperationGraph& graph, Maker& make, const ConvShape& s) {
  const auto x = make.x();
  const auto g_active = make.like_x(f32);
  graph.conv(ConvPass::dgrad, s, g_active, make.w(), make.y());
  const auto mean = make.channels(f32, s.c_in);
  const auto inverse_deviation = make.channels(f32, s.c_in);
  const auto gamma = make.channels(f32, s.c_in);
  // The output of batch norm is computed again: gamma * (x - mean) * inverse_deviation + beta.
  const auto centred = make.like_x(f32);
  const auto normal = make.like_x(f32);
  const auto scaled = make.like_x(f32);
  const auto shifted = make.like_x(f32);
  graph.add(x, mean, centred, -1);
  graph.multiply(centred, inverse_deviation, normal);
  graph.multiply(normal, gamma, scaled);
  graph.add(scaled, make.channels(f32, s.c_in), shifted);
  const auto g = make.x();  // of the shape of x
  graph.relu_backward(g_active, shifted, g);
  const auto channels = [&] { return make.channels(f32, s.c_in); };
  graph.batch_norm_sums(x, g, mean, inverse_deviation, gamma,
                        {channels(), channels(), channels(), channels(), channels()});
}

void make_apply(OperationGraph& graph, Maker& make, const ConvShape& s) {
  const auto from_g = make.like_x(f32);
  const auto from_x = make.like_x(f32);
  const auto sum = make.like_x(f32);
  graph.multiply(make.x(), make.channels(f32, s.c_in), from_g);
  graph.multiply(make.x(), make.channels(f32, s.c_in), from_x);
  graph.add(from_g, from_x, sum);
  graph.add(sum, make.channels(f32, s.c_in), make.x());
}

}  // namespace

FusedGraph fused_graph(FusedPass pass, const ConvShape& s) {
  FusedGraph made{OperationGraph(fmt::format("{}, f16 x ({}, {}, {}, {}), {} taps, {} outputs, stride {}",
                                             name_of(pass), s.n, s.l, s.h, s.c_in, s.k, s.c_out, s.stride)),
                  {}};
  OperationGraph& graph = made.graph;
  Maker make(made, s);
  if (pass == FusedPass::forward) {
    const auto active = activate(graph, make, s, make.x());
    const auto y = make.y();
    graph.conv(ConvPass::forward, s, active, make.w(), y);
    const auto sum = make.channels(f32, s.c_out);
    graph.statistics(y, sum, make.channels(f32, s.c_out));
  } else if (pass == FusedPass::wgrad) {
    const auto active = activate(graph, make, s, make.x());
    const auto gw = make.w();
    graph.conv(ConvPass::wgrad, s, active, gw, make.y());
  } else if (pass == FusedPass::dgrad) {
    make_dgrad(graph, make, s);
  } else {
    make_apply(graph, make, s);
  }
  return made;
}

struct CudnnFusedPass::State {
  FusedGraph pass;
  std::vector<TypedScratch> memory;
  std::vector<std::pair<OperationGraph::Tensor, void*>> addresses;
  std::unique_ptr<TypedScratch> workspace;
};

CudnnFusedPass::CudnnFusedPass(Stream& stream, FusedPass pass, const ConvShape& shape)
    : state_(std::make_unique<State>(State{fused_graph(pass, shape), {}, {}, nullptr})) {
  State& s = *state_;
  s.pass.graph.plan(cudnn_on(stream));
  for (const FusedGraph::Operand& operand : s.pass.operands) {
    // Bits of bf16 numbers from 0.5 to 1 are f16 numbers from 1.75 to 1.875, and f32 numbers near 0.5 to 1.
    const std::int64_t count = operand.bytes / 2;
    TypedScratch values(stream, count, DType::f32);
    cuda::table().pointwise.fill_uniform(stream, {1, 2, 3}, 0.5F, 1, values.span());
    s.memory.emplace_back(stream, count, DType::bf16);
    cuda::table().pointwise.cast(stream, values.span(), s.memory.back().span());
    s.addresses.emplace_back(operand.tensor, s.memory.back().data());
  }
  s.workspace = std::make_unique<TypedScratch>(stream, s.pass.graph.workspace_bytes() / 4 + 1, DType::f32);
}

CudnnFusedPass::~CudnnFusedPass() = default;

void CudnnFusedPass::run(Stream& stream) {
  state_->pass.graph.run(cudnn_on(stream), state_->addresses, state_->workspace->data());
}

}  // namespace sec::kernels::peers
