// conv(dropout(relu(batch_norm(x)))) as one operation. A convolution of groups of layers that are alike is,
// both ways, one launch of conv_tensor.cu or conv_blocked.cu, which activate x on its way in and take sums of
// what they store; the small kernels around it are here:
//   draw_kept       forward, where there is dropout: a bit for each element
//   merge_tiles     forward: mean and variance of y from those of the convolution's tiles
//   add_squeeze     forward: means over samples of several tiles
//   add_tiles       backward: batch norm's two sums from those of the tiles, and its weights' gradients
//   input_gradient  backward: gx = scale * (g - offset) - slope * (x - mean), where dgrad left g in gx; plus
//                   another gradient of x where there is one
// Bytes, for x and y of equal size n: forward reads n and writes n, and 1/32 n bits twice; backward reads gy,
// x and writes g in dgrad, reads g and x and writes gx, reads x and gy in wgrad: 8 n.
#include <array>

#include "engine/philox.h"
#include "kernels/cuda/conv.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

struct Draw {
  RandomKey key;
  float p;
  std::int64_t words;
  unsigned* kept;  // (words): bit e of word w says whether element 32 w + e is kept
};

struct Merge {
  Columns tiles;
  const float* sums;    // (tiles, 2, C): means, sums of squared deviations
  const float* counts;  // (tiles)
  float* mean;          // (C)
  float* variance;      // (C)
};

struct Squeeze {
  std::int64_t n;
  int tiles, c;  // tiles of a sample
  float positions;
  const float* parts;  // (N, tiles, C)
  void* means;         // (N, C)
};

struct NormGradient {
  Columns tiles, columns;
  Activation before;
  float rows;
  const float* sums;  // (tiles, 2, C): of g, of g * (x - mean)
  float* ggamma;      // (C)
  float* gbeta;       // (C)
  float* affine;      // (3, C): scale, offset, slope
  const void* x;      // (rows, C)
  const void* also;   // (rows, C): added to gx; or null
  void* gx;           // (rows, C): g, to become gx
};

__global__ void __launch_bounds__(threads) draw_kept(LaunchBatch<Draw> group) {
  const Draw& draw = group.problem[blockIdx.z];
  const std::int64_t word = first_element(1);
  if (word >= draw.words) {
    return;
  }
  unsigned bits = 0;
#pragma unroll
  for (int four = 0; four < 8; ++four) {
    const PhiloxBlock block = random_block(draw.key, static_cast<std::uint64_t>(8 * word + four));
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      bits |= (to_unit(block.word[i]) < draw.p ? 0U : 1U) << (4 * four + i);
    }
  }
  draw.kept[word] = bits;
}

