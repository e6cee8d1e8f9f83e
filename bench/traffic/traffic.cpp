// bench_traffic counts what a training step of SE-ECGNet moves through memory on a GPU.
// The simt device runs the kernels and counts (bench/traffic/counters.h).
// The table compares each kernel with its minimum, and the step with bench/traffic/step_floor.h.
// Without a GPU this distinguishes good kernel versions from bad ones.
// --shape counts one step of another size, --tiles with other tiles, and --kernels lists some kernels only.
// bench/NOTES.md derives the figures, docs/simt.md shows how to read them.
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <iostream>
#include <limits>
#include <sstream>

#include "bench/traffic/counters.h"
#include "bench/traffic/step_floor.h"
#include "engine/philox.h"
#include "engine/precision.h"
#include "io/files/atomic_file.h"
#include "io/files/json.h"
#include "io/files/read_file.h"
#include "model/se_ecgnet.h"
#include "tools/usage_error.h"
#include "train/loop/step.h"
#include "train/loop/tile_file.h"

namespace {

using namespace sec;
using io::Json;

struct Case {
  std::string name;
  model::NetworkOptions network;
  std::int64_t samples;
  Precision precision;
  double most;  // the limit of --check, as a multiple of the step's floor
};

// `full` has the full width and a batch of a few samples: weights are four fifths of its floor.
// `longer` is narrow with long inputs: activations dominate its floor, as in a batch worth a GPU.
const model::NetworkOptions full{.leads = 2, .length = 480, .classes = 4};
const model::NetworkOptions longer{.leads = 2, .length = 2400, .classes = 4, .width = 16};
const Case cases[] = {{"f32", full, 4, Precision::f32, 1.6},
                      {"tf32", full, 4, Precision::tf32, 1.6},
                      {"bf16", full, 4, Precision::bf16, 1.6},
                      {"tf32, long", longer, 4, Precision::tf32, 2.5},
                      {"bf16, long", longer, 4, Precision::bf16, 2.5}};

// The relative excess over a committed figure that --check tolerates: another g++ may load a value again.
constexpr double margin = 0.02;

// The case of --shape: "NxHxLxCLASSESxWIDTH", as in bench_steps. It has no limit and is not compared with a file.
Case case_of(const std::string& shape, const std::string& precision) {
  std::int64_t size[5] = {};
  std::istringstream parts(shape);
  for (std::int64_t& one : size) {
    const bool last = &one == &size[4];
    require(parts >> one && one > 0 && (last ? parts.peek() == EOF : parts.get() == 'x'),
            "--shape '{}': expected NxHxLxCLASSESxWIDTH", shape);
  }
  const auto [n, h, l, classes, width] = size;
  return {fmt::format("{}, {}", shape, precision),
          {.leads = h, .length = l, .classes = classes, .width = width},
          n,
          parse_precision(precision, Device::simt),
          std::numeric_limits<double>::infinity()};
}

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

Json network_of(const Case& one) {
  return {{"model", "se-ecgnet"},
          {"leads", one.network.leads},
          {"length", one.network.length},
          {"width", one.network.width},
          {"batch", one.samples}};
}

// Counts one training step: forward, loss, backward, clipping, Adam, moving average.
Json count_step(const Case& one) {
  OwnedStream owned(Device::simt);
  Stream& stream = owned;
  stream.tf32 = allows_tf32(one.precision);
  const DType activations = activations_in(one.precision);
  train::Recipe recipe;
  recipe.train.clip_norm = 1;
  recipe.train.average_decay = 0.999;
  model::SeEcgNet net(one.network, stream, 1);
  train::OptimizerState optimizer = train::make_optimizer_state(recipe.train, net.parameters(), stream);
  train::TrainingStep step(recipe, net, optimizer, Tensor(), stream, false, activations);
  simt::take_counts();
  step.take(noise(one.network, one.samples), 1e-3);

  Json kernels = Json::object();
  std::uint64_t moved = 0;
  std::uint64_t least = 0;
  for (const simt::KernelCounts& k : simt::take_counts()) {
    moved += k.bytes_read() + k.bytes_written();
    least += k.floor_bytes();
    kernels[k.file + " " + k.kernel] = {
        {"launches", k.launches},
        {"bytes_read", k.bytes_read()},
        {"bytes_written", k.bytes_written()},
        {"floor_bytes", k.floor_bytes()},
        {"requests", k.loads.requests + k.stores.requests},
        {"sectors", k.loads.sectors + k.stores.sectors},
        {"least_sectors", k.loads.least_sectors + k.stores.least_sectors},
        {"shared_requests", k.shared_loads.requests + k.shared_stores.requests},
        {"shared_passes", k.shared_loads.passes + k.shared_stores.passes},
        {"bank_conflicts", k.shared_loads.conflicts() + k.shared_stores.conflicts()},
        {"operations", k.operations},
        {"tensor_operations", k.tensor_operations},
    };
  }
  const StepFloor floor = step_floor(net, one.samples, activations, recipe.train, stream);
  return {{"network", network_of(one)},
          {"kernels", kernels},
          {"step",
           {{"bytes", moved},
            {"kernel_floor_bytes", least},
            {"floor_bytes", floor.bytes()},
            {"floor_activation_bytes", floor.activation_bytes},
            {"floor_parameter_bytes", floor.parameter_bytes},
            {"convolution_macs", floor.macs}}}};
}

double ratio(const Json& a, const Json& b) {
  return b.get<double>() == 0 ? 0 : a.get<double>() / b.get<double>();
}

std::uint64_t bytes_of(const Json& kernel) {
  return kernel.at("bytes_read").get<std::uint64_t>() + kernel.at("bytes_written").get<std::uint64_t>();
}

// Prints the kernels whose name, with its file, contains `filter`, and the whole step.
void print(const std::string& name, const Json& one, const std::string& filter) {
  std::vector<std::pair<std::string, Json>> rows;
  for (const auto& [kernel, counts] : one.at("kernels").items()) {
    if (kernel.find(filter) != std::string::npos) {
      rows.emplace_back(kernel, counts);
    }
  }
  require(!rows.empty(), "--kernels '{}': no kernel of the step has this in its name", filter);
  std::stable_sort(rows.begin(), rows.end(),
                   [](const auto& a, const auto& b) { return bytes_of(a.second) > bytes_of(b.second); });
  fmt::print("{}\n{:<52} {:>8} {:>9} {:>9} {:>7} {:>7} {:>8} {:>6} {:>9}\n", name, "kernel", "launches",
             "read kB", "write kB", "/ floor", "ops / B", "sectors", "least", "conflicts");
  for (const auto& [kernel, k] : rows) {
    const double floor = std::max(1.0, k.at("floor_bytes").get<double>());
    const double operations = k.at("operations").get<double>() + k.at("tensor_operations").get<double>();
    fmt::print("{:<52} {:>8} {:>9.0f} {:>9.0f} {:>7.2f} {:>7.1f} {:>8.2f} {:>6.2f} {:>8.0f}%\n", kernel,
               k.at("launches").get<std::uint64_t>(), k.at("bytes_read").get<double>() / 1e3,
               k.at("bytes_written").get<double>() / 1e3, static_cast<double>(bytes_of(k)) / floor,
               operations / floor, ratio(k.at("sectors"), k.at("requests")),
               ratio(k.at("least_sectors"), k.at("requests")),
               100 * ratio(k.at("bank_conflicts"), k.at("shared_passes")));
  }
  const Json& step = one.at("step");
  fmt::print(
      "step: {:.2f} MB moved, {:.2f} x the kernels' own floors, {:.2f} x the step's floor of {:.2f} MB "
      "({:.2f} MB of it parameters)\n\n",
      step.at("bytes").get<double>() / 1e6, ratio(step.at("bytes"), step.at("kernel_floor_bytes")),
      ratio(step.at("bytes"), step.at("floor_bytes")), step.at("floor_bytes").get<double>() / 1e6,
      step.at("floor_parameter_bytes").get<double>() / 1e6);
}

// What got worse, one line per figure.
std::vector<std::string> regressions(const Json& before, const Json& now) {
  std::vector<std::string> lines;
  const auto compare = [&](const std::string& what, const char* figure, double old_value, double value) {
    if (value > old_value * (1 + margin)) {
      lines.push_back(fmt::format("{}: {} grew from {:.0f} to {:.0f}", what, figure, old_value, value));
    }
  };
  for (const auto& [name, one] : now.items()) {
    if (!before.contains(name) || before[name]["network"] != one["network"]) {
      lines.push_back(fmt::format("{}: is new, or of another network", name));
      continue;
    }
    const Json& old_kernels = before.at(name).at("kernels");
    for (const auto& [kernel, counts] : one.at("kernels").items()) {
      const std::string what = fmt::format("{}: {}", name, kernel);
      if (!old_kernels.contains(kernel)) {
        lines.push_back(what + ": is new");
        continue;
      }
      const Json& old_counts = old_kernels[kernel];
      compare(what, "bytes", static_cast<double>(bytes_of(old_counts)),
              static_cast<double>(bytes_of(counts)));
      for (const char* figure :
           {"launches", "sectors", "shared_passes", "bank_conflicts", "operations", "tensor_operations"}) {
        compare(what, figure, old_counts.at(figure).get<double>(), counts.at(figure).get<double>());
      }
    }
    for (const auto& [kernel, counts] : old_kernels.items()) {
      if (!one.at("kernels").contains(kernel)) {
        lines.push_back(fmt::format("{}: {}: does not run any more", name, kernel));
      }
    }
    compare(name + ": step", "bytes", before.at(name).at("step").at("bytes").get<double>(),
            one.at("step").at("bytes").get<double>());
  }
  return lines;
}

std::vector<std::string> regressions(const std::string& path, const Json& before, const Json& now) {
  try {
    return regressions(before.at("cases"), now);
  } catch (const io::JsonError& error) {
    fail("{}: is not what --json writes: {}", path, error.what());
  }
}

Json read_json(const std::string& path) {
  Json json = Json::parse_or_null(io::read_file(path, 100'000'000));
  require(json.is_object() && json.contains("cases"), "{}: expected an object with \"cases\"", path);
  return json;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Counts the memory traffic of a training step on a GPU, by running it on the simt device."};
  std::string out;
  std::string committed;
  auto* const write = app.add_option("--json", out, "Write the counts to this file");
  app.add_option(
         "--check", committed,
         "Fail if a count exceeds this file's by more than 2 %, or a step exceeds its limit over the floor")
      ->excludes(write);
  std::string shape;
  std::string precision = "f32";
  std::string tiles;
  std::string filter;
  auto* const one_shape =
      app.add_option("--shape", shape,
                     "Count one step of this size instead, NxHxLxCLASSESxWIDTH: 4x2x480x4x32 takes seconds")
          ->excludes("--check");
  app.add_option("--precision", precision, "Arithmetic of the step with --shape")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}))
      ->needs(one_shape);
  app.add_option("--tiles", tiles, "Tile file for device simt, as bench_tiles writes it")
      ->excludes("--check");
  app.add_option("--kernels", filter, "Print only kernels whose name or file contains this text");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "bench_traffic");
  }
  try {
    if (!tiles.empty()) {
      train::use_tile_file(tiles, Device::simt);
    }
    std::vector<Case> counted_cases(std::begin(cases), std::end(cases));
    if (!shape.empty()) {
      counted_cases = {case_of(shape, precision)};
    }
    const Json before = committed.empty() ? Json() : read_json(committed);
    Json counted;
    std::vector<std::string> excesses;
    for (const Case& one : counted_cases) {
      counted[one.name] = count_step(one);
      print(one.name, counted[one.name], filter);
      const Json& step = counted[one.name].at("step");
      if (ratio(step.at("bytes"), step.at("floor_bytes")) > one.most) {
        excesses.push_back(fmt::format("{}: moves {:.2f} times the floor, more than {}", one.name,
                                       ratio(step.at("bytes"), step.at("floor_bytes")), one.most));
      }
    }
    if (!out.empty()) {
      io::write_atomically(out, Json{{"cases", counted}}.dump(1) + "\n");
    }
    if (!committed.empty()) {
      std::vector<std::string> lines = regressions(committed, before, counted);
      lines.insert(lines.end(), excesses.begin(), excesses.end());
      for (const std::string& line : lines) {
        fmt::print(stderr, "bench_traffic: {}\n", line);
      }
      if (!lines.empty()) {
        fmt::print(stderr,
                   "bench_traffic: {} figures are not those of {}: if they are meant to change, write it "
                   "again with --json\n",
                   lines.size(), committed);
        return 1;
      }
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_traffic: {}\n", error.what());
    return 1;
  }
  return 0;
}
