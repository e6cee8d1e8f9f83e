#include "tests/layers/plain.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sec::plain {
namespace {

template <typename Function>
Array map(const Array& x, Function&& function) {
  Array y(x.shape);
  std::ranges::transform(x.data, y.data.begin(), function);
  return y;
}

// Pooling over windows in time. `combine` merges one input of the window into the running value.
template <typename Combine>
Array pool(const Array& x, std::int64_t k, std::int64_t stride, std::int64_t pad, double start,
           Combine&& combine) {
  const std::int64_t n = x.shape[0], l = x.shape[1], row = x.shape[2] * x.shape[3];
  const std::int64_t lo = (l + 2 * pad - k) / stride + 1;
  Array y({n, lo, x.shape[2], x.shape[3]});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t t = 0; t < lo; ++t) {
      for (std::int64_t c = 0; c < row; ++c) {
        double value = start;
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int64_t s = t * stride + j - pad;
          if (s >= 0 && s < l) {
            value = combine(value, x.data[(i * l + s) * row + c]);
          }
        }
        y.data[(i * lo + t) * row + c] = value;
      }
    }
  }
  return y;
}

double log_sigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

}  // namespace

Array conv(const Array& x, const Array& weight, const Array& bias, std::int64_t stride, std::int64_t pad) {
  const std::int64_t n = x.shape[0], l = x.shape[1], h = x.shape[2], ci = x.shape[3];
  const std::int64_t k = weight.shape[0], co = weight.shape[2];
  const std::int64_t lo = (l + 2 * pad - k) / stride + 1;
  Array y({n, lo, h, co});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t t = 0; t < lo; ++t) {
      for (std::int64_t lead = 0; lead < h; ++lead) {
        double* out = &y.data[((i * lo + t) * h + lead) * co];
        for (std::int64_t o = 0; o < co && bias.defined(); ++o) {
          out[o] = bias.data[o];
        }
        for (std::int64_t j = 0; j < k; ++j) {
          const std::int64_t s = t * stride + j - pad;
          if (s < 0 || s >= l) {
            continue;
          }
          for (std::int64_t c = 0; c < ci; ++c) {
            const double value = x.data[((i * l + s) * h + lead) * ci + c];
            for (std::int64_t o = 0; o < co; ++o) {
              out[o] += value * weight.data[(j * ci + c) * co + o];
            }
          }
        }
      }
    }
  }
  return y;
}

double rows(const Array& x) {
  return static_cast<double>(x.shape[0] * x.shape[1] * x.shape[2]);
}

Statistics statistics(const Array& x) {
  const std::int64_t c = x.shape[3];
  const double n = rows(x);
  Statistics result{Array({c}), Array({c})};
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    result.mean.data[i % c] += x.data[i] / n;
  }
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const double centred = x.data[i] - result.mean.data[i % c];
    result.variance.data[i % c] += centred * centred / n;
  }
  return result;
}

Array batch_norm(const Array& x, const Statistics& statistics, const Array& gamma, const Array& beta,
                 double epsilon) {
  const std::int64_t c = x.shape[3];
  Array y(x.shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const std::size_t j = i % c;
    y.data[i] = (x.data[i] - statistics.mean.data[j]) / std::sqrt(statistics.variance.data[j] + epsilon) *
                    gamma.data[j] +
                beta.data[j];
  }
  return y;
}

Array relu(const Array& x) {
  return map(x, [](double v) { return std::max(v, 0.0); });
}

Array sigmoid(const Array& x) {
  return map(x, [](double v) { return 1 / (1 + std::exp(-v)); });
}

Array add(const Array& a, const Array& b) {
  Array y(a.shape);
  std::ranges::transform(a.data, b.data, y.data.begin(), std::plus<>());
  return y;
}

Array gate(const Array& x, const Array& factors) {
  const std::int64_t c = x.shape[3], sample = x.shape.count() / x.shape[0];
  Array y(x.shape);
  for (std::int64_t i = 0; i < x.shape.count(); ++i) {
    y.data[i] = x.data[i] * factors.data[i / sample * c + i % c];
  }
  return y;
}

