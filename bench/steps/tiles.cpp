// Measures tile sizes of a network's convolutions. The fastest of each convolution are written to a file
// for --tiles (train/loop/tile_file.h).
// A training step yields the list of convolutions.
// Each convolution is then timed alone with every tile size for which there are kernels.
// The built-in size stays unless another size takes less than 0.98 of its time.
//
// On cuda, times are GPU times between two events around one call, with caches flushed first as in cuda.cpp.
// On simt, times are those of the host that simulates the call.
// They say nothing about a GPU: runs on simt are rehearsals, and the file says so.
#include <fmt/format.h>

#include <algorithm>

#include "engine/device_model.h"
#include "engine/philox.h"
#include "engine/stream.h"
#include "io/files/atomic_file.h"
#include "kernels/table.h"
#include "model/networks.h"
#include "tools/usage_error.h"
#include "train/loop/step.h"
#include "train/loop/tile_file.h"

namespace {

using namespace sec;
using kernels::ConvPass;
using kernels::ConvShape;
using kernels::ConvTask;
using kernels::ConvTiles;

constexpr double worth_it = 0.98;                  // relative to the built-in tiles; smaller gains are noise
constexpr std::int64_t flushed_bytes = 256 << 20;  // larger than any GPU's L2 cache

struct Options {
  std::string device = "cuda";
  std::vector<std::string> precisions = {"tf32", "bf16"};
  model::NetworkOptions network;
  std::int64_t samples = 64;
  int calls = 9;
  std::string out;
};

// The distinct convolutions of a training step.
std::set<ConvTask> tasks_of(const Options& options, Stream& stream, Precision precision) {
  const model::NetworkOptions& size = options.network;
  train::Batch batch;
  for (std::int64_t i = 0; i < options.samples * size.length * size.leads; ++i) {
    batch.x.push_back(2 * uniform({1, 0, 1}, i) - 1);
  }
  for (std::int64_t i = 0; i < options.samples; ++i) {
    batch.labels.push_back(static_cast<std::int32_t>(i % size.classes));
  }
  const train::Recipe recipe;
  const auto network = model::make_network(size, stream, 1);
  train::OptimizerState optimizer = train::make_optimizer_state(recipe.train, network->parameters(), stream);
  train::TrainingStep step(recipe, *network, optimizer, Tensor(), stream, false, activations_in(precision));
  std::set<ConvTask> tasks;
  kernels::collect_conv_tasks(&tasks);
  step.take(batch, 1e-3);
  kernels::collect_conv_tasks(nullptr);
  return tasks;
}

std::vector<ConvTiles> candidates(const ConvTask& task) {
  const ConvTiles built_in = kernels::built_in_tiles(task.pass, task.shape, task.arithmetic);
  std::vector<ConvTiles> all = {built_in};
  const auto add = [&](const ConvTiles& one) {
    if (one != built_in) {
      all.push_back(one);
    }
  };
  ConvTiles one = built_in;
  if (task.pass == ConvPass::wgrad) {
    for (const int part_tiles : {2, 4, 8, 16}) {
      for (const int most_blocks : {64, 128, 256, 1024}) {
        one.part_tiles = part_tiles;
        one.most_blocks = most_blocks;
        add(one);
      }
    }
    return all;
  }
  const std::vector<int> only = {built_in.rows};
  for (const int columns : train::tile_columns()) {
    for (const int rows : train::on_tensor_cores(task) ? train::tile_rows() : only) {
      one.columns = columns;
      one.rows = rows;
      if (rows <= kernels::most_tile_rows(columns)) {
        add(one);
      }
    }
  }
  return all;
}

// A convolution and its operands.
class Conv {
 public:
  Conv(Stream& stream, const ConvTask& task, const ConvShape& shape)
      : stream_(stream), pass_(task.pass), shape_(shape) {
    const DType type = activations_in(task.arithmetic);
    x_ = noise(shape.n * shape.l * shape.h * shape.c_in, type);
    w_ = noise(shape.k * shape.c_in * shape.c_out, DType::f32);
    y_ = noise(shape.n * shape.l_out() * shape.h * shape.c_out, type);
  }

  void run() {
    const kernels::ConvKernels& conv = kernels::table(stream_).conv;
    if (pass_ == ConvPass::forward) {
      conv.forward(stream_, shape_, x_.read(), w_.read(), {}, y_.write());
    } else if (pass_ == ConvPass::dgrad) {
      conv.dgrad(stream_, shape_, y_.read(), w_.read(), x_.write());
    } else {
      conv.wgrad(stream_, shape_, x_.read(), y_.read(), w_.write(), {});
    }
  }

 private:
  Tensor noise(std::int64_t count, DType type) const {
    Tensor values = Tensor::empty({count}, DType::f32, stream_.device);
    kernels::table(stream_).pointwise.fill_uniform(stream_, {1, 2, 3}, -1, 1, values.write());
    if (type == DType::f32) {
      return values;
    }
    Tensor rounded = Tensor::empty({count}, type, stream_.device);
    kernels::table(stream_).pointwise.cast(stream_, values.read(), rounded.write());
    return rounded;
  }

