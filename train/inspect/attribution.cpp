#include "train/inspect/attribution.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "engine/error.h"
#include "engine/philox.h"
#include "model/networks.h"

namespace sec::train {
namespace {

constexpr double least_difference =
    0.01;  // below it errors are absolute: a quotient of rounding errors says nothing

double sum_of(std::span<const float> values) {
  return std::accumulate(values.begin(), values.end(), 0.0);
}

void append(NetworkInput& to, std::span<const float> x, std::span<const float> covariates) {
  to.x.insert(to.x.end(), x.begin(), x.end());
  to.covariates.insert(to.covariates.end(), covariates.begin(), covariates.end());
  ++to.n;
}

void require_single(const NetworkInput& input, const NetworkInput& baseline) {
  require(input.n == 1 && baseline.n == 1 && input.x.size() == baseline.x.size() &&
              input.covariates.size() == baseline.covariates.size(),
          "attribution: expected one input and one baseline of the same size");
}

// The target of every sample.
std::vector<double> targets_of(model::Network& network, Stream& stream, const NetworkInput& input,
                               const Target& target) {
  const std::vector<float> logits = logits_of(network, stream, input);
  const std::size_t classes = target.weights.size();
  std::vector<double> values;
  for (std::size_t i = 0; i < static_cast<std::size_t>(input.n); ++i) {
    values.push_back(target.of(std::span(logits).subspan(i * classes, classes)));
  }
  return values;
}

double difference_of(model::Network& network, Stream& stream, const NetworkInput& input,
                     const NetworkInput& baseline, const Target& target) {
  NetworkInput both = input;
  append(both, baseline.x, baseline.covariates);
  const std::vector<double> values = targets_of(network, stream, both, target);
  return values[0] - values[1];
}

std::vector<float> between(std::span<const float> from, std::span<const float> to, double share) {
  std::vector<float> values(from.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(from[i] + share * (static_cast<double>(to[i]) - from[i]));
  }
  return values;
}

// The mean over rows of `gradients`, times the distance.
std::vector<float> shares(const std::vector<double>& gradients, int steps, std::span<const float> input,
                          std::span<const float> baseline) {
  std::vector<float> values(input.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(gradients[i] / steps *
                                   (static_cast<double>(input[i]) - static_cast<double>(baseline[i])));
  }
  return values;
}

void add_rows(std::vector<double>& sums, std::span<const float> rows) {
  for (std::size_t i = 0; i < rows.size(); ++i) {
    sums[i % sums.size()] += rows[i];
  }
}

// The ranks of the values, from 0 on; ties have their mean rank.
std::vector<double> ranks_of(std::span<const float> values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return values[i]; });
  std::vector<double> ranks(values.size());
  for (std::size_t begin = 0; begin < order.size();) {
    std::size_t end = begin + 1;
    while (end < order.size() && values[order[end]] == values[order[begin]]) {
      ++end;
    }
    for (std::size_t i = begin; i < end; ++i) {
      ranks[order[i]] = static_cast<double>(begin + end - 1) / 2;
    }
    begin = end;
  }
  return ranks;
}

}  // namespace

double Target::of(std::span<const float> logits) const {
  return static_cast<double>(logits[static_cast<std::size_t>(chosen)]);
}

Target target_for(int chosen, std::size_t classes) {
  Target target{chosen, std::vector<float>(classes)};
  target.weights.at(static_cast<std::size_t>(chosen)) = 1;
  return target;
}

double Attribution::completeness_error() const {
  const double error = std::abs(sum - difference);
  return std::abs(difference) < least_difference ? error : error / std::abs(difference);
}

Attribution integrated_gradients(model::Network& network, Stream& stream, const NetworkInput& input,
                                 const NetworkInput& baseline, const Target& target,
                                 const PathOptions& options) {
  require_single(input, baseline);
  constexpr int at_once = 32;
  Attribution result;
  result.difference = difference_of(network, stream, input, baseline, target);
  for (int steps = options.steps;; steps *= 2) {
    std::vector<double> x(input.x.size());
    std::vector<double> covariates(input.covariates.size());
    for (int begin = 0; begin < steps; begin += at_once) {
      NetworkInput points{0, {}, {}};
      for (int i = begin; i < std::min(begin + at_once, steps); ++i) {
        const double share = (i + 0.5) / steps;  // the middle of each part of the path
        append(points, between(baseline.x, input.x, share),
               between(baseline.covariates, input.covariates, share));
      }
      const InputGradient gradient = input_gradient(network, stream, points, target.weights);
      add_rows(x, gradient.x);
      if (!covariates.empty()) {
        add_rows(covariates, gradient.covariates);
      }
    }
    result.x = shares(x, steps, input.x, baseline.x);
    result.covariates = shares(covariates, steps, input.covariates, baseline.covariates);
    result.sum = sum_of(result.x) + sum_of(result.covariates);
    result.steps = steps;
    if (result.completeness_error() <= options.tolerance || steps * 2 > options.most_steps) {
      return result;
    }
  }
}

