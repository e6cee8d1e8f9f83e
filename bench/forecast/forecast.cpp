// bench_forecast predicts the time of a training step on a GPU from the kernels' machine code.
//
//   tools/gpu_code build/cuda/kernels/cuda/libsec_kernels_cuda.a --sass build/sass
//   build/bin/bench_forecast --sass build/sass --check bench/results/forecast.tsv
//
// The launches of a step of SE-ECGNet are recorded on the simt device without running them (record.h). For each launch
// some blocks of its machine code are executed to count instructions and bytes (machine.h, estimate.h).
// docs/profiling.md shows how to read the table. Nothing here was measured.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "bench/forecast/estimate.h"
#include "bench/forecast/machine.h"
#include "engine/memory.h"
#include "engine/philox.h"
#include "engine/precision.h"
#include "io/files/atomic_file.h"
#include "model/se_ecgnet.h"
#include "tools/usage_error.h"
#include "train/loop/step.h"

namespace {

using namespace sec;

// All constants of the forecast. Only a measured step may change them, with the difference written to bench/NOTES.md.
struct Gpu {
  const char* name;
  double bytes_per_second;  // of its memory: data sheets
};
const Gpu gpus[] = {{"H100", 3.35e12}, {"H200", 4.8e12}};
constexpr double multiprocessors = 132;
constexpr double schedulers =
    4;  // of a multiprocessor; each issues at most one instruction of a warp per cycle
constexpr double clock_rate = 1.7e9;
constexpr double issue_use = 0.6;      // the share of cycles in which a scheduler issues, with enough warps
constexpr double cycles_alone = 2.6;   // between two instructions of a warp that has a scheduler to itself
constexpr double launch_gap = 1.1e-6;  // seconds between two kernels of a graph
constexpr double bf16_flops = 600e12;  // per second, of mma.sync
constexpr double tf32_flops = 300e12;

constexpr double margin = 0.02;  // how much a figure may exceed the committed one

struct Case {
  model::NetworkOptions network;
  std::int64_t samples = 0;
};

constexpr Precision precisions[] = {Precision::bf16, Precision::tf32};

train::Batch noise(const model::NetworkOptions& network, std::int64_t samples) {
  train::Batch batch;
  for (std::int64_t i = 0; i < samples * network.length * network.leads; ++i) {
    batch.x.push_back(2 * uniform({1, 0, 1}, i) - 1);
  }
  for (std::int64_t i = 0; i < samples; ++i) {
    batch.labels.push_back(static_cast<std::int32_t>(i % network.classes));
  }
  return batch;
}

// Records a step as bench_steps runs it: Adam without clipping or moving average. The second step is recorded, because
// the first one may prepare what later steps use. Calls use(launches, peak bytes of tensors) while the tensors exist.
template <typename Use>
void record_step(const Case& one, Precision precision, const Use& use) {
  OwnedStream owned(Device::simt);
  Stream& stream = owned;
  stream.tf32 = allows_tf32(precision);
  train::Recipe recipe;
  recipe.train.optimizer = "adam";
  recipe.train.weight_decay = 0;
  recipe.train.clip_norm = 0;
  recipe.train.average_decay = 0;
  model::SeEcgNet network(one.network, stream, 1);
  train::OptimizerState optimizer = train::make_optimizer_state(recipe.train, network.parameters(), stream);
  train::TrainingStep step(recipe, network, optimizer, Tensor(), stream, false, activations_in(precision));
  const train::Batch batch = noise(one.network, one.samples);
  reset_peak(Device::simt);
  step.take(batch, 1e-3);
  forecast::take_launches();
  step.take(batch, 1e-3);
  use(forecast::take_launches(), memory_statistics(Device::simt).peak);
}

struct Sums {
  int launches = 0;
  double issue = 0, memory = 0, tensor = 0, all = 0;  // seconds
  double instructions = 0, bytes = 0, flops = 0;
  double loop_instructions = 0, loop_products = 0;  // of loops with products on tensor cores
};

void add_loops(const forecast::Kernel& kernel, const forecast::Cost& cost, Sums& sums) {
  std::size_t end = 0;  // loops inside a counted one are part of it
  for (const forecast::Loop& loop : forecast::loops_of(kernel)) {
    if (loop.begin < end) {
      continue;
    }
    double instructions = 0;
    double products = 0;
    for (std::size_t i = loop.begin; i <= loop.end; ++i) {
      instructions += cost.issued[i];
      products += kernel.code[i].name == "HMMA" ? cost.issued[i] : 0;
    }
    if (products > 0) {
      sums.loop_instructions += instructions;
      sums.loop_products += products;
      end = loop.end;
    }
  }
}

void add(const Gpu& gpu, Precision precision, const forecast::Cost& cost, Sums& sums) {
  const double issue = std::max(cost.instructions / (multiprocessors * schedulers * clock_rate * issue_use),
                                cost.longest_warp * cycles_alone / clock_rate);
  const double memory = cost.bytes / gpu.bytes_per_second;
  const double tensor = cost.flops / (precision == Precision::bf16 ? bf16_flops : tf32_flops);
  ++sums.launches;
  sums.issue += issue;
  sums.memory += memory;
  sums.tensor += tensor;
  sums.all += std::max({issue, memory, tensor}) + launch_gap;
  sums.instructions += cost.instructions;
  sums.bytes += cost.bytes;
  sums.flops += cost.flops;
}

const std::string columns =
    "device\tprecision\tkernel\tlaunches\tissue_ms\tmemory_ms\ttensor_ms\tms\tper_hmma";

std::string line_of(const Gpu& gpu, Precision precision, const std::string& kernel, const Sums& sums) {
  return fmt::format(
      "{}\t{}\t{}\t{}\t{:.3f}\t{:.3f}\t{:.3f}\t{:.3f}\t{}", gpu.name, name_of(precision), kernel,
      sums.launches, 1e3 * sums.issue, 1e3 * sums.memory, 1e3 * sums.tensor, 1e3 * sums.all,
      sums.loop_products > 0 ? fmt::format("{:.2f}", sums.loop_instructions / sums.loop_products) : "");
}

// A table of the forecast. Its notes begin with "# ", the first of them with nvcc's version.
struct Table {
  std::vector<std::string> notes;
  std::vector<std::string> rows;
};

std::string text_of(const Table& table) {
  std::string text;
  for (const std::string& note : table.notes) {
    text += note + "\n";
  }
  text += columns + "\n";
  for (const std::string& row : table.rows) {
    text += row + "\n";
  }
  return text;
}

const forecast::Kernel& kernel_of(const forecast::Kernels& kernels, const forecast::RecordedLaunch& launch) {
  const auto kernel = kernels.find({launch.file, launch.kernel});
  require(kernel != kernels.end(), "{} {}: the machine code has no such kernel: is it of the same source?",
          launch.file, launch.kernel);
  return kernel->second;
}

void forecast_step(const forecast::Kernels& kernels, const Case& one, Precision precision, Table& table) {
  std::map<std::string, forecast::Cost> costs;
  std::map<std::string, Sums> sums[std::size(gpus)];
  double peak = 0;
  record_step(one, precision, [&](const std::vector<forecast::RecordedLaunch>& launches, std::size_t bytes) {
    peak = static_cast<double>(bytes);
    for (const forecast::RecordedLaunch& launch : launches) {
      const forecast::Kernel& kernel = kernel_of(kernels, launch);
      const auto [entry, is_new] = costs.try_emplace(forecast::cost_key(launch));
      if (is_new) {
        entry->second = forecast::estimate(kernel, launch);
      }
      for (std::size_t g = 0; g < std::size(gpus); ++g) {
        add(gpus[g], precision, entry->second, sums[g][launch.kernel]);
        add(gpus[g], precision, entry->second, sums[g]["step"]);
        add_loops(kernel, entry->second, sums[g][launch.kernel]);
      }
    }
  });
  const Sums& step = sums[0]["step"];
  table.notes.push_back(fmt::format(
      "# {}: tensors of {:.0f} MB at the peak; {:.0f} GFLOP on tensor cores, {:.2f} GB moved, {:.3f} G instructions of warps",
      name_of(precision), peak / 1e6, step.flops / 1e9, step.bytes / 1e9, step.instructions / 1e9));
  for (std::size_t g = 0; g < std::size(gpus); ++g) {
    std::vector<std::pair<std::string, Sums>> rows(sums[g].begin(), sums[g].end());
    std::stable_sort(rows.begin(), rows.end(),
                     [](const auto& a, const auto& b) { return a.second.all > b.second.all; });
    for (const auto& [name, kernel] : rows) {
      table.rows.push_back(line_of(gpus[g], precision, name, kernel));
    }
  }
}

// One line per launch.
void print_launches(const Case& one) {
  fmt::print("precision\tfile\tkernel\tsize\n");
  for (const Precision precision : precisions) {
    record_step(one, precision, [&](const std::vector<forecast::RecordedLaunch>& launches, std::size_t) {
      for (const forecast::RecordedLaunch& launch : launches) {
        fmt::print("{}\t{}\t{}\t{}\n", name_of(precision), launch.file, launch.kernel, launch.size.text());
      }
    });
  }
}

// What every block of every launch does, by kernel: for comparison with what bench_traffic counts.
void print_counts(const forecast::Kernels& kernels, const Case& one) {
  fmt::print("precision\tfile\tkernel\tlaunches\ttensor_operations\tstored_bytes\n");
  for (const Precision precision : precisions) {
    std::map<std::pair<std::string, std::string>, std::array<double, 3>> sums;
    record_step(one, precision, [&](const std::vector<forecast::RecordedLaunch>& launches, std::size_t) {
      std::map<std::string, forecast::Cost> costs;
      for (const forecast::RecordedLaunch& launch : launches) {
        const auto [entry, is_new] = costs.try_emplace(forecast::cost_key(launch));
        if (is_new) {
          entry->second = forecast::estimate(kernel_of(kernels, launch), launch, true);
        }
        auto& sum = sums[{launch.file, launch.kernel}];
        sum[0] += 1;
        sum[1] += entry->second.flops;
        sum[2] += entry->second.stored_bytes;
      }
    });
    for (const auto& [name, sum] : sums) {
      fmt::print("{}\t{}\t{}\t{:.0f}\t{:.0f}\t{:.0f}\n", name_of(precision), name.first, name.second, sum[0],
                 sum[1], sum[2]);
    }
  }
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) {
    lines.push_back(line);
  }
  return lines;
}

