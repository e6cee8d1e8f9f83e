#include "kernels/reference/reference.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sec::kernels::reference {
namespace {

Values zeros(std::int64_t count) {
  return Values(static_cast<std::size_t>(count), 0.0);
}

// Index of element (a, b, c, d) of an array whose last three extents are eb, ec and ed.
std::int64_t at(std::int64_t a, std::int64_t b, std::int64_t eb, std::int64_t c, std::int64_t ec,
                std::int64_t d, std::int64_t ed) {
  return ((a * eb + b) * ec + c) * ed + d;
}

// Calls visit(x index, w index, y index) for every product that a convolution sums.
template <typename Visit>
void each_product(const ConvShape& s, const Visit& visit) {
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t t = 0; t < s.l_out(); ++t) {
      for (std::int64_t j = 0; j < s.k; ++j) {
        const std::int64_t source = t * s.stride + j - s.pad;
        if (source < 0 || source >= s.l) {
          continue;
        }
        for (std::int64_t h = 0; h < s.h; ++h) {
          for (std::int64_t i = 0; i < s.c_in; ++i) {
            for (std::int64_t o = 0; o < s.c_out; ++o) {
              visit(at(n, source, s.l, h, s.h, i, s.c_in), (j * s.c_in + i) * s.c_out + o,
                    at(n, t, s.l_out(), h, s.h, o, s.c_out));
            }
          }
        }
      }
    }
  }
}

ConvShape as_conv(const LinearShape& s) {
  return {.n = s.n, .l = 1, .h = 1, .c_in = s.in, .c_out = s.out, .k = 1};
}

double log_sigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

double sigmoid_of(double x) {
  return std::exp(log_sigmoid(x));
}

}  // namespace

Values conv_forward(const ConvShape& s, const Values& x, const Values& w, const Values& bias) {
  Values y = zeros(s.n * s.l_out() * s.h * s.c_out);
  each_product(s, [&](std::int64_t ix, std::int64_t iw, std::int64_t iy) { y[iy] += x[ix] * w[iw]; });
  if (!bias.empty()) {
    for (std::size_t e = 0; e < y.size(); ++e) {
      y[e] += bias[e % bias.size()];
    }
  }
  return y;
}

Values conv_dgrad(const ConvShape& s, const Values& gy, const Values& w) {
  Values gx = zeros(s.n * s.l * s.h * s.c_in);
  each_product(s, [&](std::int64_t ix, std::int64_t iw, std::int64_t iy) { gx[ix] += gy[iy] * w[iw]; });
  return gx;
}

ConvWgrad conv_wgrad(const ConvShape& s, const Values& x, const Values& gy) {
  ConvWgrad g{zeros(s.k * s.c_in * s.c_out), zeros(s.c_out)};
  each_product(s, [&](std::int64_t ix, std::int64_t iw, std::int64_t iy) { g.gw[iw] += x[ix] * gy[iy]; });
  for (std::size_t e = 0; e < gy.size(); ++e) {
    g.gbias[e % g.gbias.size()] += gy[e];
  }
  return g;
}

Values linear_forward(const LinearShape& s, const Values& x, const Values& w, const Values& bias) {
  return conv_forward(as_conv(s), x, w, bias);
}

Values linear_dgrad(const LinearShape& s, const Values& gy, const Values& w) {
  return conv_dgrad(as_conv(s), gy, w);
}

ConvWgrad linear_wgrad(const LinearShape& s, const Values& x, const Values& gy) {
  return conv_wgrad(as_conv(s), x, gy);
}

Values excite_forward(const ExciteShape& s, const Values& means, const ExciteValues& weights) {
  const Values hidden = relu(linear_forward({s.n, s.c, s.hidden}, means, weights.w1, weights.b1));
  return sigmoid(linear_forward({s.n, s.hidden, s.c}, hidden, weights.w2, weights.b2));
}

