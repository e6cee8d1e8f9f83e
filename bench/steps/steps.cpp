// bench_steps runs whole training steps and inference of SE-ECGNet, one round per request.
// bench/compare can therefore alternate it with a peer on the same machine.
// Reads commands, one per line, and answers each with one line of JSON:
//
//   make CASE FOLDER   writes weights.safetensors, a state dict in PyTorch's form, and batch.safetensors,
//                      which has x (N, H, L) f32 and labels (N) i32; CASE is "NxHxLxCLASSESxWIDTH"
//   load WEIGHTS BATCH
//   gradients OUT      computes a training step's loss without dropout; writes its gradients as a state dict
//   train N            seconds that N training steps take, with dropout and Adam
//   infer N [SAMPLES]  seconds that N forward passes take over the batch or over SAMPLES samples (the batch
//                      repeated), including the copies from and to the host, without gradients
//   profile N          where the time of N eager training steps goes: the tree of ranges with exclusive
//                      times, and sums by kernel and by kind of layer, in seconds per step
//   ceilings           the device's peak rates (cpu: with --threads): GFLOP/s, and GB/s beyond the caches
//   peak               the most bytes that tensors held since `load`, bytes reserved for tensors, and the
//                      largest resident memory of the process
//
// Steps and passes are captured as graphs and replayed, unless --eager is given.
#include <fmt/format.h>
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <iostream>
#include <sstream>

#include "bench/ceilings/ceilings.h"
#include "bench/ceilings/cuda_ceiling.h"
#include "bench/steps/range_tree.h"
#include "engine/memory.h"
#include "engine/parallel.h"
#include "engine/philox.h"
#include "engine/precision.h"
#include "io/files/json.h"
#include "io/models/safetensors.h"
#include "kernels/cpu/isa.h"
#include "model/state_dict.h"
#include "tools/usage_error.h"
#include "train/loop/checkpoint.h"
#include "train/loop/step.h"
#include "train/loop/tile_file.h"

