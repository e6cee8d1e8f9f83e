#include "bench/forecast/estimate.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <set>

#include "bench/forecast/machine.h"
#include "engine/error.h"

namespace sec::forecast {
namespace {

constexpr double alike = 0.03;  // blocks whose instructions differ by less count as equal
// Where a line is probed between two of its blocks. Blocks repeat with the tiles of a sample, often a few times a power
// of two, and halving such a line would meet the same tile of a sample again and again.
constexpr double between = 0.618;

// The sectors of a block of threads, by the arena block that they belong to.
using Sectors = std::map<std::uint64_t, std::vector<std::uint64_t>>;

Sectors by_arena_block(const std::vector<std::uint64_t>& sectors) {
  Sectors result;
  Block block;
  for (const std::uint64_t sector : sectors) {
    if (!block.holds(sector * 32)) {
      block = block_of(sector * 32);
    }
    result[block.begin].push_back(sector);
  }
  return result;
}

// How many times the sectors of one item `count` items have, if these are the sectors of some of them.
double distinct_factor(const std::vector<const std::vector<std::uint64_t>*>& sets, double count) {
  if (sets.size() < 2) {
    return count;
  }
  std::vector<std::uint64_t> all;
  for (const auto* set : sets) {
    all.insert(all.end(), set->begin(), set->end());
  }
  const auto sum = static_cast<double>(all.size());
  std::sort(all.begin(), all.end());
  const auto together = static_cast<double>(std::unique(all.begin(), all.end()) - all.begin());
  const double most_shared = sum - sum / static_cast<double>(sets.size());
  const double separate = most_shared > 0 ? 1 - (sum - together) / most_shared : 1;
  return 1 + std::clamp(separate, 0.0, 1.0) * (count - 1);
}

class Estimator {
 public:
  Estimator(const Kernel& kernel, const RecordedLaunch& launch, bool every_block)
      : kernel_(kernel), launch_(launch), every_block_(every_block) {}

  // All items with weight 1, or some of them.
  std::map<unsigned, double> sampled(unsigned count, const std::function<double(unsigned)>& value) const {
    if (!every_block_) {
      return sample(count, value);
    }
    std::map<unsigned, double> all;
    for (unsigned i = 0; i < count; ++i) {
      all[i] = 1;
    }
    return all;
  }

  Cost run() {
    Cost cost;
    cost.issued.resize(kernel_.code.size());
    std::map<std::uint64_t, double> loaded;
    std::map<std::uint64_t, double> stored;
    for (unsigned z = 0; z < launch_.size.grid[2]; ++z) {
      runs_.clear();
      rows_.clear();
      const std::map<unsigned, double> ys =
          sampled(launch_.size.grid[1], [&](unsigned y) { return row(y, z).total; });
      for (const auto& [y, rows] : ys) {
        for (const auto& [x, blocks] : row(y, z).blocks) {
          const BlockRun& one = block(x, y, z);
          for (std::size_t i = 0; i < one.issued.size(); ++i) {
            cost.issued[i] += rows * blocks * static_cast<double>(one.issued[i]);
          }
          cost.stored_bytes += rows * blocks * static_cast<double>(one.stored_bytes);
          cost.longest_warp = std::max(cost.longest_warp, static_cast<double>(one.longest_warp));
        }
      }
      add_bytes(z, ys, false, loaded);
      add_bytes(z, ys, true, stored);
    }
    for (std::size_t i = 0; i < cost.issued.size(); ++i) {
      cost.instructions += cost.issued[i];
      const Instruction& one = kernel_.code[i];
      if (one.name == "HMMA") {  // 16 x 8 x 16 in bf16, 16 x 8 x 8 in TF32
        require(one.has("16816") || one.has("1688"), "{} {}: '{}': the shape of this product is not known",
                kernel_.file, kernel_.name, one.text);
        cost.flops += cost.issued[i] * (one.has("16816") ? 4096 : 2048);
      }
    }
    for (const auto* side : {&loaded, &stored}) {
      for (const auto& [begin, bytes] : *side) {
        cost.bytes += std::min(bytes, static_cast<double>(block_of(begin).bytes));
      }
    }
    return cost;
  }

 private:
  struct Row {
    std::map<unsigned, double> blocks;  // weights by blockIdx.x
    double total = 0;
  };

  const BlockRun& block(unsigned x, unsigned y, unsigned z) {
    const auto [entry, is_new] = runs_.try_emplace({x, y, z});
    if (is_new) {
      entry->second = run_block(kernel_, launch_, {x, y, z});
    }
    return entry->second;
  }

  const Row& row(unsigned y, unsigned z) {
    const auto [entry, is_new] = rows_.try_emplace(y);
    if (is_new) {
      const auto issued = [&](unsigned x) { return static_cast<double>(block(x, y, z).all_issued); };
      entry->second.blocks = sampled(launch_.size.grid[0], issued);
      for (const auto& [x, weight] : entry->second.blocks) {
        entry->second.total += weight * issued(x);
      }
    }
    return entry->second;
  }