// The times of a table's rows by device, precision and kernel.
std::map<std::string, double> times_of(const std::string& path, const std::vector<std::string>& lines) {
  std::map<std::string, double> times;
  for (const std::string& line : lines) {
    if (line.starts_with('#') || line == columns) {
      continue;
    }
    std::vector<std::string> cells;
    std::istringstream stream(line);
    for (std::string cell; std::getline(stream, cell, '\t');) {
      cells.push_back(cell);
    }
    char* end = nullptr;
    const double time = cells.size() >= 8 ? std::strtod(cells[7].c_str(), &end) : 0;
    require(end != nullptr && *end == '\0', "{}: expected a row of the forecast, got '{}'", path, line);
    times[cells[0] + " " + cells[1] + " " + cells[2]] = time;
  }
  return times;
}

// What differs from the committed table by more than the margin, one line per figure. Times below 10 us are not compared.
std::vector<std::string> differences(const std::string& path, const Table& table) {
  std::ifstream file(path);
  require(file.good(), "{}: cannot be read", path);
  std::ostringstream text;
  text << file.rdbuf();
  const std::vector<std::string> old_lines = lines_of(text.str());
  std::vector<std::string> found;
  if (old_lines.empty() || old_lines.front() != table.notes.front()) {
    fmt::print(stderr, "bench_forecast: {} is of another nvcc ({}; this is {}): not compared\n", path,
               old_lines.empty() ? "" : old_lines.front(), table.notes.front());
    return found;
  }
  const std::map<std::string, double> before = times_of(path, old_lines);
  const std::map<std::string, double> now = times_of("this build", table.rows);
  for (const auto& [name, time] : now) {
    const auto old = before.find(name);
    if (old == before.end()) {
      found.push_back(fmt::format("{}: is new, {:.3f} ms", name, time));
    } else if (std::fabs(time - old->second) > margin * old->second + 0.01) {
      found.push_back(fmt::format("{}: {:.3f} ms became {:.3f} ms", name, old->second, time));
    }
  }
  for (const auto& [name, time] : before) {
    if (!now.contains(name)) {
      found.push_back(fmt::format("{}: is not launched any more", name));
    }
  }
  for (std::size_t i = 1; i < table.notes.size(); ++i) {
    if (i >= old_lines.size() || old_lines[i] != table.notes[i]) {
      found.push_back(
          fmt::format("'{}' became '{}'", i < old_lines.size() ? old_lines[i] : "", table.notes[i]));
    }
  }
  return found;
}

