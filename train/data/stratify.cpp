#include "train/data/stratify.h"

#include <algorithm>
#include <numeric>

#include "engine/error.h"
#include "train/data/fnv.h"

namespace sec::train {
namespace {

// (groups, labels), each group's share of the recordings of each label.
std::vector<std::vector<double>> label_shares(const std::vector<LabelledGroup>& groups) {
  std::vector<std::int64_t> totals(groups.front().counts.size());
  for (const LabelledGroup& group : groups) {
    require(group.counts.size() == totals.size(), "stratify: {} has {} counts, expected {}", group.key,
            group.counts.size(), totals.size());
    std::ranges::transform(totals, group.counts, totals.begin(), std::plus<>());
  }
  std::vector<std::vector<double>> shares;
  for (const LabelledGroup& group : groups) {
    shares.emplace_back();
    for (std::size_t l = 0; l < totals.size(); ++l) {
      shares.back().push_back(
          totals[l] > 0 ? static_cast<double>(group.counts[l]) / static_cast<double>(totals[l]) : 0);
    }
  }
  return shares;
}

}  // namespace

double draw(std::string_view text, std::int64_t seed) {
  std::uint64_t z = fnv_start ^ (static_cast<std::uint64_t>(seed) * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) {
    z = fnv_next(z, static_cast<unsigned char>(c));
  }
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
}

std::vector<std::size_t> stratify(const std::vector<LabelledGroup>& groups, std::span<const double> shares,
                                  std::int64_t seed) {
  std::vector<std::size_t> parts(groups.size());
  if (groups.empty()) {
    return parts;
  }
  const std::vector<std::vector<double>> of_labels = label_shares(groups);
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {},
                    [&](std::size_t g) { return std::pair(draw(groups[g].key, seed), groups[g].key); });
  std::ranges::stable_sort(order, std::greater<>(),
                           [&](std::size_t g) { return std::ranges::max(of_labels[g]); });
  std::vector<std::vector<double>> filled(shares.size(), std::vector<double>(of_labels.front().size()));
  for (const std::size_t g : order) {
    const std::vector<double>& own = of_labels[g];
    // The growth of sum over labels of filled^2 / share, by which the parts deviate from their shares.
    const auto growth = [&](std::size_t part) {
      double sum = 0;
      for (std::size_t l = 0; l < own.size(); ++l) {
        sum += own[l] * (2 * filled[part][l] + own[l]);
      }
      return sum / shares[part];
    };
    std::size_t best = shares.size();
    for (std::size_t part = 0; part < shares.size(); ++part) {
      if (shares[part] > 0 && (best == shares.size() || growth(part) < growth(best))) {
        best = part;
      }
    }
    require(best < shares.size(), "stratify: no part has a share");
    parts[g] = best;
    std::ranges::transform(filled[best], own, filled[best].begin(), std::plus<>());
  }
  return parts;
}

}  // namespace sec::train