ExciteBackward excite_backward(const ExciteShape& s, const Values& means, const ExciteValues& weights,
                               const Values& gfactors) {
  const LinearShape first{s.n, s.c, s.hidden};
  const LinearShape second{s.n, s.hidden, s.c};
  const Values units = linear_forward(first, means, weights.w1, weights.b1);
  const Values hidden = relu(units);
  const Values glogits = sigmoid_backward(linear_forward(second, hidden, weights.w2, weights.b2), gfactors);
  const Values gunits = relu_backward(units, linear_dgrad(second, glogits, weights.w2));
  const ConvWgrad g1 = linear_wgrad(first, means, gunits);
  const ConvWgrad g2 = linear_wgrad(second, hidden, glogits);
  return {linear_dgrad(first, gunits, weights.w1), {g1.gw, g1.gbias, g2.gw, g2.gbias}};
}

Statistics batch_norm_statistics(const BatchNormShape& s, const Values& x) {
  Statistics result{zeros(s.c), zeros(s.c)};
  const auto rows = static_cast<double>(s.rows);
  for (std::size_t e = 0; e < x.size(); ++e) {
    result.mean[e % s.c] += x[e] / rows;
  }
  for (std::size_t e = 0; e < x.size(); ++e) {
    const double deviation = x[e] - result.mean[e % s.c];
    result.variance[e % s.c] += deviation * deviation / rows;
  }
  return result;
}

Statistics batch_norm_update_running(const BatchNormShape& s, double momentum, const Statistics& batch,
                                     const Statistics& running) {
  Statistics result = running;
  for (std::int64_t c = 0; c < s.c; ++c) {
    const double unbiased = batch.variance[c] * static_cast<double>(s.rows) / static_cast<double>(s.rows - 1);
    result.mean[c] = (1 - momentum) * running.mean[c] + momentum * batch.mean[c];
    result.variance[c] = (1 - momentum) * running.variance[c] + momentum * unbiased;
  }
  return result;
}

Values batch_norm_apply(const BatchNormShape& s, double epsilon, const Values& x,
                        const Statistics& statistics, const Values& gamma, const Values& beta) {
  Values y = x;
  for (std::size_t e = 0; e < x.size(); ++e) {
    const std::size_t c = e % s.c;
    y[e] = (x[e] - statistics.mean[c]) / std::sqrt(statistics.variance[c] + epsilon) * gamma[c] + beta[c];
  }
  return y;
}

BatchNormGradients batch_norm_backward(const BatchNormShape& s, double epsilon, const Values& x,
                                       const Values& gy, const Values& gamma) {
  const Statistics statistics = batch_norm_statistics(s, x);
  const Values ones(static_cast<std::size_t>(s.c), 1.0);
  const Values z = batch_norm_apply(s, epsilon, x, statistics, ones, zeros(s.c));
  BatchNormGradients g{x, zeros(s.c), zeros(s.c)};
  for (std::size_t e = 0; e < x.size(); ++e) {
    g.ggamma[e % s.c] += gy[e] * z[e];
    g.gbeta[e % s.c] += gy[e];
  }
  const auto rows = static_cast<double>(s.rows);
  for (std::size_t e = 0; e < x.size(); ++e) {
    const std::size_t c = e % s.c;
    g.gx[e] = gamma[c] / std::sqrt(statistics.variance[c] + epsilon) *
              (gy[e] - g.gbeta[c] / rows - z[e] * g.ggamma[c] / rows);
  }
  return g;
}

Values relu(const Values& x) {
  Values y = x;
  for (double& v : y) {
    v = std::max(v, 0.0);
  }
  return y;
}

Values relu_backward(const Values& x, const Values& gy) {
  Values gx = gy;
  for (std::size_t e = 0; e < x.size(); ++e) {
    gx[e] = x[e] <= 0 ? 0.0 : gy[e];
  }
  return gx;
}

Values sigmoid(const Values& x) {
  Values y = x;
  for (double& v : y) {
    v = sigmoid_of(v);
  }
  return y;
}

Values sigmoid_backward(const Values& x, const Values& gy) {
  Values gx = gy;
  for (std::size_t e = 0; e < x.size(); ++e) {
    gx[e] *= sigmoid_of(x[e]) * sigmoid_of(-x[e]);
  }
  return gx;
}

Values gate(const GateShape& s, const Values& x, const Values& factor) {
  Values y = x;
  for (std::size_t e = 0; e < x.size(); ++e) {
    y[e] *= factor[e / (s.positions * s.c) * s.c + e % s.c];
  }
  return y;
}

