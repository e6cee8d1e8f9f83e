// Convolution on cuDNN. Our own kernels convert filters to cuDNN's layout and back.
// They also add the bias, because cuDNN requires a bf16 bias if operands are bf16.
#include <algorithm>
#include <map>
#include <tuple>

#include "kernels/peers/cudnn.h"
#include "kernels/peers/parts.h"
#include "kernels/peers/reorder.h"

namespace sec::kernels::peers {
namespace {

std::string text(const ConvShape& s, DType type) {
  return fmt::format("{} x ({}, {}, {}, {}), {} taps, {} outputs, stride {}, padding {}", name_of(type), s.n,
                     s.l, s.h, s.c_in, s.k, s.c_out, s.stride, s.pad);
}

bool measured = false;  // see measure_algorithms

// The algorithm that cuDNN's heuristics or measurements propose for one shape.
struct Plan {
  int algorithm = 0;
  cudnnMathType_t math = CUDNN_DEFAULT_MATH;
  std::size_t workspace = 0;
};

// The descriptors of one convolution.
class Problem {
 public:
  Problem(const ConvShape& s, DType type, bool tf32)
      : shape(s),
        element(type),
        x(type, s.n, s.l, s.h, s.c_in),
        y(type, s.n, s.l_out(), s.h, s.c_out),
        // f32 is computed in f32 unless the stream allows TF32. Products of bf16 are exact in f32.
        math(type == DType::f32 && !tf32 ? CUDNN_FMA_MATH : CUDNN_DEFAULT_MATH),
        operands(text(s, type)) {
    check(cudnn().CreateFilterDescriptor(&filter), "cudnnCreateFilterDescriptor", operands);
    check(cudnn().SetFilter4dDescriptor(filter, cudnn_type(type, "conv"), CUDNN_TENSOR_NHWC,
                                        static_cast<int>(s.c_out), static_cast<int>(s.c_in),
                                        static_cast<int>(s.k), 1),
          "cudnnSetFilter4dDescriptor", operands);
    check(cudnn().CreateConvolutionDescriptor(&convolution), "cudnnCreateConvolutionDescriptor", operands);
    check(cudnn().SetConvolution2dDescriptor(convolution, static_cast<int>(s.pad), 0,
                                             static_cast<int>(s.stride), 1, 1, 1, CUDNN_CROSS_CORRELATION,
                                             CUDNN_DATA_FLOAT),
          "cudnnSetConvolution2dDescriptor", operands);
    use(math);
  }
  ~Problem() {
    cudnn().DestroyConvolutionDescriptor(convolution);
    cudnn().DestroyFilterDescriptor(filter);
  }
  Problem(const Problem&) = delete;
  Problem& operator=(const Problem&) = delete;

  void use(cudnnMathType_t type) const {
    check(cudnn().SetConvolutionMathType(convolution, type), "cudnnSetConvolutionMathType", operands);
  }
  std::int64_t weights() const { return shape.k * shape.c_in * shape.c_out; }
  std::int64_t inputs() const { return shape.n * shape.l * shape.h * shape.c_in; }
  std::int64_t output_rows() const { return shape.n * shape.l_out() * shape.h; }