Attribution occlusion(model::Network& network, Stream& stream, const NetworkInput& input,
                      const NetworkInput& baseline, const Target& target, std::span<const Patches> patches) {
  require_single(input, baseline);
  const std::int64_t length = network.options().length;
  const std::int64_t leads = network.options().leads;
  require(std::ssize(patches) == leads, "occlusion: {} sizes of patches for {} channels", patches.size(),
          leads);
  struct Patch {
    std::int64_t lead, begin, end;
  };
  std::vector<Patch> all;
  for (std::int64_t h = 0; h < leads; ++h) {
    const auto [width, stride] = patches[static_cast<std::size_t>(h)];
    require(width > 0 && stride > 0, "occlusion: a patch of {} samples every {}", width, stride);
    for (std::int64_t begin = 0; begin < length; begin += stride) {
      all.push_back({h, begin, std::min(begin + width, length)});
      if (begin + width >= length) {
        break;
      }
    }
  }
  const auto k = static_cast<std::int64_t>(input.covariates.size());
  std::vector<double> falls;  // by patch, then by covariate
  const std::int64_t count = std::ssize(all) + k;
  constexpr std::int64_t at_once = 128;
  double whole = 0;
  for (std::int64_t from = -1; from < count;) {  // -1: the whole input
    NetworkInput batch{0, {}, {}};
    for (; from < count && batch.n < at_once; ++from) {
      std::vector<float> x = input.x;
      std::vector<float> covariates = input.covariates;
      if (from >= std::ssize(all)) {
        const auto i = static_cast<std::size_t>(from - std::ssize(all));
        covariates[i] = baseline.covariates[i];
      } else if (from >= 0) {
        const Patch& patch = all[static_cast<std::size_t>(from)];
        for (std::int64_t t = patch.begin; t < patch.end; ++t) {
          const auto cell = static_cast<std::size_t>(t * leads + patch.lead);
          x[cell] = baseline.x[cell];
        }
      }
      append(batch, x, covariates);
    }
    for (const double value : targets_of(network, stream, batch, target)) {
      falls.push_back(value);
    }
  }
  whole = falls.front();
  std::vector<double> sums(input.x.size());
  std::vector<int> covers(input.x.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const double fall = whole - falls[i + 1];
    for (std::int64_t t = all[i].begin; t < all[i].end; ++t) {
      const auto cell = static_cast<std::size_t>(t * leads + all[i].lead);
      sums[cell] += fall / static_cast<double>(all[i].end - all[i].begin);
      ++covers[cell];
    }
  }
  Attribution result;
  for (std::size_t i = 0; i < sums.size(); ++i) {
    result.x.push_back(covers[i] == 0 ? 0.0F : static_cast<float>(sums[i] / covers[i]));
  }
  for (std::int64_t i = 0; i < k; ++i) {
    result.covariates.push_back(
        static_cast<float>(whole - falls[all.size() + 1 + static_cast<std::size_t>(i)]));
  }
  result.difference = difference_of(network, stream, input, baseline, target);
  result.sum = sum_of(result.x) + sum_of(result.covariates);
  result.steps = static_cast<int>(count);
  return result;
}

