// Reference implementation of the layers:
// plain loops in double precision, independent of the engine and its kernels.
// Tests compare the layers with the reference and compute finite differences from it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "engine/shape.h"

namespace sec::plain {

struct Array {
  Shape shape;
  std::vector<double> data;

  Array() = default;
  explicit Array(const Shape& extents) : shape(extents), data(static_cast<std::size_t>(extents.count())) {}
  Array(const Shape& extents, std::vector<double> values) : shape(extents), data(std::move(values)) {}
  bool defined() const { return !data.empty(); }
};

using Arrays = std::map<std::string, Array>;  // tensors by name

// Convolution of x (N, L, H, Ci) with weight (K, Ci, Co). The bias is (Co) or undefined.
Array conv(const Array& x, const Array& weight, const Array& bias, std::int64_t stride, std::int64_t pad);

double rows(const Array& x);  // N * L * H, the number of values per channel

// Mean and biased variance of each channel over a batch x (N, L, H, C).
struct Statistics {
  Array mean, variance;  // (C)
};
Statistics statistics(const Array& x);
Array batch_norm(const Array& x, const Statistics& statistics, const Array& gamma, const Array& beta,
                 double epsilon);

Array relu(const Array& x);
Array sigmoid(const Array& x);
Array add(const Array& a, const Array& b);
Array gate(const Array& x, const Array& factors);                      // (N, L, H, C), (N, C)
Array concat(const std::vector<Array>& parts);                         // (N, C1), (N, C2), ...
Array linear(const Array& x, const Array& weight, const Array& bias);  // (N, In), (In, Out), (Out)
Array dropout(const Array& x, double p, const RandomKey& key);
Array global_average_pool(const Array& x);  // (N, L, H, C) to (N, C)
Array max_pool(const Array& x, std::int64_t k, std::int64_t stride, std::int64_t pad);
Array average_pool(const Array& x, std::int64_t k, std::int64_t stride, std::int64_t pad);

// Losses of logits (N, classes). The result has shape (1).
Array softmax_cross_entropy(const Array& logits, const std::vector<std::int32_t>& labels,
                            const Array& class_weights, double smoothing);
Array bce_with_logits(const Array& logits, const Array& targets, const Array& positive_weights);
Array focal_loss(const Array& logits, const Array& targets, double alpha, double gamma);

}  // namespace sec::plain