  ConvShape shape;
  DType element;
  TensorDescriptor x, y;
  cudnnMathType_t math;
  std::string operands;
  cudnnFilterDescriptor_t filter = nullptr;
  cudnnConvolutionDescriptor_t convolution = nullptr;
};

// The best deterministic proposal; if cuDNN has measured, the best one. Proposals are sorted, best first.
template <typename Proposal, typename Propose>
Plan choose(const Problem& problem, const char* call, const Propose& propose) {
  Proposal proposals[8];
  int count = 0;
  check(propose(8, &count, proposals), call, problem.operands);
  const auto* const found = std::find_if(proposals, proposals + count, [](const Proposal& proposal) {
    return proposal.status == CUDNN_STATUS_SUCCESS &&
           (measured || proposal.determinism == CUDNN_DETERMINISTIC);
  });
  require(found != proposals + count, "kernels cudnn: {}: no deterministic algorithm ({})", call,
          problem.operands);
  return {static_cast<int>(found->algo), problem.math == CUDNN_FMA_MATH ? CUDNN_FMA_MATH : found->mathType,
          found->memory};
}

enum class Pass : std::uint8_t { forward, dgrad, wgrad };

// The plan of a shape, cached after the first call.
template <typename Make>
Plan plan_of(Pass pass, const Problem& problem, const Make& make) {
  const ConvShape& s = problem.shape;
  using Key = std::tuple<Pass, DType, cudnnMathType_t, std::int64_t, std::int64_t, std::int64_t, std::int64_t,
                         std::int64_t, std::int64_t, std::int64_t, std::int64_t>;
  thread_local std::map<Key, Plan> plans;
  const Key key{pass, problem.element, problem.math, s.n, s.l, s.h, s.c_in, s.c_out, s.k, s.stride, s.pad};
  const auto known = plans.find(key);
  return known != plans.end() ? known->second : plans.emplace(key, make()).first->second;
}

void forward(Stream& stream, const ConvShape& s, ConstSpan x, ConstSpan w, ConstSpan bias, Span y) {
  if (s.n == 0) {
    return;
  }
  const Problem problem(s, y.type, stream.tf32);
  require(x.type == y.type, "kernels cudnn: conv.forward: x and y must have one type");
  expect(x, problem.inputs(), "conv.forward: x");
  expect(y, problem.output_rows() * s.c_out, "conv.forward: y");
  cudnnHandle_t handle = cudnn_on(stream);
  const Plan plan = plan_of(Pass::forward, problem, [&] {
    return choose<cudnnConvolutionFwdAlgoPerf_t>(
        problem, "cudnnGetConvolutionForwardAlgorithm_v7", [&](int wanted, int* got, auto* proposals) {
          const auto ask =
              measured ? cudnn().FindConvolutionForwardAlgorithm : cudnn().GetConvolutionForwardAlgorithm_v7;
          return ask(handle, problem.x, problem.filter, problem.convolution, problem.y, wanted, got,
                     proposals);
        });
  });
  const TypedScratch filter(stream, problem.weights(), y.type);
  cuda::to_cudnn_filter(stream, s.k, s.c_in, s.c_out, w, filter.span());
  const TypedScratch workspace(stream, static_cast<std::int64_t>(plan.workspace / 4 + 1), DType::f32);
  problem.use(plan.math);
  check(
      cudnn().ConvolutionForward(handle, &one, problem.x, x.data, problem.filter, filter.data(),
                                 problem.convolution, static_cast<cudnnConvolutionFwdAlgo_t>(plan.algorithm),
                                 workspace.data(), plan.workspace, &zero, problem.y, y.data),
      "cudnnConvolutionForward", problem.operands);
  if (!bias.empty()) {
    cuda::add_bias(stream, problem.output_rows(), s.c_out, bias, y);
  }
}

void dgrad(Stream& stream, const ConvShape& s, ConstSpan gy, ConstSpan w, Span gx) {
  if (s.n == 0) {
    return;
  }
  const Problem problem(s, gx.type, stream.tf32);
  require(gy.type == gx.type, "kernels cudnn: conv.dgrad: gy and gx must have one type");
  expect(gy, problem.output_rows() * s.c_out, "conv.dgrad: gy");
  expect(gx, problem.inputs(), "conv.dgrad: gx");
  cudnnHandle_t handle = cudnn_on(stream);
  const Plan plan = plan_of(Pass::dgrad, problem, [&] {
    return choose<cudnnConvolutionBwdDataAlgoPerf_t>(
        problem, "cudnnGetConvolutionBackwardDataAlgorithm_v7", [&](int wanted, int* got, auto* proposals) {
          const auto ask = measured ? cudnn().FindConvolutionBackwardDataAlgorithm
                                    : cudnn().GetConvolutionBackwardDataAlgorithm_v7;
          return ask(handle, problem.filter, problem.y, problem.convolution, problem.x, wanted, got,
                     proposals);
        });
  });
  const TypedScratch filter(stream, problem.weights(), gx.type);
  cuda::to_cudnn_filter(stream, s.k, s.c_in, s.c_out, w, filter.span());
  const TypedScratch workspace(stream, static_cast<std::int64_t>(plan.workspace / 4 + 1), DType::f32);
  problem.use(plan.math);
  check(cudnn().ConvolutionBackwardData(handle, &one, problem.filter, filter.data(), problem.y, gy.data,
                                        problem.convolution,
                                        static_cast<cudnnConvolutionBwdDataAlgo_t>(plan.algorithm),
                                        workspace.data(), plan.workspace, &zero, problem.x, gx.data),
        "cudnnConvolutionBackwardData", problem.operands);
}

// With bf16 operands cuDNN rounds the filter's gradient to bf16; our kernels keep it in f32.
void wgrad(Stream& stream, const ConvShape& s, ConstSpan x, ConstSpan gy, Span gw, Span gbias) {
  if (s.n == 0) {
    return;
  }
  const Problem problem(s, x.type, stream.tf32);
  require(gy.type == x.type, "kernels cudnn: conv.wgrad: x and gy must have one type");
  expect(x, problem.inputs(), "conv.wgrad: x");
  expect(gy, problem.output_rows() * s.c_out, "conv.wgrad: gy");
  cudnnHandle_t handle = cudnn_on(stream);
  const Plan plan = plan_of(Pass::wgrad, problem, [&] {
    return choose<cudnnConvolutionBwdFilterAlgoPerf_t>(
        problem, "cudnnGetConvolutionBackwardFilterAlgorithm_v7", [&](int wanted, int* got, auto* proposals) {
          const auto ask = measured ? cudnn().FindConvolutionBackwardFilterAlgorithm
                                    : cudnn().GetConvolutionBackwardFilterAlgorithm_v7;
          return ask(handle, problem.x, problem.y, problem.convolution, problem.filter, wanted, got,
                     proposals);
        });
  });
  const TypedScratch filter(stream, problem.weights(), x.type);
  const TypedScratch workspace(stream, static_cast<std::int64_t>(plan.workspace / 4 + 1), DType::f32);
  problem.use(plan.math);
  check(cudnn().ConvolutionBackwardFilter(
            handle, &one, problem.x, x.data, problem.y, gy.data, problem.convolution,
            static_cast<cudnnConvolutionBwdFilterAlgo_t>(plan.algorithm), workspace.data(), plan.workspace,
            &zero, problem.filter, filter.data()),
        "cudnnConvolutionBackwardFilter", problem.operands);
  cuda::add_cudnn_filter(stream, s.k, s.c_in, s.c_out, filter.span(), gw);
  if (!gbias.empty()) {
    cuda::add_bias_gradient_of(stream, problem.output_rows(), s.c_out, gy, gbias);
  }
}

// cuDNN cannot run different convolutions in one launch, so a group is run one by one.
void forward_group(Stream& stream, std::span<const ConvForward> group) {
  for (const ConvForward& problem : group) {
    forward(stream, problem.shape, problem.x, problem.w, problem.bias, problem.y);
  }
}
void dgrad_group(Stream& stream, std::span<const ConvDgrad> group) {
  for (const ConvDgrad& problem : group) {
    dgrad(stream, problem.shape, problem.gy, problem.w, problem.gx);
  }
}
void wgrad_group(Stream& stream, std::span<const ConvWgrad> group) {
  for (const ConvWgrad& problem : group) {
    wgrad(stream, problem.shape, problem.x, problem.gy, problem.gw, problem.gbias);
  }
}

}  // namespace

void measure_algorithms() {
  measured = true;
}

ConvKernels conv_kernels() {
  return {.forward_group = forward_group, .dgrad_group = dgrad_group, .wgrad_group = wgrad_group};
}

}  // namespace sec::kernels::peers
