// Losses. There are few logits (samples x classes), so accuracy comes first.
// Arithmetic is in double precision, and sums run over the samples in order.
#include <cmath>

#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// log(1 + e^x)
double softplus(double x) {
  return (x > 0 ? x : 0) + std::log1p(std::exp(x > 0 ? -x : x));
}

double logistic(double x) {
  const double e = std::exp(x > 0 ? -x : x);
  return x > 0 ? 1 / (1 + e) : e / (1 + e);
}

void softmax_cross_entropy(Stream&, const LossShape& s, float smoothing, ConstSpan logits_span,
                           ConstSpan labels_span, ConstSpan class_weights_span, Span loss_span,
                           Span glogits_span) {
  const Range range("softmax_cross_entropy");
  check(s.n > 0 && s.classes > 0, "softmax_cross_entropy: expected samples and classes");
  check(smoothing >= 0 && smoothing <= 1, "softmax_cross_entropy: expected a smoothing in [0, 1]");
  const float* const logits = floats(logits_span, s.n * s.classes, "softmax_cross_entropy: logits");
  const std::int32_t* const labels = integers(labels_span, s.n, "softmax_cross_entropy: labels");
  const float* const class_weights =
      floats_or_null(class_weights_span, s.classes, "softmax_cross_entropy: class_weights");
  float* const loss = floats(loss_span, 1, "softmax_cross_entropy: loss");
  float* const glogits = floats(glogits_span, s.n * s.classes, "softmax_cross_entropy: glogits");
  const auto weight = [&](std::int64_t c) {
    return class_weights != nullptr ? double{class_weights[c]} : 1.0;
  };

  double label_weights = 0;
  for (std::int64_t n = 0; n < s.n; ++n) {
    check_index(labels[n], s.classes, "softmax_cross_entropy: label");
    label_weights += weight(labels[n]);
  }
  double all_weights = 0;
  for (std::int64_t c = 0; c < s.classes; ++c) {
    all_weights += weight(c);
  }
  const double hard = 1.0 - smoothing;
  const double soft = double{smoothing} / static_cast<double>(s.classes);
  double sum = 0;
  for (std::int64_t n = 0; n < s.n; ++n) {
    const float* const z = logits + n * s.classes;
    float* const g = glogits + n * s.classes;
    double highest = z[0];
    for (std::int64_t c = 1; c < s.classes; ++c) {
      highest = z[c] > highest ? z[c] : highest;
    }
    double exponentials = 0;
    for (std::int64_t c = 0; c < s.classes; ++c) {
      exponentials += std::exp(z[c] - highest);
    }
    const double log_sum = std::log(exponentials);  // log of the sum of e^(z - highest)
    const std::int64_t label = labels[n];
    sum += hard * weight(label) * (log_sum - (z[label] - highest));
    for (std::int64_t c = 0; c < s.classes; ++c) {
      const double log_p = (z[c] - highest) - log_sum;
      const double p = std::exp(log_p);
      sum -= soft * weight(c) * log_p;
      const double gradient =
          hard * weight(label) * (p - (c == label ? 1.0 : 0.0)) + soft * (all_weights * p - weight(c));
      g[c] = static_cast<float>(gradient / label_weights);
    }
  }
  *loss = static_cast<float>(sum / label_weights);
}

void bce_with_logits(Stream&, const LossShape& s, ConstSpan logits_span, ConstSpan targets_span,
                     ConstSpan positive_weights_span, Span loss_span, Span glogits_span) {
  const Range range("bce_with_logits");
  check(s.n > 0 && s.classes > 0, "bce_with_logits: expected samples and classes");
  const std::int64_t cells = s.n * s.classes;
  const float* const logits = floats(logits_span, cells, "bce_with_logits: logits");
  const float* const targets = floats(targets_span, cells, "bce_with_logits: targets");
  const float* const positive_weights =
      floats_or_null(positive_weights_span, s.classes, "bce_with_logits: positive_weights");
  float* const loss = floats(loss_span, 1, "bce_with_logits: loss");
  float* const glogits = floats(glogits_span, cells, "bce_with_logits: glogits");
  double sum = 0;
  for (std::int64_t i = 0; i < cells; ++i) {
    const double x = logits[i];
    const double negative = 1.0 - targets[i];
    const double weight = positive_weights != nullptr ? positive_weights[i % s.classes] : 1.0;
    const double positive = targets[i] * weight;
    sum += positive * softplus(-x) + negative * softplus(x);
    const double gradient = negative * logistic(x) - positive * logistic(-x);
    glogits[i] = static_cast<float>(gradient / static_cast<double>(cells));
  }
  *loss = static_cast<float>(sum / static_cast<double>(cells));
}

struct ValueAndSlope {
  double value, slope;
};

// -(1 - p)^gamma log p with p = logistic(x), and its derivative with respect to x.
ValueAndSlope focal_of(double x, double gamma) {
  const double log_p = -softplus(-x);
  const double p = logistic(x);
  const double q = logistic(-x);
  const double power = std::pow(q, gamma);
  return {-power * log_p, power * (gamma * p * log_p - q)};
}

void focal(Stream&, const LossShape& s, float alpha, float gamma, ConstSpan logits_span,
           ConstSpan targets_span, Span loss_span, Span glogits_span) {
  const Range range("focal");
  check(gamma >= 0, "focal: expected a gamma of 0 or more");
  const std::int64_t cells = s.n * s.classes;
  const float* const logits = floats(logits_span, cells, "focal: logits");
  const float* const targets = floats(targets_span, cells, "focal: targets");
  float* const loss = floats(loss_span, 1, "focal: loss");
  float* const glogits = floats(glogits_span, cells, "focal: glogits");
  double sum = 0;
  for (std::int64_t i = 0; i < cells; ++i) {
    check(targets[i] == 0 || targets[i] == 1, "focal: expected targets of 0 or 1");
    const bool positive = targets[i] == 1;
    const double x = logits[i];
    const ValueAndSlope f = focal_of(positive ? x : -x, gamma);
    const double share = positive ? double{alpha} : 1.0 - alpha;
    sum += share * f.value;
    glogits[i] = static_cast<float>(positive ? share * f.slope : -share * f.slope);
  }
  *loss = static_cast<float>(sum);
}

}  // namespace

LossKernels loss_kernels() {
  return {softmax_cross_entropy, bce_with_logits, focal};
}

}  // namespace sec::kernels::cpu::SEC_ISA
