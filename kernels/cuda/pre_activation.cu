// conv(dropout(relu(batch_norm(x)))) as one operation, forward and backward.
// Layers whose LaunchKeys match share one launch of the kernel in conv_tensor.cu or conv_blocked.cu.
// That kernel activates x before multiplying, and takes sums of its results before storing them.
// The small kernels around it are in this file:
//   dropout_draw_mask          forward, if p > 0: draws one bit per element of x
//   conv_merge_tile_moments    forward: mean and variance of y, from the moments of the convolution's tiles
//   squeeze_add_tiles          forward: means over a sample, for samples that span several tiles
//   pre_activation_grad_sums   backward: adds up batch norm's two sums over tiles, updates ggamma and gbeta
//   pre_activation_grad_input  backward: overwrites g, which dgrad left in gx, by batch norm's gradient gx;
//                              adds extra_gradient if there is one
// Memory traffic, if x and y have n bytes each:
//   forward   2 n: reads x and writes y; also writes and reads the mask
//   backward  8 n: dgrad reads gy and x, writes g; batch norm's gradient reads g and x, writes gx;
//             wgrad reads x and gy
#include <array>
#include <cmath>
#include <optional>
#include <vector>

#include "engine/philox.h"
#include "kernels/cuda/batch_norm_gradient.h"
#include "kernels/cuda/conv.h"
#include "kernels/cuda/moments.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

constexpr int threads = 256;

// ---- kernels ----

struct MaskDraw {
  RandomKey key;
  unsigned limit;  // to_unit(word) < p for words below it
  std::int64_t words;
  unsigned* mask;  // (words): bit e of word w is set if element 32 w + e is kept
};

struct TileMoments {
  Columns tiles;
  const float* sums;    // (tiles, 2, C): means, sums of squared deviations
  const float* counts;  // (tiles)
  float* mean;          // (C)
  float* variance;      // (C)
};

struct SqueezeParts {
  std::int64_t n;
  int tiles, c;  // tiles per sample
  float positions;
  const float* parts;  // (N, tiles, C)
  void* means;         // (N, C)
};

struct InputGradient {
  Columns tiles, columns;
  ActivationOperands before;
  float rows;
  const float* sums;           // (tiles, 2, C): sums of g and of g * (x - mean)
  float* ggamma;               // (C)
  float* gbeta;                // (C)
  float* coefficients;         // (3, C): scale, offset, slope
  const void* x;               // (rows, C)
  const void* extra_gradient;  // (rows, C): added to gx; or null
  void* gx;                    // (rows, C): holds g, is overwritten by gx
};

__global__ void __launch_bounds__(threads) dropout_draw_mask(LaunchBatch<MaskDraw> batch) {
  const MaskDraw& draw = batch.problem[blockIdx.z];
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
      bits |= block.word[i] < draw.limit ? 0U : 1U << (4 * four + i);
    }
  }
  draw.mask[word] = bits;
}

__global__ void __launch_bounds__(tall_threads) conv_merge_tile_moments(LaunchBatch<TileMoments> batch) {
  const TileMoments& s = batch.problem[blockIdx.z];
  const int c = s.tiles.c;
  const ColumnTask task = column_task(s.tiles, 1);
  Moments moments[1] = {};
  if (task.inside) {
#pragma unroll 4
    for (std::int64_t tile = task.begin; tile < task.end; tile += blockDim.y) {
      const float* const sums = s.sums + tile * 2 * c + task.column;
      moments[0] = merge(moments[0], {s.counts[tile], sums[0], sums[c]});
    }
  }
  merge_down<tall_threads>(moments);
  if (task.inside && threadIdx.y == 0) {
    s.mean[task.column] = moments[0].mean;
    s.variance[task.column] = moments[0].squares / moments[0].count;
  }
}

template <typename T>
__global__ void __launch_bounds__(threads) squeeze_add_tiles(LaunchBatch<SqueezeParts> batch) {
  const SqueezeParts& s = batch.problem[blockIdx.z];
  const std::int64_t index = first_element(1);
  if (index >= s.n * s.c) {
    return;
  }
  const float* const parts = s.parts + index / s.c * s.tiles * s.c + index % s.c;
  float sum = 0.0F;
  for (int tile = 0; tile < s.tiles; ++tile) {
    sum += parts[std::int64_t{tile} * s.c];
  }
  store(static_cast<T*>(s.means) + index, sum / s.positions);
}

