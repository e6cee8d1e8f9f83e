// bench_steps: whole training steps and inference of SE-ECGNet, a round at a time on request, so that
// bench/compare can let a peer take turns with it on the same machine. Reads commands, one a line, and
// answers each with one line of JSON:
//   load WEIGHTS BATCH     a state dict in PyTorch's form, and a batch: x (N, H, L) f32, labels (N) i32
//   gradients OUT          one training step's loss, without dropout; its gradients as a state dict into OUT
//   train N                seconds that N training steps take, with dropout and Adam
//   infer N [SAMPLES]      seconds that N forward passes over the batch, or its first SAMPLES, take, without
//   gradients profile N              where the time of N training steps goes, run kernel by kernel: the
//   ranges as a tree with
//                          each one's own seconds, and sums by kernel and by kind of layer; seconds are a
//                          step's
//   ceilings               what the cpu can do at most with as many threads: GFLOP/s and, beyond its caches,
//   GB/s peak                   the most bytes that tensors held since `load`, and those of the process
//   (resident)
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <charconv>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "bench/ceilings.h"
#include "bench/range_tree.h"
#include "engine/memory.h"
#include "engine/parallel.h"
#include "io/safetensors.h"
#include "kernels/cpu/isa.h"
#include "model/state_dict.h"
#include "train/checkpoint.h"
#include "train/step.h"

