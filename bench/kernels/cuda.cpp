// Measures the cuda device's kernels at the network's shapes:
// each version of the convolution, beside cuDNN (with the algorithm that it measures as fastest) and cuBLAS.
// Times are GPU times between two events around one call.
// Before each call a buffer larger than the L2 cache is overwritten:
// operands then come from memory, as they mostly do in a training step.
// While the buffer is overwritten, the host enqueues the call:
// a call of several kernels then shows no gaps caused by the host.
//
// floors.h documents what is counted, rows.h how rows are named. `who` is a library (cudnn, cublas;
// cudnn_fused_f16: cuDNN's own fused passes, in f16 because it has no others), "ours"
// (the kernel table's choice), or v1 to v5 (a version in kernels/cuda/conv_versions.h).
// f32 is f32 throughout; in tf32 both sides may round operands to TF32.
// Ceilings: the row's arithmetic, and a copy beyond the L2 cache.
#include "bench/kernels/cuda.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <cstdio>
#include <functional>

#include "bench/ceilings/cuda_ceiling.h"
#include "bench/kernels/conv_shapes.h"
#include "bench/kernels/floors.h"
#include "bench/kernels/fused.h"
#include "bench/kernels/rows.h"
#include "engine/stream.h"
#include "kernels/cuda/conv_versions.h"
#include "kernels/device_tables.h"