__global__ void __launch_bounds__(tall_threads) pre_activation_grad_sums(LaunchBatch<InputGradient> batch) {
  const InputGradient& s = batch.problem[blockIdx.z];
  const int c = s.tiles.c;
  const ColumnTask task = column_task(s.tiles, 1);
  float sum[2] = {};
  if (task.inside) {
#pragma unroll 4
    for (std::int64_t tile = task.begin; tile < task.end; tile += blockDim.y) {
      const float* const sums = s.sums + tile * 2 * c + task.column;
      sum[0] += sums[0];
      sum[1] += sums[c];
    }
  }
  add_down<tall_threads>(sum);
  if (task.inside && threadIdx.y == 0) {
    finish_batch_norm_sums(task.column, c, s.rows, sum[0], sum[1], s.before.epsilon, s.before.variance,
                           s.before.gamma, s.ggamma, s.gbeta, s.coefficients);
  }
}

template <typename T, int width>
__global__ void __launch_bounds__(column_threads)
    pre_activation_grad_input(LaunchBatch<InputGradient> batch) {
  const InputGradient& s = batch.problem[blockIdx.z];
  const Columns& columns = s.columns;
  const ColumnTask task = column_task(columns, width);
  if (!task.inside || task.segment > 0) {  // returns if another problem of the batch has more chunks
    return;
  }
  const auto backward =
      load_batch_norm_gradient<width>(task.column, columns.c, s.before.mean, s.coefficients);
  for (std::int64_t row = task.begin; row < task.end; row += blockDim.y) {
    float value[width], gradient[width];
    load(static_cast<const T*>(s.x) + row * columns.c + task.column, value);
    load(static_cast<T*>(s.gx) + row * columns.c + task.column, gradient);
    backward.apply(value, gradient);
    if (s.extra_gradient != nullptr) {
      load(static_cast<const T*>(s.extra_gradient) + row * columns.c + task.column, value);
#pragma unroll
      for (int i = 0; i < width; ++i) {
        gradient[i] += value[i];
      }
    }
    store(static_cast<T*>(s.gx) + row * columns.c + task.column, gradient);
  }
}

// ---- which layers share a launch, and which kernels they use ----

void check_channels(const ConvShape& s) {
  require(s.c_in % 16 == 0 && s.c_out % 16 == 0,
          "pre_activation: expected channels in multiples of 16, got {} and {}", s.c_in, s.c_out);
}

bool on_tensor_cores(const Stream& stream, DType type) {
  return type == DType::bf16 || stream.tf32;
}

// Layers share a launch only if their keys are equal. The key decides which kernels run.
// Results are therefore bitwise equal to those of a layer that is launched alone.
struct LaunchKey {
  std::int64_t c_in, c_out;
  std::int64_t residues;  // ConvProblems per layer in dgrad
  DType type;
  bool forward_tensor, dgrad_tensor, wgrad_tensor;  // true: tensor cores; false: conv_blocked.cu
  int columns;                                      // columns of the tiles in forward or dgrad
  bool operator==(const LaunchKey&) const = default;
};

ConvTiles chosen_tiles(ConvPass pass, const ConvShape& shape, DType type, bool tensor) {
  return tiles_for(conv_task(pass, arithmetic_of(type, tensor), shape));
}

LaunchKey key_of(const Stream& stream, const PreActivationForward& problem) {
  check_channels(problem.shape);
  ConvProblem forward = forward_problem(problem.shape);
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
    ConvProblem one = dgrad_problem(s, residue);
    one.in = problem.gy.data;
    one.out = problem.gx.data;
    dgrad = dgrad && tensor_supports(one, problem.gx.type);
  }
  WgradProblem weights = wgrad_problem(s);
  weights.x = problem.x.data;
  weights.gy = problem.gy.data;
  const bool wgrad = wanted && wgrad_tensor_supports(weights, problem.gx.type);
  const int columns = chosen_tiles(ConvPass::dgrad, s, problem.gx.type, dgrad).columns;
  return {s.c_in, s.c_out, residues, problem.gx.type, false, dgrad, wgrad, columns};
}

