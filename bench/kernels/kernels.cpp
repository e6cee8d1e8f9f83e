// Measures the cpu device's kernels at the network's shapes. If oneDNN is installed, its convolutions too.
// Compares the results with the machine's peak rates, which are measured in the same run (ceilings.h).
// floors.h documents what is counted, rows.h how rows are named.
// One-thread rates are per second of processor time, which other processes disturb less.
// With --device cuda or simt, runs the benchmarks of cuda.cpp instead.
// Their tiles are those in the file that --tiles names (from bench_tiles), or the built-in ones.
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cmath>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "bench/ceilings/peak.h"
#include "bench/kernels/conv_shapes.h"
#include "bench/kernels/cuda.h"
#include "bench/kernels/dnnl.h"
#include "bench/kernels/floors.h"
#include "bench/kernels/fused.h"
#include "bench/kernels/rows.h"
#include "engine/parallel.h"
#include "kernels/cpu/isa.h"
#include "kernels/table.h"
#include "train/loop/tile_file.h"

namespace sec {
namespace {

using benchmark::State;
using kernels::ConvPass;
using kernels::Table;

Stream stream;

Tensor noise(std::int64_t count, std::uint32_t operation = 3) {
  Tensor t = Tensor::empty({count}, DType::f32, Device::cpu);
  kernels::table(stream).pointwise.fill_uniform(stream, {1, 2, operation}, -1, 1, t.write());
  return t;
}

void add(const std::string& name, const std::function<void(State&, int)>& function) {
  static const std::set<int> counts = {1, threads()};
  for (const int count : counts) {
    auto* bench = benchmark::RegisterBenchmark(fmt::format("{}/t{}", name, count).c_str(), [=](State& state) {
      set_threads(count);
      function(state, count);
    });
    bench->Unit(benchmark::kMicrosecond);
    if (count > 1) {
      bench->UseRealTime();
    }
  }
}

// ---- convolutions ----

struct ConvOperands {
  explicit ConvOperands(const kernels::ConvShape& s)
      : shape(s),
        x(noise(s.n * s.l * s.h * s.c_in, 1)),
        w(noise(s.k * s.c_in * s.c_out, 2)),
        y(noise(s.n * s.l_out() * s.h * s.c_out, 3)) {}

  void run(ConvPass pass) {
    const kernels::ConvKernels& kernels = kernels::table(stream).conv;
    if (pass == ConvPass::forward) {
      kernels.forward(stream, shape, x.read(), w.read(), {}, y.write());
    } else if (pass == ConvPass::dgrad) {
      kernels.dgrad(stream, shape, y.read(), w.read(), x.write());
    } else {
      kernels.wgrad(stream, shape, x.read(), y.read(), w.write(), {});
    }
  }