namespace sec {
namespace {

using benchmark::State;

constexpr std::int64_t flushed_bytes = 256 << 20;  // larger than any GPU's L2 cache

Device device = Device::cuda;  // a device: cuda, or simt to rehearse the benchmarks

struct Arithmetic {
  const char* name;
  DType type;
  bool tf32;
};
constexpr Arithmetic arithmetics[] = {
    {"f32", DType::f32, false}, {"tf32", DType::f32, true}, {"bf16", DType::bf16, false}};

double bytes_of(DType type) {
  return type == DType::bf16 ? 2 : 4;
}

Tensor noise(Stream& stream, std::int64_t count, DType type) {
  Tensor t = Tensor::empty({count}, DType::f32, device);
  kernels::table(device).pointwise.fill_uniform(stream, {1, 2, 3}, 0.5F, 1, t.write());
  if (type == DType::f32) {
    return t;
  }
  Tensor rounded = Tensor::empty({count}, type, device);
  kernels::table(device).pointwise.cast(stream, t.read(), rounded.write());
  return rounded;
}

// Times `call` with cold caches. The first call is not timed: it allocates memory and makes plans.
// simt's times say nothing about a GPU, so simt's rows have no rates and simt's caches are not flushed.
void time(State& state, Stream& stream, DType type, const Floor& floor, const std::function<void()>& call) {
  const bool on_gpu = device == Device::cuda;
  Tensor flushed = Tensor::empty({on_gpu ? flushed_bytes / 4 : 0}, DType::f32, device);
  Event begin(device);
  Event end(device);
  call();
  for (auto _ : state) {
    if (on_gpu) {
      zero_bytes(stream, flushed.write().data, flushed_bytes);
    }
    begin.record(stream);
    call();
    end.record(stream);
    state.SetIterationTime(Event::seconds_between(begin, end));
  }
  if (on_gpu) {
    set_row(state, floor, cuda_ceiling(stream, type));
  }
}

const kernels::ConvVersions& conv_versions() {
  return device == Device::cuda ? kernels::cuda::conv_versions() : kernels::simt::conv_versions();
}

void add(const std::string& name, bool tf32, const std::function<void(State&, Stream&)>& function) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [=](State& state) {
                                 OwnedStream stream(device);
                                 stream.get().tf32 = tf32;
                                 try {
                                   function(state, stream);
                                 } catch (const Error& error) {
                                   state.SkipWithError(error.what());
                                 }
                                 synchronize(stream);
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMicrosecond);
}

// Adds the three passes of a convolution. `version` 0 means the kernel table's choice.
void add_conv(const NamedConv& layer, const Arithmetic& arithmetic, const std::string& who,
              const kernels::Table* table, int version) {
  const kernels::ConvShape s = layer.shape;
  const DType type = arithmetic.type;
  for (const auto& [name, bound] : {std::pair{"forward", kernels::ConvPass::forward},
                                    {"dgrad", kernels::ConvPass::dgrad},
                                    {"wgrad", kernels::ConvPass::wgrad}}) {
    const kernels::ConvPass pass = bound;
    if (version > 0 && !conv_versions().supports(version, pass, s, type)) {
      continue;
    }
    add(fmt::format("conv/{}/{}/{}/{}", layer.name, name, arithmetic.name, who), arithmetic.tf32,
        [=](State& state, Stream& stream) {
          Tensor x = noise(stream, s.n * s.l * s.h * s.c_in, type);
          Tensor y = noise(stream, s.n * s.l_out() * s.h * s.c_out, type);
          Tensor w = noise(stream, s.k * s.c_in * s.c_out, DType::f32);
          const kernels::ConvVersions& versions = conv_versions();
          time(state, stream, type, conv_floor(pass, s, bytes_of(type)), [&] {
            if (pass == kernels::ConvPass::forward) {
              const kernels::ConvForward problem{s, x.read(), w.read(), {}, y.write()};
              table != nullptr ? table->conv.forward(stream, s, problem.x, problem.w, {}, problem.y)
                               : versions.forward(stream, version, {&problem, 1});
            } else if (pass == kernels::ConvPass::dgrad) {
              const kernels::ConvDgrad problem{s, y.read(), w.read(), x.write()};
              table != nullptr ? table->conv.dgrad(stream, s, problem.gy, problem.w, problem.gx)
                               : versions.dgrad(stream, version, {&problem, 1});
            } else {
              const kernels::ConvWgrad problem{s, x.read(), y.read(), w.write(), {}};
              table != nullptr ? table->conv.wgrad(stream, s, problem.x, problem.gy, problem.gw, {})
                               : versions.wgrad(stream, version, {&problem, 1});
            }
          });
        });
  }
}

void add_batch_norm(const Arithmetic& arithmetic, const std::string& who, const kernels::Table* table,
                    const kernels::BatchNormShape& s) {
  const DType type = arithmetic.type;
  for (const std::string pass : {"statistics", "apply", "backward"}) {
    add(fmt::format("batch_norm/{}x{}/{}/{}/{}", s.rows, s.c, pass, arithmetic.name, who), false,
        [=](State& state, Stream& stream) {
          Tensor x = noise(stream, s.rows * s.c, type);
          Tensor y = noise(stream, s.rows * s.c, type);
          Tensor z = noise(stream, s.rows * s.c, type);
          Tensor a = noise(stream, s.c, DType::f32);
          Tensor b = noise(stream, s.c, DType::f32);
          Tensor c = noise(stream, s.c, DType::f32);
          Tensor d = noise(stream, s.c, DType::f32);
          const kernels::BatchNormKernels& k = table->batch_norm;
          const PerElement floor = pass == "statistics" ? statistics_floor
                                   : pass == "apply"    ? apply_floor
                                                        : backward_floor;
          time(state, stream, type, floor.times(static_cast<double>(s.rows * s.c), bytes_of(type)), [&] {
            if (pass == "statistics") {
              k.statistics(stream, s, x.read(), a.write(), b.write());
            } else if (pass == "apply") {
              k.apply(stream, s, 1e-5F, x.read(), a.read(), b.read(), c.read(), d.read(), y.write());
            } else {
              k.backward(stream, s, 1e-5F, x.read(), y.read(), a.read(), b.read(), a.read(), z.write(),
                         c.write(), d.write());
            }
          });
        });
  }
}

void add_global_average(const Arithmetic& arithmetic, const std::string& who, const kernels::Table* table,
                        const kernels::GlobalPoolShape& s) {
  add(fmt::format("global_average/{}x{}x{}/forward/{}/{}", s.n, s.positions, s.c, arithmetic.name, who),
      false, [=](State& state, Stream& stream) {
        Tensor x = noise(stream, s.n * s.positions * s.c, arithmetic.type);
        Tensor y = noise(stream, s.n * s.c, arithmetic.type);
        const auto elements = static_cast<double>(x.count());
        time(state, stream, arithmetic.type, average_floor.times(elements, bytes_of(arithmetic.type)),
             [&] { table->pool.global_average(stream, s, x.read(), y.write()); });
      });
}

void add_linear(const Arithmetic& arithmetic, const std::string& who, const kernels::Table* table,
                const kernels::LinearShape& s) {
  const DType type = arithmetic.type;
  for (const std::string pass : {"forward", "dgrad", "wgrad"}) {
    add(fmt::format("linear/{}x{}-{}/{}/{}/{}", s.n, s.in, s.out, pass, arithmetic.name, who), false,
        [=](State& state, Stream& stream) {
          Tensor x = noise(stream, s.n * s.in, type);
          Tensor y = noise(stream, s.n * s.out, type);
          Tensor w = noise(stream, s.in * s.out, DType::f32);
          // A linear layer is a convolution of one sample in which every row is a time step.
          const kernels::ConvPass as = pass == "forward" ? kernels::ConvPass::forward
                                       : pass == "dgrad" ? kernels::ConvPass::dgrad
                                                         : kernels::ConvPass::wgrad;
          const kernels::ConvShape rows{.n = 1, .l = s.n, .h = 1, .c_in = s.in, .c_out = s.out, .k = 1};
          time(state, stream, type, conv_floor(as, rows, bytes_of(type)), [&] {
            if (pass == "forward") {
              table->linear.forward(stream, s, x.read(), w.read(), {}, y.write());
            } else if (pass == "dgrad") {
              table->linear.dgrad(stream, s, y.read(), w.read(), x.write());
            } else {
              table->linear.wgrad(stream, s, x.read(), y.read(), w.write(), {});
            }
          });
        });
  }
}

// Adds batch norm, ReLU, dropout and the convolution that follows them.
// If `fused`, they are one kernel launch, else separate operations of the table.
void add_fused(const NamedConv& layer, const Arithmetic& arithmetic, const std::string& who,
               const kernels::Table* table, bool fused) {
  const kernels::ConvShape s = layer.shape;
  for (const bool forward : {true, false}) {
    add(fmt::format("pre_activation/{}/{}/{}/{}", layer.name, forward ? "forward" : "backward",
                    arithmetic.name, who),
        arithmetic.tf32, [=, type = arithmetic.type](State& state, Stream& stream) {
          FusedConv conv(stream, s, type);
          const bool normalised = who == "cudnn";
          const auto run_forward = [&] {
            fused ? conv.forward(stream, *table) : conv.forward_unfused(stream, *table, normalised);
          };
          if (forward) {
            time(state, stream, type, conv.forward_floor(), run_forward);
            return;
          }
          run_forward();
          time(state, stream, type, conv.backward_floor(),
               [&] { fused ? conv.backward(stream, *table) : conv.backward_unfused(stream, *table); });
        });
  }
}

// Adds cuDNN's own fused passes. They are in f16, and are beside our rows and cuDNN's unfused ones in bf16:
// elements have the same size. fused_pass/ compares each with the same work by cuDNN's unfused operations.
// A pass for which cuDNN has no engine is an error of the row, which reports leave out as not measured.
void add_fused_by_cudnn(const NamedConv& layer, const kernels::Table* theirs) {
  using kernels::peers::CudnnFusedPass;
  using kernels::peers::FusedPass;
  constexpr const char* who = "cudnn_fused_f16";
  const kernels::ConvShape s = layer.shape;
  for (const auto& [name, bound] :
       {std::pair{"forward", FusedPass::forward}, {"dgrad", FusedPass::dgrad}, {"wgrad", FusedPass::wgrad}}) {
    const FusedPass pass = bound;
    const std::string row = fmt::format("fused_pass/{}/{}/bf16/", layer.name, name);
    add(row + who, false, [=](State& state, Stream& stream) {
      const Floor floor = FusedConv(stream, s, DType::bf16).pass_floor(pass);
      CudnnFusedPass fused(stream, pass, s);
      time(state, stream, DType::bf16, floor, [&] { fused.run(stream); });
    });
    add(row + "cudnn", false, [=](State& state, Stream& stream) {
      FusedConv conv(stream, s, DType::bf16);
      time(state, stream, DType::bf16, conv.pass_floor(pass),
           [&] { conv.pass_unfused(stream, *theirs, pass); });
    });
  }
  add(fmt::format("pre_activation/{}/forward/bf16/{}", layer.name, who), false,
      [=](State& state, Stream& stream) {
        const Floor floor = FusedConv(stream, s, DType::bf16).forward_floor();
        CudnnFusedPass fused(stream, FusedPass::forward, s);
        time(state, stream, DType::bf16, floor, [&] { fused.run(stream); });
      });
  add(fmt::format("pre_activation/{}/backward/bf16/{}", layer.name, who), false,
      [=](State& state, Stream& stream) {
        const Floor floor = FusedConv(stream, s, DType::bf16).backward_floor();
        CudnnFusedPass dgrad(stream, FusedPass::dgrad, s);
        CudnnFusedPass apply(stream, FusedPass::apply, s);
        CudnnFusedPass wgrad(stream, FusedPass::wgrad, s);
        time(state, stream, DType::bf16, floor, [&] {
          dgrad.run(stream);
          apply.run(stream);
          wgrad.run(stream);
        });
      });
}

void add_all_fused(const kernels::Table* ours, const kernels::Table* theirs,
                   const std::vector<NamedConv>& layers) {
  if (ours->pre_activation.forward_group == nullptr) {
    fmt::print(stderr, "NOT MEASURED: pre_activation: device {} has no fused operations\n", name_of(device));
    return;
  }
  for (const Arithmetic& arithmetic : arithmetics) {
    for (const NamedConv& layer : layers) {
      if (!ours->pre_activation.supports(layer.shape.c_in, layer.shape.c_out)) {
        continue;  // the stem has no fused operations
      }
      add_fused(layer, arithmetic, "ours", ours, true);
      add_fused(layer, arithmetic, "separate", ours, false);
      if (theirs != nullptr) {
        add_fused(layer, arithmetic, "cudnn", theirs, false);
      }
      if (theirs != nullptr && arithmetic.type == DType::bf16) {
        add_fused_by_cudnn(layer, theirs);
      }
    }
  }
}

// The libraries' kernel table. If the libraries cannot be loaded, writes a line to stderr and returns null.
const kernels::Table* libraries() {
  try {
    kernels::peers::measure_algorithms();
    return &kernels::peers::table();
  } catch (const Error& error) {
    fmt::print(stderr, "NOT COMPARED with cuDNN and cuBLAS: {}\n", error.what());
    return nullptr;
  }
}

}  // namespace

