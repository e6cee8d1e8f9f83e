// The division of groups into parts with given shares of each label.
#include "train/data/stratify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <random>

#include "train/recipe/recipe.h"

namespace sec::train {
namespace {

constexpr std::array<double, 3> usual = {0.7, 0.1, 0.2};

// Counts of a label by part.
std::vector<std::int64_t> counts_in(const std::vector<LabelledGroup>& groups,
                                    const std::vector<std::size_t>& parts, std::size_t label) {
  std::vector<std::int64_t> counts(3);
  for (std::size_t g = 0; g < groups.size(); ++g) {
    counts[parts[g]] += groups[g].counts[label];
  }
  return counts;
}

// 20 groups of each of two labels: the shares are exact, with every seed.
TEST(Stratify, TwoEqualLabelsAreDividedExactly) {
  std::vector<LabelledGroup> groups;
  for (int i = 0; i < 40; ++i) {
    groups.push_back({"patient " + std::to_string(i), {i % 2 == 0 ? 1 : 0, i % 2}});
  }
  std::vector<std::vector<std::size_t>> seen;
  for (std::int64_t seed = 0; seed < 50; ++seed) {
    const auto parts = stratify(groups, usual, seed);
    EXPECT_EQ(counts_in(groups, parts, 0), (std::vector<std::int64_t>{14, 2, 4}));
    EXPECT_EQ(counts_in(groups, parts, 1), (std::vector<std::int64_t>{14, 2, 4}));
    seen.push_back(parts);
  }
  std::ranges::sort(seen);
  EXPECT_GT(std::unique(seen.begin(), seen.end()) - seen.begin(), 45);  // of C(20, 4) C(16, 2) ways and more
}

// Groups of several recordings with several labels, some of them rare. A division at random misses a share by
// sqrt(n p (1 - p)) recordings; this one, in a simulation, by at most 1.1.
TEST(Stratify, ManyLabelsKeepTheirShares) {
  std::mt19937 random(7);
  std::vector<LabelledGroup> groups;
  const std::array<int, 6> rarity = {2, 3, 5, 10, 30, 60};
  for (int i = 0; i < 600; ++i) {
    LabelledGroup group{"patient " + std::to_string(i), std::vector<std::int64_t>(7)};
    const std::int64_t size = 1 + static_cast<std::int64_t>(random() % 3);
    for (std::int64_t r = 0; r < size; ++r) {
      for (std::size_t l = 0; l < rarity.size(); ++l) {
        group.counts[l] += random() % static_cast<unsigned>(rarity[l]) == 0 ? 1 : 0;
      }
      ++group.counts[6];
    }
    groups.push_back(std::move(group));
  }
  const auto parts = stratify(groups, usual, 1);
  for (std::size_t label = 0; label < 7; ++label) {
    const auto counts = counts_in(groups, parts, label);
    const auto total = static_cast<double>(counts[0] + counts[1] + counts[2]);
    for (std::size_t part = 0; part < 3; ++part) {
      EXPECT_NEAR(static_cast<double>(counts[part]), usual[part] * total, 2.01) << label << " " << part;
    }
  }
  // The order of the groups does not matter.
  std::vector<std::size_t> order(groups.size());
  for (std::size_t i = 0; i < order.size(); ++i) {
    order[i] = i;
  }
  std::ranges::shuffle(order, random);
  std::vector<LabelledGroup> shuffled;
  for (const std::size_t i : order) {
    shuffled.push_back(groups[i]);
  }
  const auto others = stratify(shuffled, usual, 1);
  for (std::size_t i = 0; i < order.size(); ++i) {
    EXPECT_EQ(others[i], parts[order[i]]);
  }
}

// A label of three groups is on the two largest sides at least, and a part without a share stays empty.
TEST(Stratify, RareLabelsTrainFirst) {
  std::vector<LabelledGroup> groups;
  for (int i = 0; i < 30; ++i) {
    groups.push_back({std::to_string(i), {i < 1 ? 1 : 0, i < 3 ? 1 : 0, 1}});
  }
  for (std::int64_t seed = 0; seed < 20; ++seed) {
    const auto parts = stratify(groups, std::array<double, 3>{0.8, 0, 0.2}, seed);
    EXPECT_EQ(counts_in(groups, parts, 0)[0], 1);
    EXPECT_GE(counts_in(groups, parts, 1)[0], 2);
    EXPECT_EQ(counts_in(groups, parts, 2), (std::vector<std::int64_t>{24, 0, 6}));
  }
}

TEST(RunRecipe, AnEarlierVersionsRunIsNotStratified) {
  const std::string text =
      "[data]\ntask = 'recordings'\nsource = 'table'\nlabel_file = 't.csv'\nprotocol = 'hash'\nleads = ['I']\n"
      "[loss]\nkind = 'bce'\n";
  EXPECT_TRUE(parse_recipe(text, "a").data.stratify);
  EXPECT_FALSE(parse_run_recipe(text, "a").data.stratify);
  EXPECT_TRUE(parse_run_recipe(text, "a", {"data.stratify=true"}).data.stratify);
  EXPECT_TRUE(parse_run_recipe(to_toml(parse_recipe(text, "a")), "a").data.stratify);
  EXPECT_FALSE(parse_run_recipe(to_toml(parse_run_recipe(text, "a")), "a").data.stratify);
  Recipe beats;  // where the key has no meaning
  beats.data.validation = {"114"};
  EXPECT_TRUE(parse_run_recipe(to_toml(beats), "a").data.stratify);
}

}  // namespace
}  // namespace sec::train
