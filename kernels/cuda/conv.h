// Shared by the files of the convolution: the two problems that all versions of the kernels solve,
// batches of problems that share a launch, and the host functions that run each version.
// ConvProblem is the problem of forward and dgrad; WgradProblem is the weights' gradient.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/cuda/conv_versions.h"
#include "kernels/cuda/launch_batch.h"

namespace sec::kernels::SEC_BACKEND {

// ---- forward and the gradient of the input ----

// The sum that the forward pass and the gradient of the input (dgrad) share. For 0 <= u < count:
//   out[n, u * out_step + out_first, h, o] =
//       bias[o] + sum over m < taps and i of in[n, u * in_step + m - pad, h, i] * weight(m, i, o)
//
// Forward is one such problem: in = x, out = y, in_step = stride. dgrad with stride S is S problems.
// Each of them is for one residue q = t mod S of the input time step t. Step t = S * u + q sums gy at times
// (t + pad - j) / S, over the taps j for which that is a whole number: j = first_tap + S * m.
// With these taps in reverse order, neighbouring u read neighbouring steps of gy, so in_step = 1.
struct ConvProblem {
  const void* in;     // (N, in_length, H, in_channels)
  void* out;          // (N, out_length, H, out_channels)
  const float* w;     // (K, Ci, Co)
  const float* bias;  // (out_channels) or null
  int n, h;
  int in_length, in_channels;
  int out_length, out_channels;
  int count, taps, pad;
  int in_step, out_step, out_first;
  int first_tap, tap_step;  // tap m of the sum is tap first_tap + m * tap_step of w
  int all_taps;             // K
  ConvTiles tiles;          // output channels per block, and in version 4 rows; a batch uses its widest tiles

  // Rows of the matrix product: the output positions (n, u, h).
  SEC_HOST_DEVICE std::int64_t rows() const { return std::int64_t{n} * count * h; }
  SEC_HOST_DEVICE std::int64_t weights() const { return std::int64_t{all_taps} * in_channels * out_channels; }
};

// Extra work of a fused kernel.
// Forward: `in` passes batch norm, ReLU and dropout before it is multiplied. For each output channel,
// each tile of rows stores the mean of y and the sum of squared deviations from that mean.
// dgrad: the result passes dropout and ReLU backwards, so `out` is g, the gradient of batch norm's output.
// Each tile of rows stores two sums per channel of x: of g, and of g * (x - mean).
struct Fusion {
  ActivationOperands before;  // forward: applied to `in`; dgrad: the activation that is differentiated
  const void* x;              // dgrad: (N, out_length, H, out_channels), the activation's input
  float* sums;                // (tiles, 2, out_channels): the two sums of each tile; or null
  float* counts;              // (tiles): forward, the number of rows in each tile; set if `sums` is
  void* squeeze;              // (N, out_channels): forward, means of y over a sample's positions; or null
  float* squeeze_parts;       // (N, tiles per sample, out_channels): partial sums, if a sample spans tiles
};

// Up to max_problems problems for one launch, passed to the kernel by value; blockIdx.z selects the problem.
struct ConvBatch {
  ConvProblem problem[max_problems];
  Fusion fusion[max_problems];  // used if `fused`
  int problems = 0;
  bool fused = false;
  DType type = DType::f32;
  bool transposed = false;  // dgrad: weight(m, i, o) is w[tap, o, i]; forward: w[tap, i, o]
  std::int64_t most_rows() const {
    return largest(*this, [](const ConvProblem& s) { return s.rows(); });
  }
  std::int64_t most_channels() const {
    return largest(*this, [](const ConvProblem& s) { return std::int64_t{s.out_channels}; });
  }
  int most_columns() const {
    return static_cast<int>(
        largest(*this, [](const ConvProblem& s) { return std::int64_t{s.tiles.columns}; }));
  }
};

// The direction of a convolution, as a template argument that a profiler prints by name.
struct Forward {
  static constexpr bool transposed = false;  // see ConvBatch::transposed
};
struct Dgrad {
  static constexpr bool transposed = true;
};

// run(T{}, Pass{}) with the element type of a batch and its direction.
template <typename Run>
void by_type_and_pass(const ConvBatch& batch, const Run& run) {
  by_type(batch.type, "conv",
          [&](auto zero) { batch.transposed ? run(zero, Dgrad{}) : run(zero, Forward{}); });
}

// The output position that a row of a ConvProblem stands for.
struct ConvPosition {
  std::int64_t sample;
  int u, h;
};
SEC_DEVICE ConvPosition position_of(const ConvProblem& s, std::int64_t row) {
  return {row / s.h / s.count, static_cast<int>(row / s.h % s.count), static_cast<int>(row % s.h)};
}

template <typename T>
SEC_DEVICE void store_result(const ConvProblem& s, const ConvPosition& at, int o, float result) {
  const std::int64_t step = static_cast<std::int64_t>(at.u) * s.out_step + s.out_first;
  store(static_cast<T*>(s.out) + ((at.sample * s.out_length + step) * s.h + at.h) * s.out_channels + o,
        result);
}

SEC_DEVICE float weight_at(const ConvProblem& s, bool transposed, int m, int i, int o) {
  const std::int64_t tap = s.first_tap + m * s.tap_step;
  return transposed ? s.w[(tap * s.out_channels + o) * s.in_channels + i]
                    : s.w[(tap * s.in_channels + i) * s.out_channels + o];
}

// Byte offset of a 16-byte piece in shared memory with rows of 64 bytes.
// The order of a row's four pieces changes every second row.
// Piece p of eight consecutive rows therefore falls into eight different groups of four banks.
SEC_HOST_DEVICE constexpr int swizzled_offset(int row, int piece) {
  return row * 64 + (piece ^ (row >> 1 & 3)) * 16;
}

void run_direct(Stream& stream, const ConvBatch& batch);
void run_tiled(Stream& stream, const ConvBatch& batch);
void run_blocked(Stream& stream, const ConvBatch& batch);
void run_tensor(Stream& stream, const ConvBatch& batch);
void run_stem(Stream& stream, const ConvBatch& batch);
// Whether version 4 supports a problem, fused or not. Null operands count as aligned.
bool tensor_supports(const ConvProblem& problem, DType type);
// The same for version 5, which knows no fused problem and no dgrad.
bool stem_supports(const ConvProblem& problem, DType type);

// How a version cuts the rows of a fused problem into tiles, in a batch whose problems share tiles.columns.
struct Tiles {
  std::int64_t count;
  int in_sample;  // tiles per sample; 0 if tiles cross the borders of samples, which rules out `squeeze`
};
Tiles tensor_tiles(const ConvProblem& problem, DType type, bool transposed);
Tiles blocked_tiles(const ConvProblem& problem);

// ---- the gradient of the weights ----

// gw[j, i, o] += sum over n, t, h of x[n, t * stride + j - pad, h, i] * gy[n, t, h, o].
// The rows, positions (n, t, h) of gy, are cut into parts. One kernel writes each part's sums to `partial`.
// A second kernel adds the parts up in order, so that results do not depend on scheduling.
struct WgradProblem {
  const void* x;   // (N, L, H, Ci)
  const void* gy;  // (N, Lo, H, Co)
  float* gw;       // (K, Ci, Co)
  float* partial;  // (parts, K, Ci, Co); or null if the only part is added to gw directly, 16 bytes at a time
  int n, l, h, c_in, c_out, k, stride, pad, l_out;
  std::int64_t parts;      // number of parts, set by the version's cut_ function
  std::int64_t part_rows;  // rows per part; unused by versions 4 and 5, whose parts are whole tiles
  ConvTiles tiles;         // part_tiles and most_blocks, for versions 3 and 4