void add_gpu_benchmarks(Device on) {
  device = on;
  const kernels::Table* const ours = &kernels::table(device);
  const kernels::Table* const theirs = device == Device::cuda ? libraries() : nullptr;
  const std::vector<NamedConv> layers = device == Device::cuda ? conv_shapes(64, 512) : conv_shapes(1, 2);
  if (device == Device::cuda) {
    benchmark::AddCustomContext("batches", "64, and 512 beats");
  }
  add_all_fused(ours, theirs, layers);
  for (const Arithmetic& arithmetic : arithmetics) {
    for (const NamedConv& layer : layers) {
      add_conv(layer, arithmetic, "ours", ours, 0);
      for (int version = arithmetic.tf32 ? 4 : 1; version <= kernels::ConvVersions::count; ++version) {
        if (arithmetic.type == DType::bf16 ||
            arithmetic.tf32 == (version >= 4)) {  // versions 4 and 5 round f32 operands to TF32
          add_conv(layer, arithmetic, fmt::format("v{}", version), nullptr, version);
        }
      }
      if (theirs != nullptr) {
        add_conv(layer, arithmetic, "cudnn", theirs, 0);
      }
    }
    if (arithmetic.tf32) {
      continue;  // only convolutions use TF32
    }
    for (const kernels::Table* const table : {ours, theirs}) {
      if (table == nullptr) {
        continue;
      }
      const std::string who = table == ours ? "ours" : "cudnn";
      for (const kernels::BatchNormShape& s : {kernels::BatchNormShape{158464, 32}, {624, 256}}) {
        add_batch_norm(arithmetic, who, table, s);
      }
      for (const kernels::GlobalPoolShape& s : {kernels::GlobalPoolShape{4, 9904, 32}, {4, 20, 256}}) {
        add_global_average(arithmetic, who, table, s);
      }
      for (const kernels::LinearShape& s : {kernels::LinearShape{64, 768, 34}, {64, 32, 2}, {64, 16, 256}}) {
        add_linear(arithmetic, table == ours ? "ours" : "cublas", table, s);
      }
    }
  }
}

}  // namespace sec
