// bench_steps: whole training steps and inference of SE-ECGNet, a round at a time on request, so that
// bench/compare can let a peer take turns with it on the same machine. Reads commands, one a line, and
// answers each with one line of JSON:
//   load WEIGHTS BATCH     a state dict in PyTorch's form, and a batch: x (N, H, L) f32, labels (N) i32
//   gradients OUT          one training step's loss, without dropout; its gradients as a state dict into OUT
//   train N                seconds that N training steps take, with dropout and Adam
//   infer N                seconds that N forward passes over the batch take, without gradients
//   profile N              the seconds that each range of N training steps takes, run kernel by kernel;
//   ranges
//                          nest, so a layer's hold those of its kernels
//   peak                   the most bytes that tensors held since `load`, and those of the process (resident)
#include <fmt/format.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>
#include <nlohmann/json.hpp>

#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/ranges.h"
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

  std::vector<RangeTime> profile(std::int64_t steps) {
    const bool recorded = std::exchange(record_, false);
    prepare(0.2);
    record_ = recorded;
    take();
    start_range_timer();
    for (std::int64_t i = 0; i < steps; ++i) {
      take();
    }
    step_.reset();
    return stop_range_timer();
  }

  double infer(std::int64_t passes) {
    if (!network_) {
      prepare(0);
    }
    const model::NetworkOptions& o = network_->options();
    const auto n = static_cast<std::int64_t>(case_.batch.labels.size());
    double seconds = 0;
    for (std::int64_t i = -1; i < passes; ++i) {  // the first one warms up
      const double from = now();
      const Tensor x = Tensor::from(stream_, {n, o.length, o.leads, 1}, std::span(case_.batch.x));
      layers::Pass pass;
      pass.stream = stream_;
      network_->forward(pass, x, Tensor()).value.to_vector(stream_);
      seconds += i < 0 ? 0 : now() - from;
    }
    return seconds;
  }

  MemoryStatistics memory() const { return memory_statistics(stream_.device); }

 private:
  static double now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
  }

  void prepare(double dropout) {
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

nlohmann::json answer(Bench& bench, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "load") {
    std::string weights;
    std::string batch;
    words >> weights >> batch;
    bench.load(weights, batch);
    return {{"loaded", weights}};
  }
  if (command == "gradients") {
    std::string out;
    words >> out;
    return {{"loss", bench.gradients(out)}};
  }
  if (command == "train" || command == "infer") {
    std::int64_t count = 0;
    words >> count;
    require(count > 0, "{}: expected a count", line);
    return {{"seconds", command == "train" ? bench.train(count) : bench.infer(count)}};
  }
  if (command == "profile") {
    std::int64_t steps = 0;
    words >> steps;
    require(steps > 0, "{}: expected a count", line);
    nlohmann::json ranges = nlohmann::json::array();
    for (const RangeTime& range : bench.profile(steps)) {
      ranges.push_back({{"name", range.name}, {"calls", range.count}, {"seconds", range.seconds}});
    }
    return {{"ranges", ranges}};
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