// Calls run(key, problems) for consecutive problems with equal keys.
// A launch has room for max_problems ConvProblems, and each layer needs key.residues ConvProblems.
template <typename Problem, typename Run>
void for_each_key(const Stream& stream, std::span<const Problem> group, const Run& run) {
  for_each_launch(
      group, [&](const Problem& problem) { return key_of(stream, problem); },
      [](const LaunchKey& key) { return max_problems / max(key.residues, std::int64_t{1}); }, run);
}

// ---- helpers of both directions ----

// The operands of an activation, still without its dropout mask.
ActivationOperands activation_operands(const PreActivation& before, std::int64_t c) {
  require(before.p >= 0 && before.p < 1, "pre_activation: expected a probability in [0, 1), got {}",
          before.p);
  return {.mean = elements<float>(before.mean, c, "pre_activation: mean"),
          .variance = elements<float>(before.variance, c, "pre_activation: variance"),
          .gamma = elements<float>(before.gamma, c, "pre_activation: gamma"),
          .beta = elements<float>(before.beta, c, "pre_activation: beta"),
          .dropout_mask = nullptr,
          .epsilon = before.epsilon,
          .keep = 1.0F / (1.0F - before.p)};
}

// Offsets into one scratch allocation, handed out before its size is known. All are multiples of 16 bytes.
struct ScratchLayout {
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

std::int64_t mask_words(const ConvShape& s) {
  return ceil_div(s.n * s.l * s.h * s.c_in, 32);
}

void run_conv(Stream& stream, bool tensor, const ConvBatch& batch) {
  tensor ? run_tensor(stream, batch) : run_blocked(stream, batch);
}

// ---- forward ----

// The smallest word that dropout keeps: to_unit(word) = (word >> 8) / 2^24 < p for all words below. p < 1.
unsigned dropout_limit(float p) {
  return static_cast<unsigned>(std::ceil(p * 0x1p24F)) << 8;
}

// The operands of every launch of a forward pass.
struct ForwardLaunches {
  std::optional<DeviceScratch> scratch;
  LaunchBatch<MaskDraw> masks;
  ConvBatch conv;
  LaunchBatch<TileMoments> moments;
  LaunchBatch<SqueezeParts> squeezes;
  std::vector<const PreActivationForward*> averages;  // layers whose squeeze the convolution cannot compute
};

// Offsets into the scratch memory, in floats.
struct ForwardScratch {
  std::int64_t mask, sums, counts, squeeze_parts;
};

// Adds one layer, whose ConvProblem has its shape and tiles already.
void add_forward(const LaunchKey& key, const PreActivationForward& problem, const Tiles& tiles,
                 const ForwardScratch& offsets, ConvProblem& conv, Fusion& fusion,
                 ForwardLaunches& launches) {
  const ConvShape& s = problem.shape;
  const DeviceScratch& scratch = *launches.scratch;
  const std::int64_t positions = s.l_out() * s.h;
  conv.in = checked(problem.x, key.type, s.n * s.l * s.h * s.c_in, "pre_activation.forward: x");
  conv.out = checked(problem.y, key.type, s.n * positions * s.c_out, "pre_activation.forward: y");
  conv.w = elements<float>(problem.w, s.k * s.c_in * s.c_out, "pre_activation.forward: w");
  conv.bias = elements_or_null<float>(problem.bias, s.c_out, "pre_activation.forward: bias");
  fusion = {};
  fusion.before = activation_operands(problem.before, s.c_in);
  if (!problem.activation_mask.empty()) {
    elements<std::int32_t>(problem.activation_mask, mask_words(s), "pre_activation.forward: activation_mask");
  }
  if (problem.before.p > 0) {
    auto* const mask = problem.activation_mask.empty() ? scratch.data<unsigned>() + offsets.mask
                                                       : static_cast<unsigned*>(problem.activation_mask.data);
    launches.masks.add({problem.before.key, dropout_limit(problem.before.p), mask_words(s), mask});
    fusion.before.dropout_mask = reinterpret_cast<const unsigned char*>(mask);
  }
  if (!problem.mean.empty()) {
    require(s.n * positions > 0, "pre_activation: no positions to take statistics of");
    fusion.sums = scratch.data() + offsets.sums;
    fusion.counts = scratch.data() + offsets.counts;
    launches.moments.add({rows_of_tiles(tiles.count, s.c_out), fusion.sums, fusion.counts,
                          elements<float>(problem.mean, s.c_out, "pre_activation: mean of y"),
                          elements<float>(problem.variance, s.c_out, "pre_activation: variance of y")});
  }
  if (problem.squeeze.empty()) {
    return;
  }
  if (tiles.in_sample == 0) {
    launches.averages.push_back(&problem);
    return;
  }
  fusion.squeeze = checked(problem.squeeze, key.type, s.n * s.c_out, "pre_activation: squeeze");
  if (tiles.in_sample > 1) {
    fusion.squeeze_parts = scratch.data() + offsets.squeeze_parts;
    launches.squeezes.add({s.n, tiles.in_sample, to_int(s.c_out, "pre_activation"),
                           static_cast<float>(positions), fusion.squeeze_parts, fusion.squeeze});
  }
}

ForwardLaunches resolve_forward(const Stream& stream, const LaunchKey& key,
                                std::span<const PreActivationForward> problems) {
  ForwardLaunches launches;
  ConvBatch& conv = launches.conv;
  conv.type = key.type;
  conv.fused = true;
  conv.problems = static_cast<int>(problems.size());
  std::array<ForwardScratch, max_problems> offsets{};
  std::array<Tiles, max_problems> tiles{};
  ScratchLayout layout;
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const PreActivationForward& problem = problems[j];
    const ConvShape& s = problem.shape;
    conv.problem[j] = forward_problem(s);
    conv.problem[j].tiles = chosen_tiles(ConvPass::forward, s, key.type, key.forward_tensor);
    tiles[j] =
        key.forward_tensor ? tensor_tiles(conv.problem[j], key.type, false) : blocked_tiles(conv.problem[j]);
    const bool draws = problem.before.p > 0 && problem.activation_mask.empty();
    const std::int64_t moment_tiles = problem.mean.empty() ? 0 : tiles[j].count;
    const int squeeze_tiles = tiles[j].in_sample > 1 && !problem.squeeze.empty() ? tiles[j].in_sample : 0;
    offsets[j] = {layout.reserve(draws ? mask_words(s) : 0), layout.reserve(moment_tiles * 2 * s.c_out),
                  layout.reserve(moment_tiles), layout.reserve(s.n * squeeze_tiles * s.c_out)};
  }
  launches.scratch.emplace(stream, layout.floats * 4);
  for (std::size_t j = 0; j < problems.size(); ++j) {
    add_forward(key, problems[j], tiles[j], offsets[j], conv.problem[j], conv.fusion[j], launches);
  }
  return launches;
}

