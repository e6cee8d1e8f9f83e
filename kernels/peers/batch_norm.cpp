// Batch norm on cuDNN. cuDNN has no pass that computes only statistics.
// `statistics` therefore runs its training pass and discards the normalised output.
#include "kernels/device_tables.h"
#include "kernels/peers/cudnn.h"
#include "kernels/peers/parts.h"
#include "kernels/peers/reorder.h"

namespace sec::kernels::peers {
namespace {

constexpr cudnnBatchNormMode_t mode = CUDNN_BATCHNORM_SPATIAL;

// Describes the operands as one sample of `rows` time steps: cuDNN limits the number of samples more tightly.
struct Problem {
  Problem(const BatchNormShape& s, DType type)
      : x(type, 1, s.rows, 1, s.c),
        channels(DType::f32, 1, 1, 1, s.c),
        operands(fmt::format("{} x ({}, {})", name_of(type), s.rows, s.c)) {}

  TensorDescriptor x, channels;
  std::string operands;
};

void statistics(Stream& stream, const BatchNormShape& s, ConstSpan x, Span mean, Span variance) {
  const Problem problem(s, x.type);
  expect(x, s.rows * s.c, "batch_norm.statistics: x");
  expect(mean, s.c, "batch_norm.statistics: mean");
  expect(variance, s.c, "batch_norm.statistics: variance");
  const TypedScratch y(stream, s.rows * s.c, x.type);
  const TypedScratch factors(stream, s.c,
                             DType::f32);  // placeholder for gamma and beta, whose values do not matter
  zero_bytes(stream, factors.data(), static_cast<std::size_t>(s.c) * 4);
  zero_bytes(stream, mean.data, static_cast<std::size_t>(s.c) * 4);
  zero_bytes(stream, variance.data, static_cast<std::size_t>(s.c) * 4);
  if (s.rows == 1) {  // a single value has no unbiased variance: the mean is the value, the variance 0
    cuda::table().pointwise.cast(stream, x, mean);
    return;
  }
  // A momentum of 1 replaces the running mean and variance by the batch's mean and unbiased variance.
  check(cudnn().BatchNormalizationForwardTraining(
            cudnn_on(stream), mode, &one, &zero, problem.x, x.data, problem.x, y.data(), problem.channels,
            factors.data(), factors.data(), 1.0, mean.data, variance.data, 1e-5, nullptr, nullptr),
        "cudnnBatchNormalizationForwardTraining", problem.operands);
  cuda::to_biased(stream, s.rows, variance);
}

void apply(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan mean,
           ConstSpan variance, ConstSpan gamma, ConstSpan beta, Span y) {
  if (s.rows == 0) {
    return;
  }
  require(x.type == y.type, "kernels cudnn: batch_norm.apply: x and y must have one type");
  const Problem problem(s, x.type);
  expect(x, s.rows * s.c, "batch_norm.apply: x");
  expect(y, s.rows * s.c, "batch_norm.apply: y");
  check(cudnn().BatchNormalizationForwardInference(
            cudnn_on(stream), mode, &one, &zero, problem.x, x.data, problem.x, y.data, problem.channels,
            gamma.as<float>("batch_norm.apply: gamma"), beta.as<float>("batch_norm.apply: beta"),
            mean.as<float>("batch_norm.apply: mean"), variance.as<float>("batch_norm.apply: variance"),
            epsilon),
        "cudnnBatchNormalizationForwardInference", problem.operands);
}

void backward(Stream& stream, const BatchNormShape& s, float epsilon, ConstSpan x, ConstSpan gy,
              ConstSpan mean, ConstSpan variance, ConstSpan gamma, Span gx, Span ggamma, Span gbeta) {
  if (s.rows == 0) {
    return;
  }
  require(x.type == gx.type && gy.type == gx.type,
          "kernels cudnn: batch_norm.backward: x, gy and gx must have one type");
  const Problem problem(s, x.type);
  expect(x, s.rows * s.c, "batch_norm.backward: x");
  expect(gy, s.rows * s.c, "batch_norm.backward: gy");
  expect(gx, s.rows * s.c, "batch_norm.backward: gx");
  const TypedScratch inverse(stream, s.c, DType::f32);
  cuda::inverse_deviation(stream, epsilon, variance, inverse.span());
  check(cudnn().BatchNormalizationBackward(
            cudnn_on(stream), mode, &one, &zero, &one, &one, problem.x, x.data, problem.x, gy.data, problem.x,
            gx.data, problem.channels, gamma.as<float>("batch_norm.backward: gamma"),
            ggamma.as<float>("batch_norm.backward: ggamma"), gbeta.as<float>("batch_norm.backward: gbeta"),
            epsilon, mean.as<float>("batch_norm.backward: mean"), inverse.data()),
        "cudnnBatchNormalizationBackward", problem.operands);
}

}  // namespace

BatchNormKernels batch_norm_kernels() {
  BatchNormKernels kernels = cuda::table().batch_norm;
  kernels.statistics = statistics;
  kernels.apply = apply;
  kernels.backward = backward;
  kernels.apply_relu = nullptr;
  return kernels;
}

}  // namespace sec::kernels::peers