GateGradients gate_backward(const GateShape& s, const Values& x, const Values& factor, const Values& gy) {
  GateGradients g{gate(s, gy, factor), zeros(s.n * s.c)};
  for (std::size_t e = 0; e < x.size(); ++e) {
    g.ggate[e / (s.positions * s.c) * s.c + e % s.c] += gy[e] * x[e];
  }
  return g;
}

Values dropout(double p, const RandomKey& key, const Values& x) {
  Values y = x;
  for (std::size_t e = 0; e < x.size(); ++e) {
    y[e] = uniform(key, e) < static_cast<float>(p) ? 0.0 : x[e] / (1 - p);
  }
  return y;
}

MaxPool max_pool(const PoolShape& s, const Values& x) {
  const std::int64_t count = s.n * s.l_out() * s.h * s.c;
  MaxPool result{Values(static_cast<std::size_t>(count), -std::numeric_limits<double>::infinity()),
                 Integers(static_cast<std::size_t>(count), -1)};
  for (std::int64_t n = 0; n < s.n; ++n) {
    for (std::int64_t t = 0; t < s.l_out(); ++t) {
      for (std::int64_t e = 0; e < s.h * s.c; ++e) {
        const std::int64_t to = (n * s.l_out() + t) * s.h * s.c + e;
        for (std::int64_t j = 0; j < s.k; ++j) {
          const std::int64_t source = t * s.stride + j - s.pad;
          if (source < 0 || source >= s.l) {
            continue;
          }
          const double v = x[(n * s.l + source) * s.h * s.c + e];
          if (result.position[to] < 0 || v > result.y[to]) {
            result.y[to] = v;
            result.position[to] = static_cast<std::int32_t>(source);
          }
        }
      }
    }
  }
  return result;
}

Values max_pool_backward(const PoolShape& s, const Values& gy, const Integers& position) {
  Values gx = zeros(s.n * s.l * s.h * s.c);
  const std::int64_t row = s.h * s.c;
  for (std::size_t e = 0; e < gy.size(); ++e) {
    const auto n = static_cast<std::int64_t>(e) / (s.l_out() * row);
    gx[(n * s.l + position[e]) * row + static_cast<std::int64_t>(e) % row] += gy[e];
  }
  return gx;
}

// Average pooling is a convolution of each channel with weights 1 / k and c_in = c_out = 1.
// Channels count as leads.
Values average_pool(const PoolShape& s, const Values& x) {
  const ConvShape conv{
      .n = s.n, .l = s.l, .h = s.h * s.c, .c_in = 1, .c_out = 1, .k = s.k, .stride = s.stride, .pad = s.pad};
  return conv_forward(conv, x, Values(static_cast<std::size_t>(s.k), 1.0 / static_cast<double>(s.k)), {});
}

Values average_pool_backward(const PoolShape& s, const Values& gy) {
  const ConvShape conv{
      .n = s.n, .l = s.l, .h = s.h * s.c, .c_in = 1, .c_out = 1, .k = s.k, .stride = s.stride, .pad = s.pad};
  return conv_dgrad(conv, gy, Values(static_cast<std::size_t>(s.k), 1.0 / static_cast<double>(s.k)));
}

Values global_average(const GlobalPoolShape& s, const Values& x) {
  Values y = zeros(s.n * s.c);
  for (std::size_t e = 0; e < x.size(); ++e) {
    y[e / (s.positions * s.c) * s.c + e % s.c] += x[e] / static_cast<double>(s.positions);
  }
  return y;
}

Values global_average_backward(const GlobalPoolShape& s, const Values& gy) {
  Values gx = zeros(s.n * s.positions * s.c);
  for (std::size_t e = 0; e < gx.size(); ++e) {
    gx[e] = gy[e / (s.positions * s.c) * s.c + e % s.c] / static_cast<double>(s.positions);
  }
  return gx;
}