void launch_forward(Stream& stream, const LaunchKey& key, std::span<const PreActivationForward> problems) {
  const ForwardLaunches l = resolve_forward(stream, key, problems);
  if (l.conv.most_rows() == 0) {
    return;
  }
  if (l.masks.problems > 0) {
    const std::int64_t words = largest(l.masks, [](const MaskDraw& s) { return s.words; });
    const dim3 grid(blocks_for(words, threads), 1, static_cast<unsigned>(l.masks.problems));
    launch<dropout_draw_mask>(stream, grid, dim3(threads), 0, l.masks);
  }
  run_conv(stream, key.forward_tensor, l.conv);
  if (l.moments.problems > 0) {
    launch<conv_merge_tile_moments>(stream, tall_grid(l.moments.problem[0].tiles, l.moments.problems),
                                    tall_block(), 0, l.moments);
  }
  if (l.squeezes.problems > 0) {
    const std::int64_t means = largest(l.squeezes, [](const SqueezeParts& s) { return s.n * s.c; });
    const dim3 grid(blocks_for(means, threads), 1, static_cast<unsigned>(l.squeezes.problems));
    by_type(key.type, "pre_activation", [&](auto zero) {
      launch<squeeze_add_tiles<decltype(zero)>>(stream, grid, dim3(threads), 0, l.squeezes);
    });
  }
  for (const PreActivationForward* problem : l.averages) {
    const ConvShape& s = problem->shape;
    global_average(stream, {s.n, s.l_out() * s.h, s.c_out}, problem->y, problem->squeeze);
  }
}

