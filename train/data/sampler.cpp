#include "train/data/sampler.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <utility>

#include "engine/error.h"
#include "train/data/random.h"

namespace sec::train {
namespace {

std::vector<std::int64_t> shuffled(std::int64_t count, std::uint64_t seed, std::int64_t epoch) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  const RandomKey key = random_key(seed, epoch, Draw::order);
  for (std::size_t i = order.size(); i > 1; --i) {  // Fisher-Yates shuffle
    std::swap(order[i - 1], order[static_cast<std::size_t>(uniform53(key, i) * static_cast<double>(i))]);
  }
  return order;
}

// The cumulative sums of the beats' probabilities; the last one is 1.
std::vector<double> cumulative_weights(const Recipe::Sampler& options,
                                       std::span<const SampledExample> beats) {
  std::map<int, double> class_beats;
  std::map<std::pair<int, int>, double> cell_beats;  // (class, record)
  for (const SampledExample& beat : beats) {
    class_beats[beat.label] += 1;
    cell_beats[{beat.label, beat.record}] += 1;
  }
  std::map<int, int> pool_of;                        // by record
  std::map<int, std::map<int, double>> pool_shares;  // by class and pool
  for (const SampledExample& beat : beats) {
    pool_of[beat.record] = beat.pool;
    pool_shares[beat.label][beat.pool] = beat.share;
  }
  std::map<std::pair<int, int>, double> record_sums;  // (class, pool): sum of m^record_power over records
  for (const auto& [cell, n] : cell_beats) {
    record_sums[{cell.first, pool_of.at(cell.second)}] += std::pow(n, options.record_power);
  }
  for (auto& [label, shares] :
       pool_shares) {  // the share of a pool without beats of a class goes to the others
    double all = 0;
    for (const auto& [pool, share] : shares) {
      all += share;
    }
    for (auto& [pool, share] : shares) {
      share /= all;
    }
  }
  std::vector<double> sums;
  sums.reserve(beats.size());
  double sum = 0;
  for (const SampledExample& beat : beats) {
    const double n = cell_beats.at({beat.label, beat.record});
    sum += std::pow(class_beats.at(beat.label), options.class_power) * std::pow(n, options.record_power) /
           record_sums.at({beat.label, beat.pool}) / n * pool_shares.at(beat.label).at(beat.pool);
    sums.push_back(sum);
  }
  for (double& value : sums) {
    value /= sum;
  }
  return sums;
}

}  // namespace

std::vector<std::int64_t> epoch_order(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                      std::uint64_t seed, std::int64_t epoch) {
  require(!beats.empty(), "sampler: no beats to draw from");
  if (options.kind == "shuffle") {
    std::vector<std::int64_t> order = shuffled(static_cast<std::int64_t>(beats.size()), seed, epoch);
    if (options.majority_cap > 0) {
      std::map<int, std::int64_t> taken;
      std::erase_if(order, [&](std::int64_t i) {
        return ++taken[beats[static_cast<std::size_t>(i)].label] > options.majority_cap;
      });
    }
    return order;
  }
  require(options.kind == "weighted", "sampler: unknown kind \"{}\"", options.kind);
  const std::vector<double> sums = cumulative_weights(options, beats);
  const RandomKey key = random_key(seed, epoch, Draw::order);
  std::vector<std::int64_t> order(static_cast<std::size_t>(epoch_size(options, beats)));
  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto found = std::upper_bound(sums.begin(), sums.end() - 1, uniform53(key, i));
    order[i] = found - sums.begin();
  }
  return order;
}

std::vector<double> drawn_shares(const Recipe::Sampler& options, std::span<const SampledExample> beats,
                                 std::size_t classes) {
  std::vector<double> counts(classes);
  for (const SampledExample& beat : beats) {
    counts[static_cast<std::size_t>(beat.label)] += 1;
  }
  for (double& count : counts) {
    if (options.kind == "weighted") {
      count = count > 0 ? std::pow(count, options.class_power) : 0;
    } else if (options.majority_cap > 0) {
      count = std::min(count, static_cast<double>(options.majority_cap));
    }
  }
  const double sum = std::accumulate(counts.begin(), counts.end(), 0.0);
  for (double& count : counts) {
    count /= sum;
  }
  return counts;
}

std::int64_t epoch_size(const Recipe::Sampler& options, std::span<const SampledExample> beats) {
  const auto count = static_cast<std::int64_t>(beats.size());
  if (options.kind == "weighted") {
    return options.epoch_samples > 0 ? options.epoch_samples : count;
  }
  if (options.majority_cap == 0) {
    return count;
  }
  std::map<int, std::int64_t> by_class;
  for (const SampledExample& beat : beats) {
    ++by_class[beat.label];
  }
  std::int64_t sum = 0;
  for (const auto& [label, n] : by_class) {
    sum += std::min(n, options.majority_cap);
  }
  return sum;
}

}  // namespace sec::train
