// Losses. There are few logits (64 samples x 34 classes), and all of training depends on them.
// A single block therefore computes a loss and its gradient in double precision, and sums in a fixed order.
// A kernel cannot throw: a label or target that is out of range makes the loss NaN, which stops training.
#include "kernels/cuda/block_sum.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

SEC_DEVICE double not_a_number() {
  return static_cast<double>(__uint_as_float(0x7fc00000U));
}

// log(1 + e^x)
SEC_DEVICE double softplus(double x) {
  return (x > 0 ? x : 0) + log1p(exp(x > 0 ? -x : x));
}

SEC_DEVICE double logistic(double x) {
  const double e = exp(x > 0 ? -x : x);
  return x > 0 ? 1 / (1 + e) : e / (1 + e);
}

// One thread per sample: there are few classes, and double-precision exponentials dominate the time.
// Without the launch bound of 1 block, nvcc assumes five per multiprocessor and spills registers.
template <typename T>
__global__ void __launch_bounds__(threads, 1)
    loss_softmax_cross_entropy(int n, int classes, double smoothing,
                               const T* __restrict__ logits,             // (N, classes)
                               const int* __restrict__ labels,           // (N)
                               const float* __restrict__ class_weights,  // (classes)
                               float* __restrict__ loss,                 // (1)
                               T* __restrict__ glogits) {                // (N, classes)
  SHARED(double, total_label_weight);
  const auto weight = [=](int c) {
    return class_weights != nullptr ? static_cast<double>(class_weights[c]) : 1.0;
  };
  double label_weights = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += threads) {
    const int label = labels[i];
    label_weights += label >= 0 && label < classes ? weight(label) : not_a_number();
  }
  label_weights = block_sum<threads, 0>(label_weights);
  if (threadIdx.x == 0) {
    total_label_weight = label_weights;
  }
  __syncthreads();
  label_weights = total_label_weight;

  double all_weights = 0;
  for (int c = 0; c < classes; ++c) {
    all_weights += weight(c);
  }
  const double hard = 1.0 - smoothing;
  const double soft = smoothing / classes;
  double sum = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += threads) {
    const T* const z = logits + static_cast<std::int64_t>(i) * classes;
    T* const g = glogits + static_cast<std::int64_t>(i) * classes;
    double highest = load(z);
    for (int c = 1; c < classes; ++c) {
      const double value = load(z + c);
      highest = value > highest ? value : highest;
    }
    double exponentials = 0;
    for (int c = 0; c < classes; ++c) {
      exponentials += exp(load(z + c) - highest);
    }
    const double log_sum = log(exponentials);  // log of the sum of e^(z - highest)
    const int label = labels[i];
    const bool known = label >= 0 && label < classes;
    const double label_weight = known ? weight(label) : 0.0;
    sum += known ? hard * label_weight * (log_sum - (load(z + label) - highest)) : not_a_number();
    for (int c = 0; c < classes; ++c) {
      const double log_p = (load(z + c) - highest) - log_sum;
      const double p = exp(log_p);
      sum -= soft * weight(c) * log_p;
      const double gradient =
          hard * label_weight * (p - (c == label ? 1.0 : 0.0)) + soft * (all_weights * p - weight(c));
      store(g + c, static_cast<float>(gradient / label_weights));
    }
  }
  sum = block_sum<threads, 1>(sum);
  if (threadIdx.x == 0) {
    *loss = static_cast<float>(sum / label_weights);
  }
}

template <typename T>
__global__ void __launch_bounds__(threads)
    loss_binary_cross_entropy(std::int64_t cells, int classes,
                              const T* __restrict__ logits,       // (cells)
                              const float* __restrict__ targets,  // (cells)
                              const float* __restrict__ positive_weights,
                              float* __restrict__ loss,   // (1)
                              T* __restrict__ glogits) {  // (cells)
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < cells; i += threads) {
    const double x = load(logits + i);
    const double target = targets[i];
    const double negative = 1.0 - target;
    const double positive = target * (positive_weights != nullptr ? positive_weights[i % classes] : 1.0F);
    sum += positive * softplus(-x) + negative * softplus(x);
    const double gradient = negative * logistic(x) - positive * logistic(-x);
    store(glogits + i, static_cast<float>(gradient / static_cast<double>(cells)));
  }
  sum = block_sum<threads>(sum);
  if (threadIdx.x == 0) {
    *loss = static_cast<float>(sum / static_cast<double>(cells));
  }
}