  Stream& stream_;
  ConvPass pass_;
  ConvShape shape_;
  Tensor x_, w_, y_;
};

// Median seconds per call. The first call is not timed, as it allocates memory.
double seconds_of(Stream& stream, Conv& conv, const ConvTask& task, const ConvTiles& tiles, int calls,
                  Tensor& flushed) {
  std::set<ConvTask> asked;
  kernels::use_tiles({{task, tiles}});
  kernels::collect_conv_tasks(&asked);
  conv.run();
  kernels::collect_conv_tasks(nullptr);
  require(asked.count(task) == 1, "a convolution asked for tiles of another shape than its network's");
  Event begin(stream.device);
  Event end(stream.device);
  std::vector<double> seconds;
  for (int i = 0; i < calls; ++i) {
    if (flushed.count() > 0) {
      zero_bytes(stream, flushed.write().data, flushed_bytes);
    }
    begin.record(stream);
    conv.run();
    end.record(stream);
    seconds.push_back(Event::seconds_between(begin, end));
  }
  std::nth_element(seconds.begin(), seconds.begin() + calls / 2, seconds.end());
  return seconds[static_cast<std::size_t>(calls / 2)];
}

void measure(const Options& options, Stream& stream, const ConvTask& task, train::TileFile& file,
             std::map<ConvTask, std::string>& notes) {
  const bool on_gpu = stream.device == Device::cuda;
  ConvShape shape = task.shape;
  shape.n = options.samples;
  Conv conv(stream, task, shape);
  Tensor flushed = Tensor::empty({on_gpu ? flushed_bytes / 4 : 0}, DType::f32, stream.device);
  const std::vector<ConvTiles> all = candidates(task);
  double built_in = 0;
  double best = 0;
  for (const ConvTiles& tiles : all) {
    const double seconds = seconds_of(stream, conv, task, tiles, options.calls, flushed);
    if (tiles == all.front()) {
      built_in = seconds;
    }
    if (tiles == all.front() || (seconds < best && seconds < worth_it * built_in)) {
      best = seconds;
      file.choices[task] = tiles;
    }
  }
  const bool same = file.choices[task] == all.front();
  notes[task] = fmt::format("{:.1f} us{}", 1e6 * best,
                            same ? ", built-in" : fmt::format(", built-in {:.1f} us", 1e6 * built_in));
}

void run(const Options& options) {
  const Device device = parse_device(options.device);
  require(device != Device::cpu, "--device cpu: has no tiles to choose; cuda and simt have");
  OwnedStream owned(device);
  Stream& stream = owned;
  train::TileFile file;
  std::map<ConvTask, std::string> notes;
  const model::NetworkOptions& size = options.network;
  file.device = model_of(device);
  file.measured = fmt::format(
      "{}: each convolution of {}, {} x {}, width {}, batch {}, alone, the median of {} calls",
      device == Device::cuda ? "GPU time between events, operands from memory"
                             : "time of the host that simulates the kernels, which says nothing of a GPU",
      size.model, size.length, size.leads, size.width, options.samples, options.calls);
  for (const std::string& name : options.precisions) {
    const Precision precision = parse_precision(name, device);
    stream.tf32 = allows_tf32(precision);
    for (const ConvTask& task : tasks_of(options, stream, precision)) {
      if (file.choices.count(task) == 0) {
        measure(options, stream, task, file, notes);
      }
    }
    kernels::use_tiles({});
  }
  io::write_atomically(options.out, train::tile_file_text(file, notes));
  const auto changed = std::count_if(file.choices.begin(), file.choices.end(), [](const auto& choice) {
    return choice.second !=
           kernels::built_in_tiles(choice.first.pass, choice.first.shape, choice.first.arithmetic);
  });
  fmt::print("{}: {} shapes, {} with other tiles than the built-in ones\n", options.out, file.choices.size(),
             changed);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{
      "Measures the tiles of a network's convolutions and writes the fastest to a file for --tiles."};
  Options o;
  app.add_option("--device", o.device, "cuda, or simt for a rehearsal")
      ->check(CLI::IsMember({"cpu", "cuda", "simt"}))
      ->capture_default_str();
  app.add_option("--precision", o.precisions, "Arithmetic of the network; may be repeated")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}))
      ->capture_default_str();
  const CLI::Range extent(1, 1 << 20);
  app.add_option("--model", o.network.model, "Name of the network")->capture_default_str();
  app.add_option("--leads", o.network.leads, "Number of leads")->check(extent)->capture_default_str();
  app.add_option("--length", o.network.length, "Length of a recording, samples")
      ->check(extent)
      ->capture_default_str();
  app.add_option("--width", o.network.width, "Channels, as network.width in recipes")
      ->check(extent)
      ->capture_default_str();
  app.add_option("--samples", o.samples, "Batch size")->check(extent)->capture_default_str();
  app.add_option("--calls", o.calls, "Timed calls per choice of tiles; the median counts")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  app.add_option("--out", o.out, "File to write; an existing file is replaced")->required();
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return tools::usage_error(app, error, "bench_tiles");
  }
  try {
    run(o);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_tiles: {}\n", error.what());
    return 1;
  }
  return 0;
}