__global__ void __launch_bounds__(column_threads) merge_tiles(LaunchBatch<Merge> group) {
  const Merge& merging = group.problem[blockIdx.z];
  const int c = merging.tiles.c;
  const ColumnTask task = column_task(merging.tiles, 1);
  Moments moments[1] = {};
  if (task.inside) {
    for (std::int64_t tile = task.begin; tile < task.end; tile += blockDim.y) {
      const float* const sums = merging.sums + tile * 2 * c + task.column;
      moments[0] = merge(moments[0], {merging.counts[tile], sums[0], sums[c]});
    }
  }
  merge_down(moments);
  if (task.inside && threadIdx.y == 0) {
    merging.mean[task.column] = moments[0].mean;
    merging.variance[task.column] = moments[0].squares / moments[0].count;
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) add_squeeze(LaunchBatch<Squeeze> group) {
  const Squeeze& squeeze = group.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  if (index >= squeeze.n * squeeze.c) {
    return;
  }
  const float* const parts =
      squeeze.parts + index / squeeze.c * squeeze.tiles * squeeze.c + index % squeeze.c;
  float sum = 0.0F;
  for (int tile = 0; tile < squeeze.tiles; ++tile) {
    sum += parts[std::int64_t{tile} * squeeze.c];
  }
  store(static_cast<T*>(squeeze.means) + index, sum / squeeze.positions);
}

// With z = (x - mean) * r and r = 1 / sqrt(variance + epsilon):
//   gx = gamma * r * (g - mean(g) - z * mean(g * z)) = scale * (g - offset) - slope * (x - mean)
__global__ void __launch_bounds__(column_threads) add_tiles(LaunchBatch<NormGradient> group) {
  const NormGradient& norm = group.problem[blockIdx.z];
  const int c = norm.tiles.c;
  const ColumnTask task = column_task(norm.tiles, 1);
  float sum[2] = {};
  if (task.inside) {
    for (std::int64_t tile = task.begin; tile < task.end; tile += blockDim.y) {
      const float* const sums = norm.sums + tile * 2 * c + task.column;
      sum[0] += sums[0];
      sum[1] += sums[c];
    }
  }
  add_down(sum);
  if (task.inside && threadIdx.y == 0) {
    const float r = 1.0F / sqrtf(norm.before.variance[task.column] + norm.before.epsilon);
    const float scale = norm.before.gamma[task.column] * r;
    norm.gbeta[task.column] += sum[0];
    norm.ggamma[task.column] += sum[1] * r;
    norm.affine[task.column] = scale;
    norm.affine[c + task.column] = sum[0] / norm.rows;
    norm.affine[2 * c + task.column] = scale * (r * r) * (sum[1] / norm.rows);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads) input_gradient(LaunchBatch<NormGradient> group) {
  const NormGradient& norm = group.problem[blockIdx.z];
  const Columns& columns = norm.columns;
  const ColumnTask task = column_task(columns, width);
  if (!task.inside || task.segment > 0) {  // other problems of the group have more chunks
    return;
  }
  float centre[width], scale[width], offset[width], slope[width];
#pragma unroll
  for (int i = 0; i < width; ++i) {
    centre[i] = norm.before.mean[task.column + i];
    scale[i] = norm.affine[task.column + i];
    offset[i] = norm.affine[columns.c + task.column + i];
    slope[i] = norm.affine[2 * columns.c + task.column + i];
  }
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width], gradient[width];
    load(static_cast<const T*>(norm.x) + row * columns.c + task.column, value);
    load(static_cast<T*>(norm.gx) + row * columns.c + task.column, gradient);
#pragma unroll
    for (int i = 0; i < width; ++i) {
      gradient[i] = scale[i] * (gradient[i] - offset[i]) - slope[i] * (value[i] - centre[i]);
    }
    if (norm.also != nullptr) {
      load(static_cast<const T*>(norm.also) + row * columns.c + task.column, value);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        gradient[i] += value[i];
      }
    }
    store(static_cast<T*>(norm.gx) + row * columns.c + task.column, gradient);
  }
}

// ---- operands ----

void check_channels(const ConvShape& s) {
  require(s.c_in % 16 == 0 && s.c_out % 16 == 0,
          "pre_activation: expected channels in multiples of 16, got {} and {}", s.c_in, s.c_out);
}

// Without the bits of dropout.
Activation activation_of(const PreActivation& before, std::int64_t c) {
  require(before.p >= 0 && before.p < 1, "pre_activation: expected a probability in [0, 1), got {}",
          before.p);
  return {.mean = elements<float>(before.mean, c, "pre_activation: mean"),
          .variance = elements<float>(before.variance, c, "pre_activation: variance"),
          .gamma = elements<float>(before.gamma, c, "pre_activation: gamma"),
          .beta = elements<float>(before.beta, c, "pre_activation: beta"),
          .kept = nullptr,
          .epsilon = before.epsilon,
          .keep = 1.0F / (1.0F - before.p)};
}

// Floats (or words) of one allocation, dealt out before it is made; all begin aligned.
struct Plan {
  std::int64_t floats = 0;
  std::int64_t reserve(std::int64_t count) {
    const std::int64_t first = floats;
    floats += ceil_div(count, 4) * 4;
    return first;
  }
};

