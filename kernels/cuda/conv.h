// What the files of the convolution share: forward and dgrad as correlations, wgrad as sums over parts of the
// positions, and the kernels' entries.
#pragma once

#include "kernels/cuda/activation.h"
#include "kernels/cuda/conv_versions.h"
#include "kernels/cuda/launch_batch.h"

namespace sec::kernels::SEC_BACKEND {

// out[n, u * out_step + out_first, h, o] =
//     bias[o] + sum over m < taps, i of in[n, u * in_step + m - pad, h, i] * weight(m, i, o),  0 <= u < count
//
// The forward pass is one of these. The gradient of the input is one for each residue q of its time step
// modulo the stride: step t = stride * u + q sums gy at (t + pad - j) / stride over the taps j for which that
// is whole, j = first_tap + stride * m; with the taps in reverse this has a step of 1.
struct Correlation {
  const void* in;     // (N, in_length, H, in_channels)
  void* out;          // (N, out_length, H, out_channels)
  const float* w;     // (K, Ci, Co)
  const float* bias;  // (out_channels) or null
  int n, h;
  int in_length, in_channels;
  int out_length, out_channels;
  int count, taps, pad;
  int in_step, out_step, out_first;
  int first_tap, tap_step;  // tap m is tap first_tap + m * tap_step of w
  int all_taps;             // K
  ConvTiles tiles;          // columns and, in version 4, rows; a group takes the most columns of its problems

  SEC_HOST_DEVICE std::int64_t rows() const { return std::int64_t{n} * count * h; }
  SEC_HOST_DEVICE std::int64_t weights() const { return std::int64_t{all_taps} * in_channels * out_channels; }
};

// What a fused correlation does besides. Forward: `in` is activated before it is multiplied, and of `out`
// each tile of rows leaves its sums. The gradient of the input: `out` is the gradient of x through dropout
// and ReLU.
struct Fusion {
  Activation before;     // forward: of in; dgrad: of x
  const void* x;         // dgrad: (N, out_length, H, out_channels), what was activated
  float* sums;           // (tiles, 2, out_channels), or null. Forward: mean, sum of squared deviations from
                         // it. dgrad, with g for the gradient: sum of g, sum of g * (x - mean)
  float* counts;         // (tiles): rows; forward, with `sums`
  void* squeeze;         // (N, out_channels): forward, means over a sample's positions; or null
  float* squeeze_parts;  // (N, tiles in a sample, out_channels): sums, where a sample has several tiles
};

// Up to max_problems correlations, passed to a kernel by value; blockIdx.z is the problem.
struct Correlations {
  Correlation problem[max_problems];
  Fusion fusion[max_problems];  // where `fused`
  int problems = 0;
  bool fused = false;
  DType type = DType::f32;
  bool transposed = false;  // weight(m, i, o) is w[tap, o, i] (dgrad), else w[tap, i, o]
  std::int64_t most_rows() const {
    std::int64_t most = 0;
    for (int j = 0; j < problems; ++j) {
      most = max(most, problem[j].rows());
    }
    return most;
  }
  std::int64_t most_channels() const {
    std::int64_t most = 0;
    for (int j = 0; j < problems; ++j) {
      most = max(most, std::int64_t{problem[j].out_channels});
    }
    return most;
  }
  int most_columns() const {
    int most = 0;
    for (int j = 0; j < problems; ++j) {
      most = max(most, problem[j].tiles.columns);
    }
    return most;
  }
};

SEC_DEVICE float weight_at(const Correlation& s, bool transposed, int m, int i, int o) {
  const std::int64_t tap = s.first_tap + m * s.tap_step;
  return transposed ? s.w[(tap * s.out_channels + o) * s.in_channels + i]
                    : s.w[(tap * s.in_channels + i) * s.out_channels + o];
}

// Where a piece of 16 bytes lies in rows of 64 bytes that follow one another in shared memory: in an order
// that changes every second row, so that eight rows' pieces of one number fall into eight groups of four
// banks.
SEC_HOST_DEVICE constexpr int swizzled_offset(int row, int piece) {
  return row * 64 + (piece ^ (row / 2 % 4)) * 16;
}

void correlate_direct(Stream& stream, const Correlations& group);
void correlate_tiled(Stream& stream, const Correlations& group);
void correlate_blocked(Stream& stream, const Correlations& group);
void correlate_tensor(Stream& stream, const Correlations& group);
// Whether version 4 computes this one, fused or not; null operands count as aligned.
bool tensor_supports(const Correlation& correlation, DType type);

// How a version cuts a fused correlation's rows into tiles, in a group in which all have tiles of the same
// columns.
struct Tiles {
  std::int64_t count;
  int in_sample;  // tiles that one sample's positions fall into; 0: tiles know no samples, squeeze is not
                  // computed
};
Tiles tensor_tiles(const Correlation& correlation, DType type, bool transposed);
Tiles blocked_tiles(const Correlation& correlation);

// gw[j, i, o] += sum over n, t, h of x[n, t * stride + j - pad, h, i] * gy[n, t, h, o]. The positions (n, t,
// h) are cut into parts; each part's sums go to `partial`, and a second kernel adds them up in order.
struct WeightGradient {
  const void* x;   // (N, L, H, Ci)
  const void* gy;  // (N, Lo, H, Co)
  float* gw;       // (K, Ci, Co)
  float* partial;  // (parts, K, Ci, Co), or null: the one part is added to gw at once, 16 bytes at a time
  int n, l, h, c_in, c_out, k, stride, pad, l_out;
  std::int64_t parts;      // set by the version's cut_
  std::int64_t part_rows;  // positions of a part, except in version 4, which counts in tiles
  ConvTiles tiles;         // part_tiles and most_blocks, in versions 3 and 4