  kernels::ConvShape shape;
  Tensor x, w, y;
};

// The distance of oneDNN's result from ours, relative to the norm of ours.
// A row is only meaningful if both results agree.
// Sums of up to 20,000 f32 products in different orders differ by about 1e-6.
double distance_from_ours(ConvPass pass, ConvOperands operands, DnnlConv& theirs) {
  Tensor& result = pass == ConvPass::forward ? operands.y : pass == ConvPass::dgrad ? operands.x : operands.w;
  zero_bytes(stream, result.write().data,
             static_cast<std::size_t>(result.count()) * sizeof(float));  // wgrad adds to its result
  operands.run(pass);
  theirs.run();
  const std::vector<float> ours = result.to_vector(stream);
  const std::vector<float> other = theirs.result();
  require(ours.size() == other.size(), "{} elements, oneDNN has {}", ours.size(), other.size());
  double squares = 0;
  double differences = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    squares += static_cast<double>(ours[i]) * ours[i];
    differences += std::pow(static_cast<double>(ours[i]) - other[i], 2);
  }
  return std::sqrt(differences / squares);
}

void ours(State& state, int count, ConvPass pass, const kernels::ConvShape& s) {
  ConvOperands operands(s);
  for (auto _ : state) {
    operands.run(pass);
  }
  const Floor floor = conv_floor(pass, s, 4);
  set_row(state, floor, cpu_ceiling(count, floor.bytes));
}

void dnnl(State& state, int count, ConvPass pass, const kernels::ConvShape& s) {
  ConvOperands operands(s);
  DnnlConv theirs(pass, s, count, static_cast<const float*>(operands.x.read().data),
                  static_cast<const float*>(operands.w.read().data),
                  static_cast<const float*>(operands.y.read().data));
  const double distance = distance_from_ours(pass, operands, theirs);
  if (!(distance <= 1e-5)) {
    state.SkipWithError(fmt::format("the results differ by {:.1e} of their length", distance).c_str());
    return;
  }
  for (auto _ : state) {
    theirs.run();
  }
  const Floor floor = conv_floor(pass, s, 4);
  set_row(state, floor, cpu_ceiling(count, floor.bytes));
}

void add_convs() {
  for (const NamedConv& layer : conv_shapes(8, 128)) {
    // `pass` is copied because clang 14's lambdas cannot capture structured bindings.
    for (const auto& [name, bound] :
         {std::pair{"forward", ConvPass::forward}, {"dgrad", ConvPass::dgrad}, {"wgrad", ConvPass::wgrad}}) {
      const ConvPass pass = bound;
      const kernels::ConvShape shape = layer.shape;
      const std::string row = fmt::format("conv/{}/{}/f32", layer.name, name);
      add(row + "/ours", [=](State& state, int count) { ours(state, count, pass, shape); });
      if (!dnnl_version().empty()) {
        add(row + "/dnnl", [=](State& state, int count) { dnnl(state, count, pass, shape); });
      }
    }
  }
}

// ---- batch norm, ReLU, dropout and the convolution that follows them, fused and unfused ----

void pre_activation(State& state, int count, const kernels::ConvShape& s, bool forward, bool fused) {
  FusedConv conv(stream, s, DType::f32);
  const Table& kernels = kernels::table(stream);
  const auto run_forward = [&] {
    fused ? conv.forward(stream, kernels) : conv.forward_unfused(stream, kernels, false);
  };
  run_forward();
  for (auto _ : state) {
    if (forward) {
      run_forward();
    } else {
      fused ? conv.backward(stream, kernels) : conv.backward_unfused(stream, kernels);
    }
  }
  const Floor floor = forward ? conv.forward_floor() : conv.backward_floor();
  set_row(state, floor, cpu_ceiling(count, floor.bytes));
}

void add_fused() {
  for (const NamedConv& layer : conv_shapes(8, 128)) {
    const kernels::ConvShape shape = layer.shape;
    if (!kernels::table(stream).pre_activation.supports(shape.c_in, shape.c_out)) {
      continue;  // the stem has no fused operations
    }
    for (const bool forward : {true, false}) {
      for (const bool fused : {true, false}) {
        add(fmt::format("pre_activation/{}/{}/f32/{}", layer.name, forward ? "forward" : "backward",
                        fused ? "ours" : "separate"),
            [=](State& state, int count) { pre_activation(state, count, shape, forward, fused); });
      }
    }
  }
}

// ---- operations bound by memory bandwidth ----

struct Elementwise {
  std::int64_t rows, c;  // number of rows of eight samples, number of channels
  Tensor x = noise(rows * c), y = noise(rows * c), z = noise(rows * c), u = noise(rows * c);
  Tensor mean = noise(c), factor = noise(8 * c), gamma_gradient = noise(c), beta_gradient = noise(c);
  Tensor variance = Tensor::from(stream, {c}, std::vector<float>(static_cast<std::size_t>(c), 1.0F));
};

struct Operation {
  const char* name;  // a row's name: operation/SHAPE/pass
  PerElement floor;
  void (*call)(const Table& k, Elementwise& e);
};

std::vector<Operation> operations() {
  return {
      {"batch_norm/{}/statistics", statistics_floor,
       [](const Table& k, Elementwise& e) {
         k.batch_norm.statistics(stream, {e.rows, e.c}, e.x.read(), e.gamma_gradient.write(),
                                 e.beta_gradient.write());
       }},
      {"batch_norm/{}/apply", apply_floor,
       [](const Table& k, Elementwise& e) {
         k.batch_norm.apply(stream, {e.rows, e.c}, 1e-5F, e.x.read(), e.mean.read(), e.variance.read(),
                            e.mean.read(), e.mean.read(), e.y.write());
       }},
      {"batch_norm/{}/backward", backward_floor,
       [](const Table& k, Elementwise& e) {
         k.batch_norm.backward(stream, {e.rows, e.c}, 1e-5F, e.x.read(), e.y.read(), e.mean.read(),
                               e.variance.read(), e.mean.read(), e.z.write(), e.gamma_gradient.write(),
                               e.beta_gradient.write());
       }},
      {"relu/{}/forward", relu_floor,
       [](const Table& k, Elementwise& e) { k.pointwise.relu(stream, e.x.read(), e.y.write()); }},
      {"add/{}/forward", add_floor,
       [](const Table& k, Elementwise& e) { k.pointwise.add(stream, e.x.read(), e.y.read(), e.z.write()); }},
      {"gate/{}/forward", gate_floor,
       [](const Table& k, Elementwise& e) {
         k.pointwise.gate(stream, {8, e.rows / 8, e.c}, e.x.read(), e.factor.read(), e.y.write());
       }},
      {"global_average/{}/forward", average_floor,
       [](const Table& k, Elementwise& e) {
         k.pool.global_average(stream, {8, e.rows / 8, e.c}, e.x.read(), e.factor.write());
       }},
      {"dropout/{}/forward", dropout_floor,
       [](const Table& k, Elementwise& e) {
         k.pointwise.dropout(stream, 0.2F, {1, 2, 3}, e.x.read(), e.y.write());
       }},
      {"sigmoid/{}/forward", sigmoid_floor,
       [](const Table& k, Elementwise& e) { k.pointwise.sigmoid(stream, e.x.read(), e.y.write()); }},
      {"adam/{}/update", adam_floor,
       [](const Table& k, Elementwise& e) {
         const kernels::StepValues now = kernels::adam_values({}, 1e-3, 0);
         k.optimizer.adam(stream, {}, &now, e.mean.slice(0, 1).read(), e.x.read(), e.y.write(), e.z.write(),
                          e.u.write(), {});
       }},
  };
}

void add_operations() {
  // The shapes of the stem's output at batch 8 (20 MB) and of a late layer's output (0.6 MB).
  for (const auto& [rows, c] : {std::pair<std::int64_t, std::int64_t>{158464, 32}, {624, 256}}) {
    for (const Operation& operation : operations()) {
      const std::string shape = fmt::format("{}x{}", rows, c);
      const std::string row = fmt::format(fmt::runtime(operation.name), shape) + "/f32/ours";
      add(row, [=, rows = rows, c = c](State& state, int count) {
        Elementwise operands{rows, c};
        const Table& kernels = kernels::table(stream);
        for (auto _ : state) {
          operation.call(kernels, operands);
        }
        const Floor floor = operation.floor.times(static_cast<double>(rows * c), 4);
        set_row(state, floor, cpu_ceiling(count, floor.bytes));
      });
    }
  }
}

// ---- the ceilings themselves, as rows ----

void peak_fma(State& state, int count) {
  const Ceiling ceiling = cpu_ceiling(count, beyond_caches);
  double (*const multiply_add)() = cpu_peak().multiply_add;
  double operations = 0;
  for (auto _ : state) {
    std::vector<double> done(static_cast<std::size_t>(count));
    parallel_for(count, [&](std::int64_t i) { done[i] = multiply_add(); });
    operations = done[0] * count;
  }
  set_row(state, {operations, 0}, ceiling);
}

void peak_copy(State& state, int count) {
  constexpr std::int64_t elements = 1 << 25;
  const Tensor x = noise(elements);
  Tensor y = noise(elements);
  for (auto _ : state) {
    kernels::table(stream).pointwise.cast(stream, x.read(), y.write());
  }
  set_row(state, {0, 8.0 * elements}, cpu_ceiling(count, 8.0 * elements));
}

void add_all() {
  for (const int count : {1, threads()}) {
    const Ceiling c = cpu_ceiling(count, beyond_caches);
    benchmark::AddCustomContext(fmt::format("peak GFLOP/s t{}", count),
                                fmt::format("{:.1f}", 1e-9 * c.operations));
    benchmark::AddCustomContext(fmt::format("copy GB/s t{}", count), fmt::format("{:.1f}", 1e-9 * c.bytes));
  }
  set_threads(0);
  benchmark::AddCustomContext("instruction set", std::string(kernels::cpu::isa_in_use()));
  benchmark::AddCustomContext("oneDNN", dnnl_version().empty() ? "not built in" : dnnl_version());
  add("peak/registers/fma/f32/machine", peak_fma);
  add("peak/128MiB/copy/f32/ours", peak_copy);
  add_convs();
  add_fused();
  add_operations();
}

}  // namespace
}  // namespace sec