Case case_of(const std::string& size) {
  Case one;
  char x[2] = {};
  std::istringstream words(size);
  words >> one.samples >> x[0] >> one.network.leads >> x[1] >> one.network.length;
  require(words && words.peek() == std::istringstream::traits_type::eof() && x[0] == 'x' && x[1] == 'x' &&
              one.samples > 0,
          "--size: expected SAMPLESxLEADSxLENGTH, got '{}'", size);
  return one;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Predicts the time of a training step on a GPU from the kernels' machine code."};
  std::string folder;
  std::string out;
  std::string committed;
  std::string size = "64x8x5000";
  bool launches = false;
  bool counts = false;
  auto* const sass =
      app.add_option("--sass", folder, "Folder of machine code, as tools/gpu_code --sass writes it");
  app.add_option("--size", size, "Samples x leads x length")->capture_default_str();
  auto* const write = app.add_option("--write", out, "Write the table to this file");
  auto* const check = app.add_option("--check", committed, "Fail if the table is not this one, within 2 %");
  auto* const list =
      app.add_flag("--launches", launches, "Print the recorded launches instead; needs no machine code");
  app.add_flag("--counts", counts,
               "Execute every block, for small sizes, and print what each kernel does instead")
      ->excludes(write)
      ->excludes(check)
      ->excludes(list);
  check->excludes(write);
  list->excludes(write)->excludes(check)->excludes(sass);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "bench_forecast");
  }
  try {
    const Case one = case_of(size);
    if (launches) {
      print_launches(one);
      return 0;
    }
    require(!folder.empty(), "--sass: expected a folder of machine code");
    forecast::Kernels kernels = forecast::read_kernels(folder);
    for (auto& [name, kernel] : kernels) {
      forecast::prepare(kernel);
    }
    if (counts) {
      print_counts(kernels, one);
      return 0;
    }
    Table table;
    table.notes.push_back(forecast::compiler_of(folder));
    for (const Precision precision : precisions) {
      forecast_step(kernels, one, precision, table);
    }
    fmt::print("{}", text_of(table));
    if (!out.empty()) {
      io::write_atomically(out, text_of(table));
    }
    if (!committed.empty()) {
      const std::vector<std::string> found = differences(committed, table);
      for (const std::string& line : found) {
        fmt::print(stderr, "bench_forecast: {}\n", line);
      }
      if (!found.empty()) {
        fmt::print(stderr,
                   "bench_forecast: {} differences from {}: if they are meant, write it again with --write\n",
                   found.size(), committed);
        return 1;
      }
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_forecast: {}\n", error.what());
    return 1;
  }
  return 0;
}
