// The cpu device's kernels at the network's own shapes, beside what the machine can do at most, measured in
// the same run: fused multiply-adds in registers (peak/fma) and copying (peak/copy).
//
// GFLOP/s counts 2 * N * Lo * H * Co * Ci * K operations a convolution, for forward, dgrad and wgrad alike:
// one multiplication and one addition for each product that the definition sums. Products with padding count
// although kernels may skip them (2 % at L = 310, k = 7; 20 % at L = 20).
//
// GB/s counts the bytes that an operation must read and write once, as listed at each: what a cache saves or
// a second pass costs shows as a rate above or below that of peak/copy.
//
// Names end in /t and the number of threads. With --device cuda, the benchmarks of cuda.cpp run instead.
#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "bench/conv_shapes.h"
#include "bench/cuda.h"
#include "bench/peak.h"
#include "engine/parallel.h"
#include "kernels/cpu/isa.h"
#include "kernels/table.h"

namespace sec {
namespace {

using benchmark::Counter;
using benchmark::State;

Stream stream;

Tensor noise(std::int64_t count) {
  Tensor t = Tensor::empty({count}, DType::f32, Device::cpu);
  kernels::on(stream).pointwise.fill_uniform(stream, {1, 2, 3}, -1, 1, t.write());
  return t;
}

void set_gflops(State& state, double operations) {
  state.counters["GFLOP/s"] = Counter(operations * 1e-9, Counter::kIsIterationInvariantRate);
}

void set_bandwidth(State& state, double floats) {
  state.counters["GB/s"] = Counter(4e-9 * floats, Counter::kIsIterationInvariantRate);
}

void peak_fma(State& state, int threads) {
  set_threads(threads);
  double (*peak)() = baseline::multiply_add;
#ifdef __x86_64__
  peak = kernels::cpu::isa_in_use() == "avx512" ? avx512::multiply_add
         : kernels::cpu::isa_in_use() == "avx2" ? avx2::multiply_add
                                                : baseline::multiply_add;
#endif
  double operations = 0;
  for (auto _ : state) {
    std::vector<double> done(static_cast<std::size_t>(threads));
    parallel_for(threads, [&](std::int64_t i) { done[i] = peak(); });
    operations = 0;
    for (const double d : done) {
      operations += d;
    }
  }
  set_gflops(state, operations);
}

// A copy of 64 MiB, well beyond the caches of a core: 2 floats moved an element.
void peak_copy(State& state, int threads) {
  set_threads(threads);
  const Tensor x = noise(1 << 24);
  Tensor y = noise(1 << 24);
  for (auto _ : state) {
    kernels::on(stream).pointwise.cast(stream, x.read(), y.write());
  }
  set_bandwidth(state, 2.0 * (1 << 24));
}

void conv(State& state, int threads, char pass, kernels::ConvShape s) {
  set_threads(threads);
  Tensor x = noise(s.n * s.l * s.h * s.c_in);
  Tensor y = noise(s.n * s.l_out() * s.h * s.c_out);
  Tensor w = noise(s.k * s.c_in * s.c_out);
  const kernels::ConvKernels& kernels = kernels::on(stream).conv;
  for (auto _ : state) {
    if (pass == 'f') {
      kernels.forward(stream, s, x.read(), w.read(), {}, y.write());
    } else if (pass == 'd') {
      kernels.dgrad(stream, s, y.read(), w.read(), x.write());
    } else {
      kernels.wgrad(stream, s, x.read(), y.read(), w.write(), {});
    }
  }
  set_gflops(state, 2.0 * static_cast<double>(s.macs()));
}

enum class Op { statistics, apply, backward, relu, add, gate, global_average, dropout, sigmoid, adam };

// `rows` rows of `c` channels, as of eight samples.
void memory_bound(State& state, int threads, Op op, std::int64_t rows, std::int64_t c) {
  set_threads(threads);
  Tensor x = noise(rows * c);
  Tensor y = noise(rows * c);
  Tensor z = noise(rows * c);
  Tensor u = noise(op == Op::adam ? rows * c : 1);
  Tensor mean = noise(c);
  Tensor variance = Tensor::from(stream, {c}, std::vector<float>(static_cast<std::size_t>(c), 1.0F));
  Tensor factor = noise(8 * c);
  Tensor gamma_gradient = noise(c);
  Tensor beta_gradient = noise(c);
  const kernels::StepValues step = kernels::adam_values({}, 1e-3, 0);
  const kernels::Table& k = kernels::on(stream);
  double moved = 0;  // floats an element
  for (auto _ : state) {
    switch (op) {
      case Op::statistics:
        moved = 1;
        k.batch_norm.statistics(stream, {rows, c}, x.read(), mean.write(), variance.write());
        break;
      case Op::apply:
        moved = 2;
        k.batch_norm.apply(stream, {rows, c}, 1e-5F, x.read(), mean.read(), variance.read(), mean.read(),
                           mean.read(), y.write());
        break;
      case Op::backward:  // x and gy for the sums, x and gy again and gx
        moved = 5;
        k.batch_norm.backward(stream, {rows, c}, 1e-5F, x.read(), y.read(), mean.read(), variance.read(),
                              mean.read(), z.write(), gamma_gradient.write(), beta_gradient.write());
        break;
      case Op::relu:
        moved = 2;
        k.pointwise.relu(stream, x.read(), y.write());
        break;
      case Op::add:
        moved = 3;
        k.pointwise.add(stream, x.read(), y.read(), z.write());
        break;
      case Op::gate:
        moved = 2;
        k.pointwise.gate(stream, {8, rows / 8, c}, x.read(), factor.read(), y.write());
        break;
      case Op::global_average:
        moved = 1;
        k.pool.global_average(stream, {8, rows / 8, c}, x.read(), factor.write());
        break;
      case Op::dropout:
        moved = 2;
        k.pointwise.dropout(stream, 0.2F, {1, 2, 3}, x.read(), y.write());
        break;
      case Op::sigmoid:
        moved = 2;
        k.pointwise.sigmoid(stream, x.read(), y.write());
        break;
      case Op::adam:  // gradient, parameters, two moments; all but the first written back
        moved = 7;
        k.optimizer.adam(stream, {}, &step, mean.slice(0, 1).read(), x.read(), y.write(), z.write(),
                         u.write());
        break;
    }
  }
  set_bandwidth(state, moved * static_cast<double>(rows * c));
}

// With one thread the rate is per second of processor time, which others on the machine disturb less.
void add(const std::string& name, const std::function<void(State&, int)>& function) {
  for (const int threads : {1, 2}) {
    auto* bench = benchmark::RegisterBenchmark((name + "/t" + std::to_string(threads)).c_str(),
                                               [=](State& state) { function(state, threads); });
    bench->Unit(benchmark::kMicrosecond);
    if (threads > 1) {
      bench->UseRealTime();
    }
  }
}

void add_conv(const std::string& name, const kernels::ConvShape& s) {
  // `letter` is copied for clang 14, whose lambdas capture no structured bindings; so are others below.
  for (const auto& [pass, bound] : {std::pair{"forward", 'f'}, {"dgrad", 'd'}, {"wgrad", 'w'}}) {
    const char letter = bound;
    add("conv/" + name + "/" + pass, [=](State& state, int threads) { conv(state, threads, letter, s); });
  }
}

void add_all() {
  add("peak/fma", peak_fma);
  add("peak/copy", peak_copy);

  for (const NamedConv& layer : conv_shapes()) {
    add_conv(layer.name, layer.shape);
  }

  // What is bound by memory, on the output of the stem at batch 8 (20 MB) and on a late layer (0.6 MB).
  for (const auto& [name, bound] : {std::pair{"batch_norm.statistics", Op::statistics},
                                    {"batch_norm.apply", Op::apply},
                                    {"batch_norm.backward", Op::backward},
                                    {"relu", Op::relu},
                                    {"add", Op::add},
                                    {"gate", Op::gate},
                                    {"global_average", Op::global_average},
                                    {"dropout", Op::dropout},
                                    {"sigmoid", Op::sigmoid},
                                    {"adam", Op::adam}}) {
    const Op op = bound;
    add(std::string(name) + "/158464x32",
        [=](State& state, int threads) { memory_bound(state, threads, op, 158464, 32); });
    add(std::string(name) + "/624x256",
        [=](State& state, int threads) { memory_bound(state, threads, op, 624, 256); });
  }
}

}  // namespace
}  // namespace sec

int main(int argc, char** argv) {
  try {
    std::string device = "cpu";
    benchmark::Initialize(&argc, argv);  // takes its own options out
    if (argc == 3 && std::string_view(argv[1]) == "--device") {
      device = argv[2];
      argc = 1;
    }
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
      return 2;
    }
    if (device == "cpu") {
      benchmark::AddCustomContext("instruction set", std::string(sec::kernels::cpu::isa_in_use()));
      sec::add_all();
    } else if (device == "cuda") {
      sec::add_cuda_benchmarks();
    } else {
      fmt::print(stderr, "bench_kernels: --device {}: expected cpu or cuda\n", device);
      return 2;
    }
    benchmark::RunSpecifiedBenchmarks();
    return 0;
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_kernels: {}\n", error.what());
    return 1;
  }
}