  SEC_HOST_DEVICE std::int64_t rows() const { return std::int64_t{n} * l_out * h; }
  SEC_HOST_DEVICE std::int64_t weights() const { return std::int64_t{k} * c_in * c_out; }
};

struct WeightGradients {
  WeightGradient problem[max_problems];
  Activation before[max_problems];  // of x, where `activated`
  int problems = 0;
  bool activated = false;
  DType type = DType::f32;
};

// How a version cuts positions: sets parts and part_rows. A function of the shape and the tiles alone.
void cut_direct(WeightGradient& problem);
void cut_tiled(WeightGradient& problem);
void cut_blocked(WeightGradient& problem);
void cut_tensor(WeightGradient& problem);
// Fill `partial`, or, versions 3 and 4, add to gw where it is null.
void wgrad_direct(Stream& stream, const WeightGradients& group);
void wgrad_tiled(Stream& stream, const WeightGradients& group);
void wgrad_blocked(Stream& stream, const WeightGradients& group);
void wgrad_tensor(Stream& stream, const WeightGradients& group);
bool wgrad_tensor_supports(const WeightGradient& problem, DType type);

// gw += the parts of each problem, in order, unless it has one alone that is there already.
void add_parts(Stream& stream, const WeightGradients& group);
// ---- what conv.cu has for fused convolutions as well ----

// `operand` as elements of either type, checked.
template <typename AnySpan>
auto* checked(AnySpan operand, DType type, std::int64_t count, const char* what) {
  by_type(type, what, [&](auto zero) { elements<decltype(zero)>(operand, count, what); });
  return operand.data;
}

// What a version computes in, and so which tiles are chosen for it.
Precision arithmetic_of(DType type, bool tensor);

// LaunchBatch without their operands, with the built-in tiles. Throws Error if the shape makes none.
Correlation forward_job(const ConvShape& shape);
// For the time steps of gx that are `residue` modulo the stride.
Correlation dgrad_job(const ConvShape& shape, int residue);
WeightGradient wgrad_job(const ConvShape& shape);

// gw of every problem by one version, in as many launches as it takes.
void sum_weight_gradients(Stream& stream, int version, WeightGradients& group);

// gbias[o] += sum over rows of gy[row, o].
void add_bias_gradient(Stream& stream, std::int64_t rows, std::int64_t c_out, ConstSpan gy, float* gbias);

}  // namespace sec::kernels::SEC_BACKEND