namespace {

using namespace sec;

struct Case {
  model::NetworkOptions options;
  io::SafetensorsFile weights;
  train::Batch batch;  // x (N, L, H)
};

Case read_case(const std::string& weights, const std::string& batch) {
  const io::SafetensorsFile data = io::read_safetensors(batch);
  const auto& x = data.at("x");
  require(x.shape.size() == 3, "{}: x: expected (N, H, L)", batch);
  const std::int64_t n = x.shape[0];
  const std::int64_t h = x.shape[1];
  const std::int64_t l = x.shape[2];
  Case one;
  one.weights = io::read_safetensors(weights);
  one.options = model::options_of(one.weights, weights, l);
  require(one.options.leads == h, "{}: {} leads, the weights are for {}", batch, h, one.options.leads);
  const auto from = x.as<float>("x");
  one.batch.x.resize(from.size());
  for (std::int64_t i = 0; i < std::ssize(from); ++i) {
    const std::int64_t sample = i / (h * l);
    one.batch.x[static_cast<std::size_t>((sample * l + i % l) * h + i / l % h)] =
        from[static_cast<std::size_t>(i)];
  }
  const auto labels = data.at("labels").as<std::int32_t>("labels");
  require(std::ssize(labels) == n, "{}: expected {} labels", batch, n);
  one.batch.labels.assign(labels.begin(), labels.end());
  return one;
}

class Bench {
 public:
  Bench(Device device, bool record) : owned_(device), stream_(owned_), record_(record) {
    recipe_.train.optimizer = "adam";
    recipe_.train.weight_decay = 0;
    recipe_.train.clip_norm = 0;
    recipe_.train.average_decay = 0;
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void load(const std::string& weights, const std::string& batch) {
    step_.reset();
    optimizer_ = {};
    network_.reset();
    case_ = read_case(weights, batch);
    reset_peak(stream_.device);
  }

  // Loss and gradients of the batch without dropout.
  double gradients(const std::string& out) {
    prepare(0);
    const double loss = step_->take(case_.batch, 0).loss;  // at rate 0 the weights stay as they are
    layers::ParameterSet& set = network_->parameters();
    std::vector<float> values = set.gradients().to_vector(stream_);
    set.values().assign(stream_, std::span<const float>(values));
    io::write_safetensors(out, model::to_state_dict(*network_, {}, stream_));
    step_.reset();
    return loss;
  }

  double train(std::int64_t steps) {
    if (!step_) {
      prepare(0.2);
      for (int i = 0; i < 3; ++i) {  // kernel by kernel, captured, replayed
        take();
      }
    }
    const double from = now();
    for (std::int64_t i = 0; i < steps; ++i) {
      take();
    }
    return now() - from;
  }

  struct Profile {
    double seconds;  // of all steps
    std::vector<RangeNode> tree;
  };

  Profile profile(std::int64_t steps) {
    const bool recorded = std::exchange(record_, false);
    prepare(0.2);
    record_ = recorded;
    take();
    start_range_tree();
    const double from = now();
    for (std::int64_t i = 0; i < steps; ++i) {
      take();
    }
    const double seconds = now() - from;
    step_.reset();
    return {seconds, stop_range_tree()};
  }

  // Of the first `n` samples of the batch.
  double infer(std::int64_t passes, std::int64_t n) {
    require(n <= batch(), "infer: {} samples, the batch has {}", n, batch());
    if (!network_) {
      prepare(0);
    }
    const model::NetworkOptions& o = network_->options();
    const std::span<const float> values(case_.batch.x);
    double seconds = 0;
    for (std::int64_t i = -1; i < passes; ++i) {  // the first one warms up
      const double from = now();
      const Tensor x = Tensor::from(stream_, {n, o.length, o.leads, 1},
                                    values.first(static_cast<std::size_t>(n * o.length * o.leads)));
      layers::Pass pass;
      pass.stream = stream_;
      network_->forward(pass, x, Tensor()).value.to_vector(stream_);
      seconds += i < 0 ? 0 : now() - from;
    }
    return seconds;
  }

  std::int64_t batch() const {
    require(!case_.batch.labels.empty(), "nothing is loaded");
    return std::ssize(case_.batch.labels);
  }
  MemoryStatistics memory() const { return memory_statistics(stream_.device); }

 private:
  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  void prepare(double dropout) {
    require(!case_.batch.labels.empty(), "nothing is loaded");
    model::NetworkOptions options = case_.options;
    options.dropout = dropout;
    step_.reset();
    network_ = std::make_unique<model::SeEcgNet>(options, stream_, 1);
    model::load_state_dict(case_.weights, "weights", *network_, stream_);
    optimizer_ = train::make_optimizer_state(recipe_.train, network_->parameters(), stream_);
    step_ = std::make_unique<train::TrainingStep>(recipe_, *network_, optimizer_, Tensor(), stream_, record_);
  }

  void take() {
    step_->take(case_.batch, 1e-3);
    ++case_.batch.step;
  }

  OwnedStream owned_;
  Stream& stream_;
  bool record_;
  train::Recipe recipe_;
  Case case_;
  std::unique_ptr<model::SeEcgNet> network_;
  train::OptimizerState optimizer_;
  std::unique_ptr<train::TrainingStep> step_;
};

// The most memory of the process that was ever resident, bytes.
std::int64_t resident_peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

nlohmann::json to_json(const std::vector<NamedTime>& sums, double steps) {
  nlohmann::json all = nlohmann::json::array();
  for (const NamedTime& sum : sums) {
    all.push_back({{"name", sum.name},
                   {"calls", static_cast<double>(sum.calls) / steps},
                   {"seconds", sum.seconds / steps}});
  }
  return all;
}

nlohmann::json to_json(const Bench::Profile& profile, double steps) {
  nlohmann::json tree = nlohmann::json::array();
  for (const RangeNode& node : profile.tree) {
    tree.push_back({{"path", node.path},
                    {"calls", static_cast<double>(node.calls) / steps},
                    {"seconds", node.seconds / steps},
                    {"own", node.own / steps}});
  }
  return {{"seconds", profile.seconds / steps},
          {"kernels", to_json(sum_by_kernel(profile.tree), steps)},
          {"layers", to_json(sum_by_layer(profile.tree), steps)},
          {"tree", tree}};
}

// The count that comes next; `fallback` if the line has ended and there is one.
std::int64_t read_count(std::istringstream& words, const std::string& line, std::int64_t fallback = 0) {
  std::string word;
  if (!(words >> word) && fallback > 0) {
    return fallback;
  }
  std::int64_t count = 0;
  const auto [end, status] = std::from_chars(word.data(), word.data() + word.size(), count);
  require(status == std::errc() && end == word.data() + word.size() && count > 0,
          "'{}': expected a count from 1 on, got '{}'", line, word);
  return count;
}

std::string read_path(std::istringstream& words, const std::string& line) {
  std::string path;
  require(static_cast<bool>(words >> path), "'{}': expected another file", line);
  return path;
}

void expect_end(std::istringstream& words, const std::string& line) {
  std::string word;
  require(!(words >> word), "'{}': '{}' is too much", line, word);
}

nlohmann::json answer(Bench& bench, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "load") {
    const std::string weights = read_path(words, line);
    const std::string batch = read_path(words, line);
    expect_end(words, line);
    bench.load(weights, batch);
    return {{"loaded", weights}};
  }
  if (command == "gradients") {
    const std::string out = read_path(words, line);
    expect_end(words, line);
    return {{"loss", bench.gradients(out)}};
  }
  if (command == "train" || command == "profile") {
    const std::int64_t count = read_count(words, line);
    expect_end(words, line);
    if (command == "train") {
      return {{"seconds", bench.train(count)}};
    }
    return to_json(bench.profile(count), static_cast<double>(count));
  }
  if (command == "infer") {
    const std::int64_t count = read_count(words, line);
    const std::int64_t samples = read_count(words, line, bench.batch());
    expect_end(words, line);
    return {{"seconds", bench.infer(count, samples)}};
  }
  expect_end(words, line);
  if (command == "ceilings") {
    const Ceiling ceiling = cpu_ceiling(sec::threads(), beyond_caches);
    return {{"gflops", 1e-9 * ceiling.operations}, {"gbytes", 1e-9 * ceiling.bytes}};
  }
  if (command == "peak") {
    return {{"tensors", bench.memory().peak}, {"resident", resident_peak()}};
  }
  fail("unknown command '{}'", line);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs training steps and inference on request: see bench/compare, which asks for them."};
  std::string device = "cpu";
  int threads = 0;
  bool eager = false;
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda"}))->capture_default_str();
  app.add_option("--threads", threads, "0: one per core")->check(CLI::Range(0, 1024));
  app.add_flag("--eager", eager, "Every step kernel by kernel, not as a recording");
  CLI11_PARSE(app, argc, argv);
  try {
    set_threads(threads);
    Bench bench(parse_device(device), !eager);
    fmt::print("{}\n", nlohmann::json{{"device", device},
                                      {"threads", sec::threads()},
                                      {"isa", kernels::cpu::isa_in_use()},
                                      {"version", SEC_VERSION}}
                           .dump());
    std::fflush(stdout);
    for (std::string line; std::getline(std::cin, line);) {
      fmt::print("{}\n", answer(bench, line).dump());
      std::fflush(stdout);
    }
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_steps: {}\n", error.what());
    return 1;
  }
  return 0;
}