  void add_bytes(unsigned z, const std::map<unsigned, double>& ys, bool stores,
                 std::map<std::uint64_t, double>& bytes) {
    std::map<std::pair<unsigned, unsigned>, Sectors> sectors;  // by (x, y)
    std::set<std::uint64_t> arena_blocks;
    for (const auto& [y, rows] : ys) {
      for (const auto& [x, blocks] : row(y, z).blocks) {
        const BlockRun& one = block(x, y, z);
        Sectors found = by_arena_block(stores ? one.stored : one.loaded);
        for (const auto& [begin, list] : found) {
          arena_blocks.insert(begin);
        }
        sectors[{x, y}] = std::move(found);
      }
    }
    for (const std::uint64_t begin : arena_blocks) {
      std::vector<const std::vector<std::uint64_t>*> along_x;
      std::vector<const std::vector<std::uint64_t>*> along_y;
      unsigned first_y = launch_.size.grid[1];
      unsigned first_x = launch_.size.grid[0];
      double weight = 0;
      double sum = 0;
      double wide = 0;  // blocks of a row, and rows, that touch this arena block
      std::map<unsigned, double> tall;
      for (const auto& [at, found] : sectors) {
        if (const auto entry = found.find(begin); entry != found.end()) {
          first_y = std::min(first_y, at.second);
          first_x = std::min(first_x, at.first);
          const double blocks = row(at.second, z).blocks.at(at.first);
          weight += blocks * ys.at(at.second);
          sum += blocks * ys.at(at.second) * static_cast<double>(entry->second.size());
          tall[at.second] = ys.at(at.second);
        }
      }
      for (const auto& [at, found] : sectors) {
        const auto entry = found.find(begin);
        if (entry != found.end() && at.second == first_y) {
          along_x.push_back(&entry->second);
          wide += row(first_y, z).blocks.at(at.first);
        }
        if (entry != found.end() && at.first == first_x) {
          along_y.push_back(&entry->second);
        }
      }
      double rows = 0;
      for (const auto& [y, count] : tall) {
        rows += count;
      }
      bytes[begin] += 32 * sum / weight * distinct_factor(along_x, wide) * distinct_factor(along_y, rows);
    }
  }

  const Kernel& kernel_;
  const RecordedLaunch& launch_;
  bool every_block_;
  std::map<std::array<unsigned, 3>, BlockRun> runs_;
  std::map<unsigned, Row> rows_;
};

}  // namespace

std::map<unsigned, double> sample(unsigned count, const std::function<double(unsigned)>& value) {
  std::map<unsigned, double> weights;
  const auto add_run = [&](unsigned low, unsigned high) {  // the items between both, to the nearer one
    const double inside = high - low - 1;
    weights[low] += std::floor(inside / 2);
    weights[high] += inside - std::floor(inside / 2);
  };
  const auto divide = [&](auto&& self, unsigned low, unsigned high) -> void {
    if (high - low <= 1) {
      return;
    }
    const unsigned middle = low + 1 + static_cast<unsigned>(between * (high - low - 2));
    const double values[] = {value(low), value(middle), value(high)};
    const auto [least, most] = std::minmax_element(std::begin(values), std::end(values));
    weights[middle] += 1;
    if (*most - *least <= alike * *most || high - low <= count / 64) {
      add_run(low, middle);
      add_run(middle, high);
      return;
    }
    self(self, low, middle);
    self(self, middle, high);
  };
  if (count > 0) {
    weights[0] += 1;
  }
  if (count > 1) {
    weights[count - 1] += 1;
    divide(divide, 0, count - 1);
  }
  return weights;
}

Cost estimate(const Kernel& kernel, const RecordedLaunch& launch, bool every_block) {
  return Estimator(kernel, launch, every_block).run();
}

Kernels read_kernels(const std::string& folder) {
  Kernels kernels;
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder, error)) {
    if (entry.path().extension() == ".sass") {
      for (Kernel& kernel : read_sass(entry.path().string())) {
        std::pair<std::string, std::string> name{kernel.file, kernel.name};
        kernels.insert_or_assign(std::move(name), std::move(kernel));
      }
    }
  }
  require(!error && !kernels.empty(),
          "{}: expected a folder of .sass files, as tools/gpu_code --sass writes them", folder);
  return kernels;
}

std::string compiler_of(const std::string& folder) {
  std::ifstream file(folder + "/compiler");
  std::string line;
  require(std::getline(file, line) && line.starts_with("# nvcc "),
          "{}/compiler: expected the version of nvcc, as tools/gpu_code --sass writes it", folder);
  return line;
}

std::string cost_key(const RecordedLaunch& launch) {
  std::vector<unsigned char> parameters = launch.parameters;
  std::vector<std::uint64_t> seen;
  for (std::size_t at = 0; at + 8 <= parameters.size(); at += 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, parameters.data() + at, 8);
    if (const Block block = block_of(word); block.bytes > 0) {
      auto found = std::find(seen.begin(), seen.end(), block.begin);
      if (found == seen.end()) {
        seen.push_back(block.begin);
        found = seen.end() - 1;
      }
      const auto number = static_cast<std::uint64_t>(found - seen.begin());
      word = block.bytes << 24 | number << 12 | (word - block.begin) % 4096;
      std::memcpy(parameters.data() + at, &word, 8);
    }
  }
  return launch.file + "|" + launch.kernel + "|" + launch.size.text() + "|" +
         std::string(parameters.begin(), parameters.end());
}

}  // namespace sec::forecast
