// Convolution: checks operands, collects problems into batches, chooses a version (conv_versions.h).
#include "kernels/cuda/conv.h"
#include "kernels/cuda/parts.h"

namespace sec::kernels::SEC_BACKEND {
namespace {

void check_shape(const ConvShape& s) {
  require(s.n >= 0 && s.l >= 0 && s.h > 0 && s.c_in > 0 && s.c_out > 0,
          "conv: expected extents of 1 or more");
  require(s.k > 0 && s.stride > 0 && s.pad >= 0,
          "conv: expected a kernel, a stride of 1 or more, padding of 0 or more");
  require(s.l + 2 * s.pad >= s.k, "conv: the padded input is shorter than the kernel");
}

}  // namespace

Precision arithmetic_of(DType type, bool tensor) {
  return type == DType::bf16 ? Precision::bf16 : tensor ? Precision::tf32 : Precision::f32;
}

// ---- problems without operands ----

ConvProblem forward_problem(const ConvShape& s) {
  check_shape(s);
  return {
      .in = nullptr,
      .out = nullptr,
      .w = nullptr,
      .bias = nullptr,
      .n = to_int(s.n, "conv"),
      .h = to_int(s.h, "conv"),
      .in_length = to_int(s.l, "conv"),
      .in_channels = to_int(s.c_in, "conv"),
      .out_length = to_int(s.l_out(), "conv"),
      .out_channels = to_int(s.c_out, "conv"),
      .count = to_int(s.l_out(), "conv"),
      .taps = to_int(s.k, "conv"),
      .pad = to_int(s.pad, "conv"),
      .in_step = to_int(s.stride, "conv"),
      .out_step = 1,
      .out_first = 0,
      .first_tap = 0,
      .tap_step = 1,
      .all_taps = to_int(s.k, "conv"),
      .tiles = built_in_tiles(ConvPass::forward, s),
  };
}

ConvProblem dgrad_problem(const ConvShape& s, int residue) {
  check_shape(s);
  const int k = to_int(s.k, "conv");
  const int stride = to_int(s.stride, "conv");
  const int shift = residue + to_int(s.pad, "conv");
  const int first = shift % stride;  // the lowest tap that reaches the time steps of this residue
  const int taps = first < k ? (k - first + stride - 1) / stride : 0;
  const int length = to_int(s.l, "conv");
  return {
      .in = nullptr,
      .out = nullptr,
      .w = nullptr,
      .bias = nullptr,
      .n = to_int(s.n, "conv"),
      .h = to_int(s.h, "conv"),
      .in_length = to_int(s.l_out(), "conv"),
      .in_channels = to_int(s.c_out, "conv"),
      .out_length = length,
      .out_channels = to_int(s.c_in, "conv"),
      .count = (length - residue + stride - 1) / stride,
      .taps = taps,
      .pad = taps - 1 - shift / stride,  // negative if the first tap reads later steps of gy
      .in_step = 1,
      .out_step = stride,
      .out_first = residue,
      .first_tap = first + (taps - 1) * stride,
      .tap_step = -stride,
      .all_taps = k,
      .tiles = built_in_tiles(ConvPass::dgrad, s),
  };
}

WgradProblem wgrad_problem(const ConvShape& s) {
  check_shape(s);
  return {
      .x = nullptr,
      .gy = nullptr,
      .gw = nullptr,
      .partial = nullptr,
      .n = to_int(s.n, "conv"),
      .l = to_int(s.l, "conv"),
      .h = to_int(s.h, "conv"),
      .c_in = to_int(s.c_in, "conv"),
      .c_out = to_int(s.c_out, "conv"),
      .k = to_int(s.k, "conv"),
      .stride = to_int(s.stride, "conv"),
      .pad = to_int(s.pad, "conv"),
      .l_out = to_int(s.l_out(), "conv"),
      .parts = 0,
      .part_rows = 0,
      .tiles = built_in_tiles(ConvPass::wgrad, s),
  };
}

namespace {

// ---- the choice of a version ----

bool supports(int version, ConvPass pass, const ConvShape& shape, DType type) {
  if (version == 5) {
    return pass == ConvPass::wgrad ? wgrad_stem_supports(wgrad_problem(shape), type)
                                   : pass == ConvPass::forward && stem_supports(forward_problem(shape), type);
  }
  if (version != 4) {
    return version >= 1 && version <= 3 && type != DType::i32;
  }
  if (pass == ConvPass::wgrad) {
    return wgrad_tensor_supports(wgrad_problem(shape), type);
  }
  return tensor_supports(pass == ConvPass::forward ? forward_problem(shape) : dgrad_problem(shape, 0), type);
}

bool on_tensor_cores(const Stream& stream, int wanted, DType type) {
  return wanted == ConvVersions::best ? type == DType::bf16 || stream.tf32 : wanted >= 4;
}

// The tiles of a problem. `suits`: whether its shape and operands suit version 4.
ConvTiles chosen_tiles(const Stream& stream, int wanted, ConvPass pass, const ConvShape& shape, DType type,
                       bool suits) {
  const bool tensor = suits && on_tensor_cores(stream, wanted, type);
  return tiles_for(conv_task(pass, arithmetic_of(type, tensor), shape));
}

// Chooses the version for a batch from the type and alignment of its operands.
// ConvVersions::best means version 4 or 5 if the type is bf16 or the stream allows TF32, and version 3 otherwise.
// Versions 4 and 5 must suit every problem; if neither does, version 3 is used.
// Results must be batch-invariant, so the number of samples is ignored here.
template <typename Batch>
int choose(const Stream& stream, int wanted, const Batch& batch,
           bool (*suits_4)(decltype(batch.problem[0]), DType),
           bool (*suits_5)(decltype(batch.problem[0]), DType)) {
  bool all_suit_4 = true;
  bool all_suit_5 = true;
  for (int j = 0; j < batch.problems; ++j) {
    all_suit_4 = all_suit_4 && suits_4(batch.problem[j], batch.type);
    all_suit_5 = all_suit_5 && suits_5(batch.problem[j], batch.type);
  }
  if (wanted == ConvVersions::best) {
    return !on_tensor_cores(stream, wanted, batch.type) ? 3 : all_suit_4 ? 4 : all_suit_5 ? 5 : 3;
  }
  require(wanted >= 1 && wanted <= ConvVersions::count, "conv: there is no version {}", wanted);
  require((wanted != 4 || all_suit_4) && (wanted != 5 || all_suit_5),
          "conv: version {} does not compute this shape, or operands lie unaligned", wanted);
  return wanted;
}

// ---- forward and the gradient of the input ----

void run(Stream& stream, int version, ConvBatch& batch) {
  if (batch.problems == 0) {
    return;
  }
  switch (choose(stream, version, batch, tensor_supports, stem_supports)) {
    case 1:
      run_direct(stream, batch);
      break;
    case 2:
      run_tiled(stream, batch);
      break;
    case 3:
      run_blocked(stream, batch);
      break;
    case 4:
      run_tensor(stream, batch);
      break;
    default:
      run_stem(stream, batch);
  }
  batch.problems = 0;
}

// Adds a problem to the batch, and runs the batch when it is full.
void add(Stream& stream, int version, ConvBatch& batch, const ConvProblem& problem) {
  if (problem.rows() > 0) {
    batch.problem[batch.problems++] = problem;
  }
  if (batch.problems == max_problems) {
    run(stream, version, batch);
  }
}

void forward(Stream& stream, int version, std::span<const ConvForward> problems) {
  ConvBatch batch;
  for (const auto& [s, x, w, bias, y] : problems) {
    batch.type = problems.front().y.type;
    ConvProblem problem = forward_problem(s);
    problem.in = checked(x, batch.type, s.n * s.l * s.h * s.c_in, "conv.forward: x");
    problem.out = checked(y, batch.type, s.n * s.l_out() * s.h * s.c_out, "conv.forward: y");
    problem.w = elements<float>(w, s.k * s.c_in * s.c_out, "conv.forward: w");
    problem.bias = elements_or_null<float>(bias, s.c_out, "conv.forward: bias");
    problem.tiles =
        chosen_tiles(stream, version, ConvPass::forward, s, batch.type, tensor_supports(problem, batch.type));
    add(stream, version, batch, problem);
  }
  run(stream, version, batch);
}

void dgrad(Stream& stream, int version, std::span<const ConvDgrad> problems) {
  ConvBatch batch;
  batch.transposed = true;
  for (const auto& [s, gy, w, gx] : problems) {
    check_shape(s);
    batch.type = problems.front().gx.type;
    for (int residue = 0; residue < min(s.stride, s.l); ++residue) {
      ConvProblem problem = dgrad_problem(s, residue);
      problem.in = checked(gy, batch.type, s.n * s.l_out() * s.h * s.c_out, "conv.dgrad: gy");
      problem.out = checked(gx, batch.type, s.n * s.l * s.h * s.c_in, "conv.dgrad: gx");
      problem.w = elements<float>(w, s.k * s.c_in * s.c_out, "conv.dgrad: w");
      problem.tiles =
          chosen_tiles(stream, version, ConvPass::dgrad, s, batch.type, tensor_supports(problem, batch.type));
      add(stream, version, batch, problem);
    }
  }
  run(stream, version, batch);
}

// ---- the gradient of weights and bias ----

}  // namespace

void sum_weight_gradients(Stream& stream, int version, WgradBatch& batch) {
  if (batch.problems == 0) {
    return;
  }
  struct Steps {
    void (*cut)(WgradProblem& problem, DType type);
    void (*sum)(Stream& stream, const WgradBatch& batch);
  };
  constexpr Steps versions[] = {{cut_direct, run_wgrad_direct},
                                {cut_tiled, run_wgrad_tiled},
                                {cut_blocked, run_wgrad_blocked},
                                {cut_tensor, run_wgrad_tensor},
                                {cut_stem, run_wgrad_stem}};
  const Steps& chosen = versions[version - 1];
  std::int64_t offset[max_problems] = {};
  std::int64_t floats = 0;
  const auto adds_at_once = [&](int j) {
    const WgradProblem& problem = batch.problem[j];
    return version >= 3 && problem.parts == 1 && problem.c_out % 4 == 0 && aligned(problem.gw);
  };
  for (int j = 0; j < batch.problems; ++j) {
    chosen.cut(batch.problem[j], batch.type);
    offset[j] = floats;
    if (!adds_at_once(j)) {
      floats +=
          ceil_div(batch.problem[j].parts * batch.problem[j].weights(), 4) * 4;  // a multiple of 16 bytes
    }
  }
  const DeviceScratch partial(stream, floats * 4);
  for (int j = 0; j < batch.problems; ++j) {
    batch.problem[j].partial = adds_at_once(j) ? nullptr : partial.data() + offset[j];
  }
  chosen.sum(stream, batch);
  add_parts(stream, batch);
  batch.problems = 0;
}

namespace {

void run(Stream& stream, int version, WgradBatch& batch) {
  if (batch.problems > 0) {
    const int chosen = choose(stream, version, batch, wgrad_tensor_supports, wgrad_stem_supports);
    sum_weight_gradients(stream, chosen, batch);
  }
}

void wgrad(Stream& stream, int version, std::span<const ConvWgrad> problems) {
  WgradBatch batch;
  for (const auto& [s, x, gy, gw, gbias] : problems) {
    batch.type = problems.front().x.type;
    WgradProblem problem = wgrad_problem(s);
    problem.x = checked(x, batch.type, s.n * s.l * s.h * s.c_in, "conv.wgrad: x");
    problem.gy = checked(gy, batch.type, s.n * s.l_out() * s.h * s.c_out, "conv.wgrad: gy");
    problem.gw = elements<float>(gw, s.k * s.c_in * s.c_out, "conv.wgrad: gw");
    float* const bias_sums = elements_or_null<float>(gbias, s.c_out, "conv.wgrad: gbias");
    if (problem.rows() == 0) {
      continue;
    }
    if (bias_sums != nullptr) {
      add_bias_gradient(stream, problem.rows(), s.c_out, gy, bias_sums);
    }
    problem.tiles = chosen_tiles(stream, version, ConvPass::wgrad, s, batch.type,
                                 wgrad_tensor_supports(problem, batch.type));
    batch.problem[batch.problems++] = problem;
    if (batch.problems == max_problems) {
      run(stream, version, batch);
    }
  }
  run(stream, version, batch);
}

// ---- entries of the kernel table ----

void forward_best(Stream& stream, std::span<const ConvForward> group) {
  forward(stream, ConvVersions::best, group);
}
void dgrad_best(Stream& stream, std::span<const ConvDgrad> group) {
  dgrad(stream, ConvVersions::best, group);
}
void wgrad_best(Stream& stream, std::span<const ConvWgrad> group) {
  wgrad(stream, ConvVersions::best, group);
}

}  // namespace

const ConvVersions& conv_versions() {
  static constexpr ConvVersions versions = {
      .supports = supports, .forward = forward, .dgrad = dgrad, .wgrad = wgrad};
  return versions;
}

ConvKernels conv_kernels() {
  return {.forward_group = forward_best, .dgrad_group = dgrad_best, .wgrad_group = wgrad_best};
}

}  // namespace sec::kernels::SEC_BACKEND