std::vector<float> grad_cam(const Observation& observation, int node_index) {
  const ObservedNode& node = observation.nodes.at(static_cast<std::size_t>(node_index));
  const Shape& input = observation.nodes.front().shape;  // (1, L, H, 1)
  require(node.shape.rank() == 4 && node.shape[0] == 1,
          "Grad-CAM: {} has the shape {}, expected (1, L, H, C)", node.name, node.shape.text());
  const std::int64_t positions = node.shape[1];
  const std::int64_t rows = node.shape[2];
  const std::int64_t channels = node.shape[3];
  std::vector<double> weights(static_cast<std::size_t>(channels));
  for (std::size_t i = 0; i < node.gradient.size(); ++i) {
    weights[i % weights.size()] += node.gradient[i] / static_cast<double>(positions * rows);
  }
  std::vector<double> map(static_cast<std::size_t>(positions * rows));
  for (std::size_t i = 0; i < node.values.size(); ++i) {
    map[i / weights.size()] += weights[i % weights.size()] * node.values[i];
  }
  const ReceptiveField field = node.field.value_or(ReceptiveField{});
  const std::int64_t length = input[1];
  const std::int64_t leads = input[2];
  std::vector<float> picture(static_cast<std::size_t>(length * leads));
  for (std::int64_t t = 0; t < length; ++t) {
    // The position whose field has its middle at t, between two neighbours by linear interpolation.
    const double middle = static_cast<double>(field.first) + static_cast<double>(field.size - 1) / 2;
    const double at = std::clamp((static_cast<double>(t) - middle) / static_cast<double>(field.stride), 0.0,
                                 static_cast<double>(positions - 1));
    const auto low = static_cast<std::int64_t>(at);
    const std::int64_t high = std::min(low + 1, positions - 1);
    for (std::int64_t h = 0; h < leads; ++h) {
      const std::int64_t row = rows == leads ? h : 0;
      const double below = map[static_cast<std::size_t>(low * rows + row)];
      const double above = map[static_cast<std::size_t>(high * rows + row)];
      const double value = below + (at - static_cast<double>(low)) * (above - below);
      picture[static_cast<std::size_t>(t * leads + h)] = static_cast<float>(std::max(value, 0.0));
    }
  }
  return picture;
}

DeletionCurve deletion_curve(model::Network& network, Stream& stream, const NetworkInput& input,
                             const NetworkInput& baseline, const Target& target,
                             const Attribution& attribution) {
  require_single(input, baseline);
  constexpr int parts = 20;
  constexpr int random_orders = 3;
  const std::size_t cells = input.x.size();
  const std::size_t all = cells + input.covariates.size();
  std::vector<std::size_t> order(all);
  std::iota(order.begin(), order.end(), std::size_t{0});
  DeletionCurve curve;
  const auto targets = [&](const std::vector<std::size_t>& by) {
    NetworkInput batch{0, {}, {}};
    NetworkInput now = input;
    std::size_t done = 0;
    for (int part = 0; part <= parts; ++part) {
      const std::size_t until = all * static_cast<std::size_t>(part) / parts;
      for (; done < until; ++done) {
        const std::size_t i = by[done];
        (i < cells ? now.x[i] : now.covariates[i - cells]) =
            i < cells ? baseline.x[i] : baseline.covariates[i - cells];
      }
      append(batch, now.x, now.covariates);
    }
    return targets_of(network, stream, batch, target);
  };
  for (int part = 0; part <= parts; ++part) {
    curve.fraction.push_back(static_cast<double>(part) / parts);
  }
  std::vector<std::size_t> important = order;
  std::ranges::stable_sort(important, std::ranges::greater(), [&](std::size_t i) {
    return i < cells ? attribution.x[i] : attribution.covariates[i - cells];
  });
  curve.target = targets(important);
  curve.random.assign(parts + 1, 0);
  for (std::uint32_t draw = 0; draw < random_orders; ++draw) {
    std::vector<float> keys(all);
    for (std::size_t i = 0; i < all; ++i) {
      keys[i] = uniform({19, draw, 0}, i);
    }
    std::vector<std::size_t> shuffled = order;
    std::ranges::stable_sort(shuffled, {}, [&](std::size_t i) { return keys[i]; });
    const std::vector<double> values = targets(shuffled);
    for (std::size_t i = 0; i < values.size(); ++i) {
      curve.random[i] += values[i] / random_orders;
    }
  }
  return curve;
}

double rank_correlation(std::span<const float> a, std::span<const float> b) {
  require(a.size() == b.size(), "rank correlation of {} and {} values", a.size(), b.size());
  const std::vector<double> x = ranks_of(a);
  const std::vector<double> y = ranks_of(b);
  const double mean = (static_cast<double>(a.size()) - 1) / 2;
  double xy = 0;
  double xx = 0;
  double yy = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  return xx == 0 || yy == 0 ? 0 : xy / std::sqrt(xx * yy);
}

RandomisedWeights randomised_weights(const model::NetworkOptions& options, Stream& stream,
                                     const NetworkInput& input, const NetworkInput& baseline,
                                     const Target& target, const Attribution& trained, int networks) {
  constexpr std::uint64_t first_seed = 1000;
  RandomisedWeights result;
  for (int i = 0; i < networks; ++i) {
    const auto network = model::make_network(options, stream, first_seed + static_cast<std::uint64_t>(i));
    Attribution attribution =
        integrated_gradients(*network, stream, input, baseline, target, {.steps = 32, .most_steps = 32});
    result.correlation += rank_correlation(trained.x, attribution.x) / networks;
    if (i == 0) {
      result.first = std::move(attribution);
    }
  }
  return result;
}

}  // namespace sec::train