Columns rows_of_tiles(std::int64_t tiles, std::int64_t c) {
  return {tiles, to_int(c, "pre_activation"), 1, tiles};
}

// ---- groups ----

bool on_tensor_cores(const Stream& stream, DType type) {
  return type == DType::bf16 || stream.tf32;
}

// What decides which kernels a layer takes: layers that are launched together have it in common, so that each
// has the bits that it has alone.
struct LaunchKey {
  std::int64_t c_in, c_out, residues;
  DType type;
  bool forward_tensor, dgrad_tensor, wgrad_tensor;
  int columns;  // of the tiles, forward or dgrad
  bool operator==(const LaunchKey&) const = default;
};

ConvTiles chosen_tiles(ConvPass pass, const ConvShape& shape, DType type, bool tensor) {
  return tiles_for(conv_task(pass, arithmetic_of(type, tensor), shape));
}

LaunchKey key_of(const Stream& stream, const PreActivationForward& problem) {
  check_channels(problem.shape);
  Correlation forward = forward_job(problem.shape);
  forward.in = problem.x.data;
  forward.out = problem.y.data;
  const bool tensor = on_tensor_cores(stream, problem.y.type) && tensor_supports(forward, problem.y.type);
  const int columns = chosen_tiles(ConvPass::forward, problem.shape, problem.y.type, tensor).columns;
  return {problem.shape.c_in, problem.shape.c_out, 1, problem.y.type, tensor, false, false, columns};
}

LaunchKey key_of(const Stream& stream, const PreActivationBackward& problem) {
  const ConvShape& s = problem.shape;
  check_channels(s);
  const std::int64_t residues = min(s.stride, s.l);
  const bool wanted = on_tensor_cores(stream, problem.gx.type);
  bool dgrad = wanted && aligned(problem.x.data);
  for (int residue = 0; residue < residues; ++residue) {
    Correlation one = dgrad_job(s, residue);
    one.in = problem.gy.data;
    one.out = problem.gx.data;
    dgrad = dgrad && tensor_supports(one, problem.gx.type);
  }
  WeightGradient weights = wgrad_job(s);
  weights.x = problem.x.data;
  weights.gy = problem.gy.data;
  const bool wgrad = wanted && wgrad_tensor_supports(weights, problem.gx.type);
  const int columns = chosen_tiles(ConvPass::dgrad, s, problem.gx.type, dgrad).columns;
  return {s.c_in, s.c_out, residues, problem.gx.type, false, dgrad, wgrad, columns};
}

// run(key, problems) for stretches of problems of one key, as many as a launch takes residues of.
template <typename Problem, typename Run>
void each_stretch(const Stream& stream, std::span<const Problem> group, const Run& run) {
  for_each_launch(
      group, [&](const Problem& problem) { return key_of(stream, problem); },
      [](const LaunchKey& key) { return max_problems / max(key.residues, std::int64_t{1}); }, run);
}

void correlate(Stream& stream, bool tensor, const Correlations& group) {
  tensor ? correlate_tensor(stream, group) : correlate_blocked(stream, group);
}

// ---- forward ----