void forward_group(Stream& stream, std::span<const PreActivationForward> group) {
  for_each_key(stream, group, [&](const LaunchKey& key, std::span<const PreActivationForward> problems) {
    launch_forward(stream, key, problems);
  });
}

// ---- backward ----

// The operands of every launch that computes gx.
struct InputGradientLaunches {
  std::optional<DeviceScratch> scratch;
  std::vector<ConvBatch> dgrads;  // one, unless a layer has more residues than a launch has room for
  LaunchBatch<InputGradient> norms;
  bool all_aligned = true;
};

struct InputGradientScratch {
  std::int64_t sums, coefficients;  // offsets in floats
};

ConvProblem dgrad_with_tiles(const LaunchKey& key, const ConvShape& s, int residue) {
  ConvProblem conv = dgrad_problem(s, residue);
  conv.tiles = chosen_tiles(ConvPass::dgrad, s, key.type, key.dgrad_tensor);
  return conv;
}

std::int64_t dgrad_tiles(const LaunchKey& key, const ConvProblem& conv) {
  if (conv.rows() == 0) {
    return 0;
  }
  return key.dgrad_tensor ? tensor_tiles(conv, key.type, true).count : blocked_tiles(conv).count;
}

void add_dgrad(const LaunchKey& key, const ConvProblem& conv, const Fusion& fusion,
               InputGradientLaunches& launches) {
  if (launches.dgrads.empty() || launches.dgrads.back().problems == max_problems) {
    ConvBatch& batch = launches.dgrads.emplace_back();
    batch.type = key.type;
    batch.fused = true;
    batch.transposed = true;
  }
  ConvBatch& batch = launches.dgrads.back();
  batch.fusion[batch.problems] = fusion;
  batch.problem[batch.problems++] = conv;
}

void add_input_gradient(const LaunchKey& key, const PreActivationBackward& problem,
                        const ActivationOperands& before, std::int64_t tiles,
                        const InputGradientScratch& offsets, InputGradientLaunches& launches) {
  const ConvShape& s = problem.shape;
  const std::int64_t rows = s.n * s.l * s.h;
  const void* const x = checked(problem.x, key.type, rows * s.c_in, "pre_activation.backward: x");
  const void* const extra_gradient = problem.extra_gradient.empty()
                                         ? nullptr
                                         : checked(problem.extra_gradient, key.type, rows * s.c_in,
                                                   "pre_activation.backward: extra_gradient");
  void* const gx = checked(problem.gx, key.type, rows * s.c_in, "pre_activation.backward: gx");
  float* sums = launches.scratch->data() + offsets.sums;
  launches.all_aligned = launches.all_aligned && aligned(x, extra_gradient, gx);
  // Rows are cut for full vectors even if operands are unaligned, so that alignment does not change results.
  const Columns columns = cut_rows_finely(rows, s.c_in, key.type == DType::bf16 ? 8 : 4, "pre_activation");
  launches.norms.add({rows_of_tiles(tiles, s.c_in), columns, before, static_cast<float>(rows), sums,
                      elements<float>(problem.ggamma, s.c_in, "pre_activation.backward: ggamma"),
                      elements<float>(problem.gbeta, s.c_in, "pre_activation.backward: gbeta"),
                      launches.scratch->data() + offsets.coefficients, x, extra_gradient, gx});
  for (int residue = 0; residue < key.residues; ++residue) {
    ConvProblem conv = dgrad_with_tiles(key, s, residue);
    if (conv.rows() == 0) {
      continue;
    }
    conv.in = checked(problem.gy, key.type, s.n * s.l_out() * s.h * s.c_out, "pre_activation.backward: gy");
    conv.out = gx;
    conv.w = elements<float>(problem.w, s.k * s.c_in * s.c_out, "pre_activation.backward: w");
    Fusion fusion{};
    fusion.before = before;
    fusion.x = x;
    fusion.sums = sums;
    sums += dgrad_tiles(key, conv) * 2 * s.c_in;
    add_dgrad(key, conv, fusion, launches);
  }
}