namespace {

using namespace sec;

struct Case {
  model::NetworkOptions options;
  io::SafetensorsFile weights;
  train::Batch batch;  // x (N, L, H)
};

// Moves every bias and factor away from 0 and 1, so that a wrong order of channels changes the results.
void make_case(const std::string& text, const std::string& folder) {
  std::int64_t size[5] = {};
  std::istringstream parts(text);
  for (std::int64_t& one : size) {
    const bool last = &one == &size[4];
    require(parts >> one && one > 0 && (last ? parts.peek() == EOF : parts.get() == 'x'),
            "make: '{}': expected NxHxLxCLASSESxWIDTH", text);
  }
  const auto [n, h, l, classes, width] = size;
  model::NetworkOptions options;
  options.leads = h;
  options.length = l;
  options.classes = classes;
  options.width = width;
  Stream cpu;
  model::SeEcgNet network(options, cpu, 1);
  std::uint32_t operation = 0;
  for (layers::Parameter& parameter : network.parameters().parameters()) {
    if (parameter.shape.rank() == 1) {  // weights of convolutions and linear layers have rank 2 or 3
      std::vector<float> values = parameter.value.to_vector(cpu);
      for (std::int64_t i = 0; i < std::ssize(values); ++i) {
        values[i] += 0.5F * uniform({1, 1, operation}, i);
      }
      parameter.value.assign(cpu, std::span<const float>(values));
      ++operation;
    }
  }
  io::write_safetensors(folder + "/weights.safetensors", model::to_state_dict(network, {}, cpu));
  std::vector<float> x(static_cast<std::size_t>(n * h * l));
  for (std::int64_t i = 0; i < std::ssize(x); ++i) {
    x[i] = 2 * uniform({2, 1, 0}, i) - 1;
  }
  std::vector<std::int32_t> labels(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) {
    labels[i] = static_cast<std::int32_t>(uniform({3, 1, 0}, i) * static_cast<float>(classes));
  }
  io::SafetensorsFile batch;
  batch.tensors["x"] = io::StoredTensor::of<float>({n, h, l}, x);
  batch.tensors["labels"] = io::StoredTensor::of<std::int32_t>({n}, labels);
  io::write_safetensors(folder + "/batch.safetensors", batch);
}

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
  Bench(Device device, Precision precision, bool record)
      : owned_(device), stream_(owned_), activations_(activations_in(precision)), record_(record) {
    stream_.tf32 = allows_tf32(precision);
    recipe_.train.optimizer = "adam";
    recipe_.train.weight_decay = 0;
    recipe_.train.clip_norm = 0;
    recipe_.train.average_decay = 0;
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  void load(const std::string& weights, const std::string& batch) {
    step_.reset();
    inference_.reset();
    optimizer_ = {};
    network_.reset();
    case_ = read_case(weights, batch);
    reset_peak(stream_.device);
  }

  // Computes loss and gradients of the batch without dropout; writes the gradients to `out`.
  double gradients(const std::string& out) {
    prepare(0);
    const double loss = step_->take(case_.batch, 0).loss;  // dropout rate 0; keeps the weights
    layers::ParameterSet& set = network_->parameters();
    std::vector<float> values = set.gradients().to_vector(stream_);
    set.values().assign(stream_, std::span<const float>(values));
    io::write_safetensors(out, model::to_state_dict(*network_, {}, stream_));
    step_.reset();
    return loss;
  }

  double train(std::int64_t steps) {
    inference_.reset();  // the old graph was captured with other weights
    if (!step_) {
      prepare(0.2);
      for (int i = 0; i < 3; ++i) {  // step 1 runs eagerly, step 2 is captured, step 3 replayed
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
    double seconds;  // total of all steps
    std::vector<RangeNode> tree;
  };

  Profile profile(std::int64_t steps) {
    const bool recorded = std::exchange(record_, false);
    prepare(0.2);
    record_ = recorded;
    take();
    RangeRecorder recorder(stream_, RangeRecorder::Nodes::operations);
    const double from = now();
    for (std::int64_t i = 0; i < steps; ++i) {
      take();
    }
    const double seconds = now() - from;
    recorder.stop();
    step_.reset();
    return {seconds, recorder.tree()};
  }

  // Seconds that `passes` forward passes over n samples take.
  double infer(std::int64_t passes, std::int64_t n) {
    if (!network_) {
      prepare(0);
    }
    if (!inference_ || inference_->x.extent(0) != n) {
      begin_inference(n);
    }
    const double from = now();
    for (std::int64_t i = 0; i < passes; ++i) {
      inference_->x.assign(stream_, std::span<const float>(inference_->values));
      if (record_) {
        inference_->recording.replay(stream_);
      } else {
        run_inference();
      }
      inference_->logits.to_vector(stream_);
    }
    return now() - from;
  }

  Ceiling ceiling() {
    return stream_.device == Device::cuda ? cuda_ceiling(stream_, activations_)
                                          : cpu_ceiling(sec::threads(), beyond_caches);
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

  struct Inference {
    PinnedVector<float> values;  // (N, L, H), in pinned memory as in the peer
    Tensor x;                    // (N, L, H, 1)
    Tensor logits;               // (N, classes)
    Graph recording;
  };

  void run_inference() {
    layers::Pass pass;
    pass.stream = stream_;
    pass.activations = activations_;
    inference_->logits = network_->forward(pass, inference_->x, Tensor()).value;
  }

  void begin_inference(std::int64_t n) {
    const model::NetworkOptions& o = network_->options();
    const auto& batch = case_.batch.x;
    inference_ = std::make_unique<Inference>();
    inference_->values.resize(static_cast<std::size_t>(n * o.length * o.leads));
    for (std::size_t i = 0; i < inference_->values.size(); ++i) {
      inference_->values[i] = batch[i % batch.size()];
    }
    inference_->x =
        Tensor::from(stream_, {n, o.length, o.leads, 1}, std::span<const float>(inference_->values));
    run_inference();
    if (record_) {
      inference_->logits = {};  // frees memory for the capture
      inference_->recording = capture(stream_, [this] { run_inference(); });
      inference_->recording.replay(stream_);
    }
    synchronize(stream_);
  }

  void prepare(double dropout) {
    require(!case_.batch.labels.empty(), "nothing is loaded");
    inference_.reset();
    model::NetworkOptions options = case_.options;
    options.dropout = dropout;
    step_.reset();
    network_ = std::make_unique<model::SeEcgNet>(options, stream_, 1);
    model::load_state_dict(case_.weights, "weights", *network_, stream_);
    optimizer_ = train::make_optimizer_state(recipe_.train, network_->parameters(), stream_);
    step_ = std::make_unique<train::TrainingStep>(recipe_, *network_, optimizer_, Tensor(), stream_, record_,
                                                  activations_);
  }

  void take() {
    step_->take(case_.batch, 1e-3);
    ++case_.batch.step;
  }

  OwnedStream owned_;
  Stream& stream_;
  DType activations_;
  bool record_;
  train::Recipe recipe_;
  Case case_;
  std::unique_ptr<model::SeEcgNet> network_;
  train::OptimizerState optimizer_;
  std::unique_ptr<train::TrainingStep> step_;
  std::unique_ptr<Inference> inference_;
};

// The largest resident memory that the process has had, bytes.
std::int64_t resident_peak() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return std::int64_t{usage.ru_maxrss} * 1024;
}

io::Json to_json(const std::vector<NamedTime>& sums, double steps) {
  io::Json all = io::Json::array();
  for (const NamedTime& sum : sums) {
    all.push_back({{"name", sum.name},
                   {"calls", static_cast<double>(sum.calls) / steps},
                   {"seconds", sum.seconds / steps}});
  }
  return all;
}

io::Json to_json(const Bench::Profile& profile, double steps) {
  io::Json tree = io::Json::array();
  const std::vector<std::string> paths = paths_of(profile.tree);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    const RangeNode& node = profile.tree[i];
    tree.push_back({{"path", paths[i]},
                    {"calls", static_cast<double>(node.calls) / steps},
                    {"seconds", node.seconds / steps},
                    {"own", node.own / steps}});
  }
  return {{"seconds", profile.seconds / steps},
          {"kernels", to_json(sum_by_kernel(profile.tree), steps)},
          {"layers", to_json(sum_by_layer(profile.tree), steps)},
          {"tree", tree}};
}

// The next word as a count; `fallback`, if positive, at the end of the line.
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

io::Json answer(Bench& bench, const std::string& line) {
  std::istringstream words(line);
  std::string command;
  words >> command;
  if (command == "make") {
    const std::string text = read_path(words, line);
    const std::string folder = read_path(words, line);
    expect_end(words, line);
    make_case(text, folder);
    return {{"made", text}};
  }
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
    const Ceiling ceiling = bench.ceiling();
    return {{"gflops", 1e-9 * ceiling.operations}, {"gbytes", 1e-9 * ceiling.bytes}};
  }
  if (command == "peak") {
    const MemoryStatistics memory = bench.memory();
    return {{"tensors", memory.peak}, {"reserved", memory.reserved}, {"resident", resident_peak()}};
  }
  fail("unknown command '{}'", line);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs training steps and inference on commands from standard input, for bench/compare."};
  std::string device = "cpu";
  std::string precision = "f32";
  std::string tiles;
  int threads = 0;
  bool eager = false;
  app.add_option("--device", device)->check(CLI::IsMember({"cpu", "cuda", "simt"}))->capture_default_str();
  app.add_option("--precision", precision, "Arithmetic of the network, as in sectrain")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}))
      ->capture_default_str();
  app.add_option("--tiles", tiles,
                 "File written by bench_tiles; other shapes, and all without it, use the built-in tiles");
  app.add_option("--threads", threads, "Number of threads; 0: one per core")->check(CLI::Range(0, 1024));
  app.add_flag("--eager", eager, "Run every kernel separately instead of replaying captured graphs");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "bench_steps");
  }
  try {
    set_threads(threads);
    const Device on = parse_device(device);
    if (!tiles.empty()) {
      train::use_tile_file(tiles, on);
    }
    Bench bench(on, parse_precision(precision, on), !eager);
    fmt::print("{}\n", io::Json{{"device", device},
                                {"precision", precision},
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