void forward_alike(Stream& stream, const LaunchKey& key, std::span<const PreActivationForward> problems) {
  struct ScratchOffsets {
    std::int64_t kept, sums, counts, parts;
  };
  std::array<ScratchOffsets, max_problems> offsets{};
  std::array<Tiles, max_problems> tiles{};
  Correlations group;
  group.type = key.type;
  group.fused = true;
  Plan plan;
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const ConvShape& s = problems[j].shape;
    group.problem[j] = forward_job(s);
    group.problem[j].tiles = chosen_tiles(ConvPass::forward, s, key.type, key.forward_tensor);
    tiles[j] = key.forward_tensor ? tensor_tiles(group.problem[j], key.type, false)
                                  : blocked_tiles(group.problem[j]);
    const std::int64_t words = ceil_div(s.n * s.l * s.h * s.c_in, 32);
    offsets[j] = {plan.reserve(problems[j].before.p > 0 && problems[j].passed.empty() ? words : 0),
                  plan.reserve(problems[j].mean.empty() ? 0 : tiles[j].count * 2 * s.c_out),
                  plan.reserve(problems[j].mean.empty() ? 0 : tiles[j].count),
                  plan.reserve(tiles[j].in_sample > 1 && !problems[j].squeeze.empty()
                                   ? s.n * tiles[j].in_sample * s.c_out
                                   : 0)};
  }
  const Scratch scratch(stream, plan.floats * 4);
  LaunchBatch<Draw> draws;
  LaunchBatch<Merge> merges;
  LaunchBatch<Squeeze> squeezes;
  std::int64_t most_words = 0;
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const PreActivationForward& problem = problems[j];
    const ConvShape& s = problem.shape;
    const std::int64_t count = s.n * s.l * s.h * s.c_in;
    const std::int64_t positions = s.l_out() * s.h;
    Correlation& one = group.problem[j];
    one.in = checked(problem.x, key.type, count, "pre_activation.forward: x");
    one.out = checked(problem.y, key.type, s.n * positions * s.c_out, "pre_activation.forward: y");
    one.w = elements<float>(problem.w, s.k * s.c_in * s.c_out, "pre_activation.forward: w");
    one.bias = elements_or_null<float>(problem.bias, s.c_out, "pre_activation.forward: bias");
    Fusion& fusion = group.fusion[j];
    fusion = {};
    fusion.before = activation_of(problem.before, s.c_in);
    if (!problem.passed.empty()) {
      elements<std::int32_t>(problem.passed, ceil_div(count, 32), "pre_activation.forward: passed");
    }
    if (problem.before.p > 0) {
      auto* const kept = problem.passed.empty() ? scratch.data<unsigned>() + offsets[j].kept
                                                : static_cast<unsigned*>(problem.passed.data);
      draws.add({problem.before.key, problem.before.p, ceil_div(count, 32), kept});
      most_words = max(most_words, ceil_div(count, 32));
      fusion.before.kept = reinterpret_cast<const unsigned char*>(kept);
    }
    if (!problem.mean.empty()) {
      require(s.n * positions > 0, "pre_activation: no positions to take statistics of");
      fusion.sums = scratch.data() + offsets[j].sums;
      fusion.counts = scratch.data() + offsets[j].counts;
      merges.add({rows_of_tiles(tiles[j].count, s.c_out), fusion.sums, fusion.counts,
                  elements<float>(problem.mean, s.c_out, "pre_activation: mean of y"),
                  elements<float>(problem.variance, s.c_out, "pre_activation: variance of y")});
    }
    if (!problem.squeeze.empty() && tiles[j].in_sample > 0) {
      fusion.squeeze = checked(problem.squeeze, key.type, s.n * s.c_out, "pre_activation: squeeze");
      if (tiles[j].in_sample > 1) {
        fusion.squeeze_parts = scratch.data() + offsets[j].parts;
        squeezes.add({s.n, tiles[j].in_sample, to_int(s.c_out, "pre_activation"),
                      static_cast<float>(positions), fusion.squeeze_parts, fusion.squeeze});
      }
    }
  }
  group.problems = static_cast<int>(problems.size());
  if (group.most_rows() == 0) {
    return;
  }
  if (draws.problems > 0) {
    launch<draw_kept>(stream, dim3(blocks_for(most_words, threads), 1, static_cast<unsigned>(draws.problems)),
                      dim3(threads), 0, draws);
  }
  correlate(stream, key.forward_tensor, group);
  if (merges.problems > 0) {
    dim3 grid = column_grid(merges.problem[0].tiles, 1, 1);
    grid.z = static_cast<unsigned>(merges.problems);
    launch<merge_tiles>(stream, grid, column_block(merges.problem[0].tiles.c, 1), 0, merges);
  }
  std::int64_t most_means = 0;
  for (int j = 0; j < squeezes.problems; ++j) {
    most_means = max(most_means, squeezes.problem[j].n * squeezes.problem[j].c);
  }
  if (squeezes.problems > 0) {
    by_type(key.type, "pre_activation", [&](auto zero) {
      launch<add_squeeze<decltype(zero)>>(
          stream, dim3(blocks_for(most_means, threads), 1, static_cast<unsigned>(squeezes.problems)),
          dim3(threads), 0, squeezes);
    });
  }
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const ConvShape& s = problems[j].shape;
    if (!problems[j].squeeze.empty() && tiles[j].in_sample == 0) {
      global_average(stream, {s.n, s.l_out() * s.h, s.c_out}, problems[j].y, problems[j].squeeze);
    }
  }
}