Array concat(const std::vector<Array>& parts) {
  const std::int64_t n = parts[0].shape[0];
  std::vector<double> rows;
  for (std::int64_t i = 0; i < n; ++i) {
    for (const Array& part : parts) {
      const auto from = part.data.begin() + i * part.shape[1];
      rows.insert(rows.end(), from, from + part.shape[1]);
    }
  }
  const auto columns = static_cast<std::int64_t>(rows.size()) / n;
  return {{n, columns}, std::move(rows)};
}

Array linear(const Array& x, const Array& weight, const Array& bias) {
  const std::int64_t n = x.shape[0], in = x.shape[1], out = weight.shape[1];
  Array y({n, out});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t o = 0; o < out; ++o) {
      double sum = bias.data[o];
      for (std::int64_t c = 0; c < in; ++c) {
        sum += x.data[i * in + c] * weight.data[c * out + o];
      }
      y.data[i * out + o] = sum;
    }
  }
  return y;
}

Array dropout(const Array& x, double p, const RandomKey& key) {
  Array y(x.shape);
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    y.data[i] = uniform(key, i) < static_cast<float>(p) ? 0 : x.data[i] / (1 - p);
  }
  return y;
}

Array global_average_pool(const Array& x) {
  const std::int64_t c = x.shape[3], sample = x.shape.count() / x.shape[0];
  const double positions = rows(x) / static_cast<double>(x.shape[0]);
  Array y({x.shape[0], c});
  for (std::int64_t i = 0; i < x.shape.count(); ++i) {
    y.data[i / sample * c + i % c] += x.data[i] / positions;
  }
  return y;
}

Array max_pool(const Array& x, std::int64_t k, std::int64_t stride, std::int64_t pad) {
  return pool(x, k, stride, pad, -std::numeric_limits<double>::infinity(),
              [](double value, double next) { return std::max(value, next); });
}

Array average_pool(const Array& x, std::int64_t k, std::int64_t stride, std::int64_t pad) {
  return pool(x, k, stride, pad, 0,
              [k](double value, double next) { return value + next / static_cast<double>(k); });
}

Array softmax_cross_entropy(const Array& logits, const std::vector<std::int32_t>& labels,
                            const Array& class_weights, double smoothing) {
  const std::int64_t n = logits.shape[0], classes = logits.shape[1];
  double sum = 0, weights = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    const double* row = &logits.data[i * classes];
    const double highest = *std::max_element(row, row + classes);
    double total = 0;
    for (std::int64_t c = 0; c < classes; ++c) {
      total += std::exp(row[c] - highest);
    }
    for (std::int64_t c = 0; c < classes; ++c) {
      const double minus_log_p = highest + std::log(total) - row[c];
      const double target = (c == labels[i] ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes);
      sum += (class_weights.defined() ? class_weights.data[c] : 1) * target * minus_log_p;
    }
    weights += class_weights.defined() ? class_weights.data[labels[i]] : 1;
  }
  return {{1}, {sum / weights}};
}

Array bce_with_logits(const Array& logits, const Array& targets, const Array& positive_weights) {
  double sum = 0;
  for (std::size_t i = 0; i < logits.data.size(); ++i) {
    const double weight =
        positive_weights.defined() ? positive_weights.data[i % positive_weights.data.size()] : 1;
    const double x = logits.data[i], t = targets.data[i];
    sum -= weight * t * log_sigmoid(x) + (1 - t) * log_sigmoid(-x);
  }
  return {{1}, {sum / static_cast<double>(logits.data.size())}};
}

Array focal_loss(const Array& logits, const Array& targets, double alpha, double gamma) {
  double sum = 0;
  for (std::size_t i = 0; i < logits.data.size(); ++i) {
    const double x = logits.data[i], p = 1 / (1 + std::exp(-x));
    sum -= targets.data[i] > 0.5 ? alpha * std::pow(1 - p, gamma) * log_sigmoid(x)
                                 : (1 - alpha) * std::pow(p, gamma) * log_sigmoid(-x);
  }
  return {{1}, {sum}};
}

}  // namespace sec::plain