// As in PyTorch: each sample has a target distribution, weighted by class, which is compared with log p.
Loss softmax_cross_entropy(const LossShape& s, double smoothing, const Values& logits, const Integers& labels,
                           const Values& class_weights) {
  Loss result{0, zeros(s.n * s.classes)};
  const auto weight = [&](std::int64_t c) { return class_weights.empty() ? 1.0 : class_weights[c]; };
  double total = 0;
  for (const std::int32_t label : labels) {
    total += weight(label);
  }
  for (std::int64_t n = 0; n < s.n; ++n) {
    const double* z = &logits[n * s.classes];
    const double highest = *std::max_element(z, z + s.classes);
    double sum = 0;
    for (std::int64_t c = 0; c < s.classes; ++c) {
      sum += std::exp(z[c] - highest);
    }
    Values share = zeros(s.classes);  // coefficient of -log p[c] in the loss
    double shares = 0;
    for (std::int64_t c = 0; c < s.classes; ++c) {
      const double hard = c == labels[n] ? (1 - smoothing) * weight(c) : 0.0;
      share[c] = (hard + smoothing / static_cast<double>(s.classes) * weight(c)) / total;
      shares += share[c];
      result.loss -= share[c] * (z[c] - highest - std::log(sum));
    }
    for (std::int64_t c = 0; c < s.classes; ++c) {
      result.glogits[n * s.classes + c] = shares * std::exp(z[c] - highest) / sum - share[c];
    }
  }
  return result;
}

Loss bce_with_logits(const LossShape& s, const Values& logits, const Values& targets,
                     const Values& positive_weights) {
  Loss result{0, zeros(s.n * s.classes)};
  const auto cells = static_cast<double>(logits.size());
  for (std::size_t e = 0; e < logits.size(); ++e) {
    const double weight = positive_weights.empty() ? 1.0 : positive_weights[e % s.classes];
    const double x = logits[e];
    result.loss -= (weight * targets[e] * log_sigmoid(x) + (1 - targets[e]) * log_sigmoid(-x)) / cells;
    result.glogits[e] = (-weight * targets[e] * sigmoid_of(-x) + (1 - targets[e]) * sigmoid_of(x)) / cells;
  }
  return result;
}

Loss focal(const LossShape& s, double alpha, double gamma, const Values& logits, const Values& targets) {
  Loss result{0, zeros(s.n * s.classes)};
  for (std::size_t e = 0; e < logits.size(); ++e) {
    // For targets of 0 the logit's sign is flipped. Both cases then have the loss -share (1 - p)^gamma log p.
    const double sign = targets[e] == 1 ? 1.0 : -1.0;
    const double share = targets[e] == 1 ? alpha : 1 - alpha;
    const double x = sign * logits[e];
    const double log_p = log_sigmoid(x);
    const double modulation = std::exp(gamma * log_sigmoid(-x));  // (1 - p)^gamma
    result.loss -= share * modulation * log_p;
    result.glogits[e] = sign * share * modulation * (gamma * sigmoid_of(x) * log_p - sigmoid_of(-x));
  }
  return result;
}

namespace {

double clipping(const Values& gradient, double clip_norm) {
  double squares = 0;
  for (const double g : gradient) {
    squares += g * g;
  }
  return clip_norm > 0 ? std::min(1.0, clip_norm / std::sqrt(squares)) : 1.0;
}

}  // namespace

void adam(const AdamOptions& o, double rate, std::int64_t step, const Values& gradient, Values& parameters,
          Values& first_moment, Values& second_moment) {
  const auto taken = static_cast<double>(step + 1);
  const double scale = clipping(gradient, o.clip_norm);
  const double beta1 = o.beta1;
  const double beta2 = o.beta2;
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    double g = gradient[i] * scale;
    if (o.decoupled) {
      parameters[i] *= 1 - rate * o.weight_decay;
    } else {
      g += o.weight_decay * parameters[i];
    }
    first_moment[i] = beta1 * first_moment[i] + (1 - beta1) * g;
    second_moment[i] = beta2 * second_moment[i] + (1 - beta2) * g * g;
    const double m = first_moment[i] / (1 - std::pow(beta1, taken));
    const double v = second_moment[i] / (1 - std::pow(beta2, taken));
    parameters[i] -= rate * m / (std::sqrt(v) + o.epsilon);
  }
}

void sgd(const SgdOptions& o, double rate, const Values& gradient, Values& parameters, Values& velocity) {
  const double scale = clipping(gradient, o.clip_norm);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const double g = gradient[i] * scale + o.weight_decay * parameters[i];
    velocity[i] = o.momentum * velocity[i] + g;
    parameters[i] -= rate * (o.nesterov ? g + o.momentum * velocity[i] : velocity[i]);
  }
}

}  // namespace sec::kernels::reference