// Each cell's loss is share * f(x), where f(x) = -(1 - p)^gamma log p and p = logistic(x).
// If the target is 0, x is negated. The derivative is f'(x) = (1 - p)^gamma (gamma p log p - (1 - p)).
template <typename T>
__global__ void __launch_bounds__(threads) loss_focal(std::int64_t cells, double alpha, double gamma,
                                                      const T* __restrict__ logits,       // (cells)
                                                      const float* __restrict__ targets,  // (cells)
                                                      float* __restrict__ loss,           // (1)
                                                      T* __restrict__ glogits) {          // (cells)
  double sum = 0;
  for (std::int64_t i = threadIdx.x; i < cells; i += threads) {
    const bool positive = targets[i] == 1.0F;
    const double share = positive ? alpha : (targets[i] == 0.0F ? 1.0 - alpha : not_a_number());
    const double x = positive ? load(logits + i) : -load(logits + i);
    const double log_p = -softplus(-x);
    const double q = logistic(-x);
    const double power = pow(q, gamma);
    sum -= share * power * log_p;
    const double slope = share * power * (gamma * logistic(x) * log_p - q);
    store(glogits + i, static_cast<float>(positive ? slope : -slope));
  }
  sum = block_sum<threads>(sum);
  if (threadIdx.x == 0) {
    *loss = static_cast<float>(sum);
  }
}

// ---- launchers ----

void check(const LossShape& s, const char* what) {
  require(s.n > 0 && s.classes > 0, "{}: expected samples and classes", what);
}

void softmax_cross_entropy(Stream& stream, const LossShape& s, float smoothing, ConstSpan logits,
                           ConstSpan labels, ConstSpan class_weights, Span loss, Span glogits) {
  check(s, "softmax_cross_entropy");
  require(smoothing >= 0 && smoothing <= 1, "softmax_cross_entropy: expected a smoothing in [0, 1]");
  by_type(logits.type, "softmax_cross_entropy", [&](auto zero) {
    using T = decltype(zero);
    launch<loss_softmax_cross_entropy<T>>(
        stream, dim3(1), dim3(threads), 0, to_int(s.n, "softmax_cross_entropy"),
        to_int(s.classes, "softmax_cross_entropy"), smoothing,
        elements<T>(logits, s.n * s.classes, "softmax_cross_entropy: logits"),
        elements<std::int32_t>(labels, s.n, "softmax_cross_entropy: labels"),
        elements_or_null<float>(class_weights, s.classes, "softmax_cross_entropy: class_weights"),
        elements<float>(loss, 1, "softmax_cross_entropy: loss"),
        elements<T>(glogits, s.n * s.classes, "softmax_cross_entropy: glogits"));
  });
}

void bce_with_logits(Stream& stream, const LossShape& s, ConstSpan logits, ConstSpan targets,
                     ConstSpan positive_weights, Span loss, Span glogits) {
  check(s, "bce_with_logits");
  const std::int64_t cells = s.n * s.classes;
  by_type(logits.type, "bce_with_logits", [&](auto zero) {
    using T = decltype(zero);
    launch<loss_binary_cross_entropy<T>>(
        stream, dim3(1), dim3(threads), 0, cells, to_int(s.classes, "bce_with_logits"),
        elements<T>(logits, cells, "bce_with_logits: logits"),
        elements<float>(targets, cells, "bce_with_logits: targets"),
        elements_or_null<float>(positive_weights, s.classes, "bce_with_logits: positive_weights"),
        elements<float>(loss, 1, "bce_with_logits: loss"),
        elements<T>(glogits, cells, "bce_with_logits: glogits"));
  });
}

void focal(Stream& stream, const LossShape& s, float alpha, float gamma, ConstSpan logits, ConstSpan targets,
           Span loss, Span glogits) {
  require(gamma >= 0, "focal: expected a gamma of 0 or more");
  const std::int64_t cells = s.n * s.classes;
  by_type(logits.type, "focal", [&](auto zero) {
    using T = decltype(zero);
    launch<loss_focal<T>>(
        stream, dim3(1), dim3(threads), 0, cells, alpha, gamma, elements<T>(logits, cells, "focal: logits"),
        elements<float>(targets, cells, "focal: targets"), elements<float>(loss, 1, "focal: loss"),
        elements<T>(glogits, cells, "focal: glogits"));
  });
}

}  // namespace

LossKernels loss_kernels() {
  return {.softmax_cross_entropy = softmax_cross_entropy, .bce_with_logits = bce_with_logits, .focal = focal};
}

}  // namespace sec::kernels::SEC_BACKEND