  SEC_HOST_DEVICE std::int64_t rows() const { return std::int64_t{n} * l_out * h; }
  SEC_HOST_DEVICE std::int64_t weights() const { return std::int64_t{k} * c_in * c_out; }
};

struct WgradBatch {
  WgradProblem problem[max_problems];
  ActivationOperands before[max_problems];  // applied to x, if `activated`
  int problems = 0;
  bool activated = false;
  DType type = DType::f32;
};

// The grid of a weight-gradient kernel: (blocks_of(problem), parts, problems), for the largest problem.
template <typename BlocksOf>
dim3 wgrad_grid(const WgradBatch& batch, const BlocksOf& blocks_of) {
  const std::int64_t parts = largest(batch, [](const WgradProblem& s) { return s.parts; });
  return {blocks_for(largest(batch, blocks_of), 1), blocks_for(parts, 1),
          static_cast<unsigned>(batch.problems)};
}

// Cuts a problem's rows into parts: sets `parts` and `part_rows`, from the shape, the type and the tiles alone.
void cut_direct(WgradProblem& problem, DType type);
void cut_tiled(WgradProblem& problem, DType type);
void cut_blocked(WgradProblem& problem, DType type);
void cut_tensor(WgradProblem& problem, DType type);
void cut_stem(WgradProblem& problem, DType type);
// Fills `partial`. Versions 3 to 5 add to gw instead where `partial` is null.
void run_wgrad_direct(Stream& stream, const WgradBatch& batch);
void run_wgrad_tiled(Stream& stream, const WgradBatch& batch);
void run_wgrad_blocked(Stream& stream, const WgradBatch& batch);
void run_wgrad_tensor(Stream& stream, const WgradBatch& batch);
void run_wgrad_stem(Stream& stream, const WgradBatch& batch);
bool wgrad_tensor_supports(const WgradProblem& problem, DType type);
bool wgrad_stem_supports(const WgradProblem& problem, DType type);

// Adds each problem's parts to gw, in order. Skips problems whose `partial` is null.
void add_parts(Stream& stream, const WgradBatch& batch);

// ---- functions of conv.cu that pre_activation.cu uses too ----

// The operand's data. Throws Error, beginning with `what`, unless it has `count` elements of `type`.
template <typename AnySpan>
auto* checked(AnySpan operand, DType type, std::int64_t count, const char* what) {
  by_type(type, what, [&](auto zero) { elements<decltype(zero)>(operand, count, what); });
  return operand.data;
}

// The precision that a kernel multiplies in. Tiles are chosen by it.
Precision arithmetic_of(DType type, bool tensor);

// Problems without operands, with the built-in tiles. Throw Error if the shape is invalid.
ConvProblem forward_problem(const ConvShape& shape);
// A dgrad with a stride is one problem per residue, for the time steps of gx with `step % stride == residue`.
ConvProblem dgrad_problem(const ConvShape& shape, int residue);
WgradProblem wgrad_problem(const ConvShape& shape);

// Adds the weight gradient of every problem to gw, by the kernels of `version`; empties the batch.
void sum_weight_gradients(Stream& stream, int version, WgradBatch& batch);

// gbias[o] += sum over rows of gy[row, o].
void add_bias_gradient(Stream& stream, std::int64_t rows, std::int64_t c_out, ConstSpan gy, float* gbias);

}  // namespace sec::kernels::SEC_BACKEND