int main(int argc, char** argv) {
  try {
    std::string device = "cpu";
    std::string tiles;
    if (argc > 1 &&
        std::string_view(argv[1]) == "--help") {  // before Google Benchmark prints its own and ends
      fmt::print(
          "bench_kernels [--benchmark_...] [--device cpu|cuda|simt] [--tiles FILE]\n"
          "  --tiles  how convolutions are cut into blocks on cuda and simt, as bench_tiles writes it\n");
    }
    benchmark::Initialize(&argc, argv);  // removes Google Benchmark's options from argv
    const auto take = [&](std::string_view name, std::string& value) {
      if (argc >= 3 && argv[1] == name) {
        value = argv[2];
        argv[2] = argv[0];
        argv += 2;
        argc -= 2;
      }
    };
    take("--device", device);
    take("--tiles", tiles);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
      return 2;
    }
    if (!tiles.empty()) {
      sec::train::use_tile_file(tiles, sec::parse_device(device));
    }
    if (device == "cpu") {
      sec::add_all();
    } else if (device == "cuda" || device == "simt") {
      sec::add_gpu_benchmarks(sec::parse_device(device));
    } else {
      fmt::print(stderr, "bench_kernels: --device {}: expected cpu, cuda or simt\n", device);
      return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_kernels: {}\n", error.what());
    return 1;
  }
}