void forward_group(Stream& stream, std::span<const PreActivationForward> group) {
  each_stretch(stream, group, [&](const LaunchKey& key, std::span<const PreActivationForward> problems) {
    forward_alike(stream, key, problems);
  });
}

// ---- backward ----

// g, and from its sums gx.
void input_gradients(Stream& stream, const LaunchKey& key, std::span<const PreActivationBackward> problems,
                     const Activation* before) {
  struct ScratchOffsets {
    std::int64_t sums, affine;
  };
  std::array<ScratchOffsets, max_problems> offsets{};
  std::array<std::int64_t, max_problems> all_tiles{};
  Plan plan;
  const auto job_of = [&](const ConvShape& s, int residue) {
    Correlation one = dgrad_job(s, residue);
    one.tiles = chosen_tiles(ConvPass::dgrad, s, key.type, key.dgrad_tensor);
    return one;
  };
  const auto tiles_of = [&](const Correlation& one) {
    return one.rows() == 0    ? 0
           : key.dgrad_tensor ? tensor_tiles(one, key.type, true).count
                              : blocked_tiles(one).count;
  };
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const ConvShape& s = problems[j].shape;
    for (int residue = 0; residue < key.residues; ++residue) {
      all_tiles[j] += tiles_of(job_of(s, residue));
    }
    offsets[j] = {plan.reserve(all_tiles[j] * 2 * s.c_in), plan.reserve(3 * s.c_in)};
  }
  const Scratch scratch(stream, plan.floats * 4);
  Correlations group;
  group.type = key.type;
  group.fused = true;
  group.transposed = true;
  LaunchBatch<NormGradient> norms;
  bool all_aligned = true;
  std::int64_t most_chunks = 0;
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const PreActivationBackward& problem = problems[j];
    const ConvShape& s = problem.shape;
    const std::int64_t rows = s.n * s.l * s.h;
    const void* const x = checked(problem.x, key.type, rows * s.c_in, "pre_activation.backward: x");
    const void* const also = problem.also.empty() ? nullptr
                                                  : checked(problem.also, key.type, rows * s.c_in,
                                                            "pre_activation.backward: also");
    void* const gx = checked(problem.gx, key.type, rows * s.c_in, "pre_activation.backward: gx");
    float* sums = scratch.data() + offsets[j].sums;
    // Rows are in the network's vectors whether or not they lie aligned: widths change no bits.
    const Columns columns = cut_rows(rows, s.c_in, key.type == DType::bf16 ? 8 : 4, "pre_activation");
    most_chunks = max(most_chunks, columns.chunks);
    all_aligned = all_aligned && aligned(x, also, gx);
    norms.add({rows_of_tiles(all_tiles[j], s.c_in), columns, before[j], static_cast<float>(rows), sums,
               elements<float>(problem.ggamma, s.c_in, "pre_activation.backward: ggamma"),
               elements<float>(problem.gbeta, s.c_in, "pre_activation.backward: gbeta"),
               scratch.data() + offsets[j].affine, x, also, gx});
    for (int residue = 0; residue < key.residues; ++residue) {
      Correlation one = job_of(s, residue);
      if (one.rows() == 0) {
        continue;
      }
      one.in = checked(problem.gy, key.type, s.n * s.l_out() * s.h * s.c_out, "pre_activation.backward: gy");
      one.out = gx;
      one.w = elements<float>(problem.w, s.k * s.c_in * s.c_out, "pre_activation.backward: w");
      Fusion& fusion = group.fusion[group.problems];
      fusion = {};
      fusion.before = before[j];
      fusion.x = x;
      fusion.sums = sums;
      sums += tiles_of(one) * 2 * s.c_in;
      group.problem[group.problems++] = one;
      if (group.problems == max_problems) {
        correlate(stream, key.dgrad_tensor, group);
        group.problems = 0;
      }
    }
  }
  if (group.problems > 0) {
    correlate(stream, key.dgrad_tensor, group);
  }
  const auto depth = static_cast<unsigned>(norms.problems);
  dim3 grid = column_grid(norms.problem[0].tiles, 1, 1);
  grid.z = depth;
  launch<add_tiles>(stream, grid, column_block(norms.problem[0].tiles.c, 1), 0, norms);
  by_type(key.type, "pre_activation.backward", [&](auto zero) {
    using T = decltype(zero);
    by_width<T>(all_aligned, [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const dim3 block = column_block(norms.problem[0].columns.c, width);
      launch<input_gradient<T, width>>(
          stream,
          dim3(blocks_for(most_chunks, 1), blocks_for(key.c_in, std::int64_t{block.x} * width), depth), block,
          0, norms);
    });
  });
}