InputGradientLaunches resolve_input_gradients(const Stream& stream, const LaunchKey& key,
                                              std::span<const PreActivationBackward> problems,
                                              const ActivationOperands* before) {
  InputGradientLaunches launches;
  std::array<InputGradientScratch, max_problems> offsets{};
  std::array<std::int64_t, max_problems> tiles{};  // tiles of all residues
  ScratchLayout layout;
  for (std::size_t j = 0; j < problems.size(); ++j) {
    const ConvShape& s = problems[j].shape;
    for (int residue = 0; residue < key.residues; ++residue) {
      tiles[j] += dgrad_tiles(key, dgrad_with_tiles(key, s, residue));
    }
    offsets[j] = {layout.reserve(tiles[j] * 2 * s.c_in), layout.reserve(3 * s.c_in)};
  }
  launches.scratch.emplace(stream, layout.floats * 4);
  for (std::size_t j = 0; j < problems.size(); ++j) {
    add_input_gradient(key, problems[j], before[j], tiles[j], offsets[j], launches);
  }
  return launches;
}

void launch_input_gradients(Stream& stream, const LaunchKey& key,
                            std::span<const PreActivationBackward> problems,
                            const ActivationOperands* before) {
  const InputGradientLaunches launches = resolve_input_gradients(stream, key, problems, before);
  const LaunchBatch<InputGradient>& norms = launches.norms;
  for (const ConvBatch& dgrad : launches.dgrads) {
    run_conv(stream, key.dgrad_tensor, dgrad);
  }
  const auto depth = static_cast<unsigned>(norms.problems);
  launch<pre_activation_grad_sums>(stream, tall_grid(norms.problem[0].tiles, norms.problems), tall_block(), 0,
                                   norms);
  const std::int64_t chunks = largest(norms, [](const InputGradient& s) { return s.columns.chunks; });
  by_type(key.type, "pre_activation.backward", [&](auto zero) {
    using T = decltype(zero);
    by_width<T>(launches.all_aligned, [&](auto constant) {
      constexpr int width = decltype(constant)::value;
      const dim3 block = column_block(norms.problem[0].columns.c, width);
      const dim3 grid(blocks_for(chunks, 1), blocks_for(key.c_in, std::int64_t{block.x} * width), depth);
      launch<pre_activation_grad_input<T, width>>(stream, grid, block, 0, norms);
    });
  });
}

void launch_weight_gradients(Stream& stream, const LaunchKey& key,
                             std::span<const PreActivationBackward> problems,
                             const ActivationOperands* before) {
  WgradBatch batch;
  batch.type = key.type;
  batch.activated = true;
  for (const PreActivationBackward& problem : problems) {
    const ConvShape& s = problem.shape;
    batch.before[batch.problems] = before[batch.problems];
    WgradProblem& one = batch.problem[batch.problems++];
    one = wgrad_problem(s);
    one.tiles = chosen_tiles(ConvPass::wgrad, s, key.type, key.wgrad_tensor);
    one.x = problem.x.data;
    one.gy = problem.gy.data;
    one.gw = elements<float>(problem.gw, s.k * s.c_in * s.c_out, "pre_activation.backward: gw");
    if (float* const gbias =
            elements_or_null<float>(problem.gbias, s.c_out, "pre_activation.backward: gbias")) {
      add_bias_gradient(stream, one.rows(), s.c_out, problem.gy, gbias);
    }
  }
  sum_weight_gradients(stream, key.wgrad_tensor ? 4 : 3, batch);
}

void backward_group(Stream& stream, std::span<const PreActivationBackward> group) {
  for_each_key(stream, group, [&](const LaunchKey& key, std::span<const PreActivationBackward> problems) {
    std::array<ActivationOperands, max_problems> before{};
    for (std::size_t j = 0; j < problems.size(); ++j) {
      const ConvShape& s = problems[j].shape;
      require(s.n * s.l * s.h > 0, "pre_activation.backward: no positions");
      before[j] = activation_operands(problems[j].before, s.c_in);
      const auto* const mask = elements<std::int32_t>(problems[j].activation_mask, mask_words(s),
                                                      "pre_activation.backward: activation_mask");
      if (problems[j].before.p > 0) {
        before[j].dropout_mask = reinterpret_cast<const unsigned char*>(mask);
      }
    }
    launch_input_gradients(stream, key, problems, before.data());
    launch_weight_gradients(stream, key, problems, before.data());
  });
}

// This device reads weights in their own layout, so there is nothing to prepare.
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
