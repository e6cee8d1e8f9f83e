// Divides groups of recordings into parts that have nearly the same share of every label.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sec::train {

// Recordings that must stay together, such as those of one patient.
struct LabelledGroup {
  std::string key;                   // names the group; decides its place in the order
  std::vector<std::int64_t> counts;  // (labels), the number of its recordings that have each label
};

// A pseudo-random number in [0, 1) for a text and a seed: FNV-1a, then the final mixing of SplitMix64.
double draw(std::string_view text, std::int64_t seed);

// Returns the part of each group. Part p is to have the share shares[p] of the recordings of each label; a share
// of 0 leaves the part empty. Groups are sorted by draw(key, seed), then by their largest share of any label, so
// rare labels come first. Each group goes to the part that lacks most of its labels, by the divisors 1, 3, 5, ...
// of Webster's method of apportionment, summed over labels. A label of one or two groups is only in large parts.
// The result depends on the keys, counts and seed, not on the order of the groups.
std::vector<std::size_t> stratify(const std::vector<LabelledGroup>& groups, std::span<const double> shares,
                                  std::int64_t seed);

}  // namespace sec::train