void weight_gradients(Stream& stream, const LaunchKey& key, std::span<const PreActivationBackward> problems,
                      const Activation* before) {
  WeightGradients group;
  group.type = key.type;
  group.activated = true;
  for (const PreActivationBackward& problem : problems) {
    const ConvShape& s = problem.shape;
    group.before[group.problems] = before[group.problems];
    WeightGradient& one = group.problem[group.problems++];
    one = wgrad_job(s);
    one.tiles = chosen_tiles(ConvPass::wgrad, s, key.type, key.wgrad_tensor);
    one.x = problem.x.data;
    one.gy = problem.gy.data;
    one.gw = elements<float>(problem.gw, s.k * s.c_in * s.c_out, "pre_activation.backward: gw");
    if (float* const gbias =
            elements_or_null<float>(problem.gbias, s.c_out, "pre_activation.backward: gbias")) {
      add_bias_gradient(stream, one.rows(), s.c_out, problem.gy, gbias);
    }
  }
  sum_weight_gradients(stream, key.wgrad_tensor ? 4 : 3, group);
}

void backward_group(Stream& stream, std::span<const PreActivationBackward> group) {
  each_stretch(stream, group, [&](const LaunchKey& key, std::span<const PreActivationBackward> problems) {
    std::array<Activation, max_problems> before{};
    for (std::size_t j = 0; j < problems.size(); ++j) {
      const ConvShape& s = problems[j].shape;
      require(s.n * s.l * s.h > 0, "pre_activation.backward: no positions");
      before[j] = activation_of(problems[j].before, s.c_in);
      const auto* const kept = elements<std::int32_t>(
          problems[j].passed, ceil_div(s.n * s.l * s.h * s.c_in, 32), "pre_activation.backward: passed");
      before[j].kept = problems[j].before.p > 0 ? reinterpret_cast<const unsigned char*>(kept) : nullptr;
    }
    input_gradients(stream, key, problems, before.data());
    weight_gradients(stream, key, problems, before.data());
  });
}

// Weights are read as they lie.
std::int64_t prepared_size(const ConvShape& shape) {
  check_channels(shape);
  return 0;
}

void prepare(Stream&, const ConvShape&, ConstSpan, Span) {
  fail("pre_activation.prepare: this device reads weights as they are");
}

}  // namespace

PreActivationKernels pre_activation_kernels() {
  return {forward_group, backward_group, prepared_size, prepare};
}

}  // namespace sec::kernels::SEC_BACKEND
