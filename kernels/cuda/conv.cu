// Convolution: checks, groups of jobs, and the choice among the versions that conv_versions.h lists.
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

// ---- the choice ----

bool supports(int version, ConvPass, const ConvShape&, DType type) {
  return version == 1 && type != DType::i32;
}

// The version for a whole group: what was asked for, or the best that computes all of its shapes.
template <typename Job>
int version_for(int version, ConvPass pass, std::span<const Job> group, DType type) {
  int chosen = version == ConvVersions::best ? ConvVersions::count : version;
  for (const Job& job : group) {
    check_shape(job.shape);
    if (version == ConvVersions::best) {
      chosen = 1;
    } else {
      require(supports(version, pass, job.shape, type), "conv: version {} does not compute this shape on {}",
              version, name_of(type));
    }
  }
  return chosen;
}

void correlate(Stream& stream, int, Correlations& group) {
  if (group.jobs == 0) {
    return;
  }
  correlate_direct(stream, group);
  group.jobs = 0;
}

// ---- forward ----

// `operand` as elements of either type, checked.
template <typename AnySpan>
auto* checked(AnySpan operand, DType type, std::int64_t count, const char* what) {
  by_type(type, what, [&](auto zero) { elements<decltype(zero)>(operand, count, what); });
  return operand.data;
}

void forward(Stream& stream, int version, std::span<const ConvForward> jobs) {
  if (jobs.empty()) {
    return;
  }
  const DType type = jobs.front().y.type;
  const int chosen = version_for(version, ConvPass::forward, jobs, type);
  Correlations group;
  group.type = type;
  for (const auto& [s, x, w, bias, y] : jobs) {
    const Correlation job{
        .in = checked(x, type, s.n * s.l * s.h * s.c_in, "conv.forward: x"),
        .out = checked(y, type, s.n * s.l_out() * s.h * s.c_out, "conv.forward: y"),
        .w = elements<float>(w, s.k * s.c_in * s.c_out, "conv.forward: w"),
        .bias = elements_or_null<float>(bias, s.c_out, "conv.forward: bias"),
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
    };
    if (job.rows() > 0) {
      group.job[group.jobs++] = job;
    }
    if (group.jobs == max_jobs) {
      correlate(stream, chosen, group);
    }
  }
  correlate(stream, chosen, group);
}

// ---- the gradient of the input ----

void dgrad(Stream& stream, int version, std::span<const ConvDgrad> jobs) {
  if (jobs.empty()) {
    return;
  }
  const DType type = jobs.front().gx.type;
  const int chosen = version_for(version, ConvPass::dgrad, jobs, type);
  Correlations group;
  group.type = type;
  group.transposed = true;
  for (const auto& [s, gy, w, gx] : jobs) {
    Correlation job{
        .in = checked(gy, type, s.n * s.l_out() * s.h * s.c_out, "conv.dgrad: gy"),
        .out = checked(gx, type, s.n * s.l * s.h * s.c_in, "conv.dgrad: gx"),
        .w = elements<float>(w, s.k * s.c_in * s.c_out, "conv.dgrad: w"),
        .bias = nullptr,
        .n = to_int(s.n, "conv"),
        .h = to_int(s.h, "conv"),
        .in_length = to_int(s.l_out(), "conv"),
        .in_channels = to_int(s.c_out, "conv"),
        .out_length = to_int(s.l, "conv"),
        .out_channels = to_int(s.c_in, "conv"),
        .count = 0,
        .taps = 0,
        .pad = 0,
        .in_step = 1,
        .out_step = to_int(s.stride, "conv"),
        .out_first = 0,
        .first_tap = 0,
        .tap_step = -to_int(s.stride, "conv"),
    };
    const int k = to_int(s.k, "conv");
    const int stride = job.out_step;
    for (int q = 0; q < min(stride, job.out_length); ++q) {
      const int shift = q + to_int(s.pad, "conv");
      const int first = shift % stride;  // the lowest tap that reaches these steps
      job.count = (job.out_length - q + stride - 1) / stride;
      job.out_first = q;
      job.taps = first < k ? (k - first + stride - 1) / stride : 0;
      job.pad = job.taps - 1 - shift / stride;  // may be negative: the taps then begin further on
      job.first_tap = first + (job.taps - 1) * stride;
      if (job.rows() > 0) {
        group.job[group.jobs++] = job;
      }
      if (group.jobs == max_jobs) {
        correlate(stream, chosen, group);
      }
    }
  }
  correlate(stream, chosen, group);
}

// ---- the gradient of weights and bias ----

std::int64_t parts_of(int, const WeightGradient& job) {
  return wgrad_direct_parts(job);
}

void run_wgrad(Stream& stream, int version, WeightGradients& group) {
  if (group.jobs == 0) {
    return;
  }
  std::int64_t parts[max_jobs] = {};
  std::int64_t floats = 0;
  for (int j = 0; j < group.jobs; ++j) {
    parts[j] = parts_of(version, group.job[j]);
    floats += parts[j] * group.job[j].weights();
  }
  const Scratch partial(stream, floats * 4);
  floats = 0;
  for (int j = 0; j < group.jobs; ++j) {
    group.job[j].partial = partial.data() + floats;
    floats += parts[j] * group.job[j].weights();
  }
  wgrad_direct(stream, group);
  add_parts(stream, group, parts);
  group.jobs = 0;
}

void wgrad(Stream& stream, int version, std::span<const ConvWgrad> jobs) {
  if (jobs.empty()) {
    return;
  }
  const DType type = jobs.front().x.type;
  const int chosen = version_for(version, ConvPass::wgrad, jobs, type);
  WeightGradients group;
  group.type = type;
  for (const auto& [s, x, gy, gw, gbias] : jobs) {
    const WeightGradient job{
        .x = checked(x, type, s.n * s.l * s.h * s.c_in, "conv.wgrad: x"),
        .gy = checked(gy, type, s.n * s.l_out() * s.h * s.c_out, "conv.wgrad: gy"),
        .gw = elements<float>(gw, s.k * s.c_in * s.c_out, "conv.wgrad: gw"),
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
    };
    float* const bias_sums = elements_or_null<float>(gbias, s.c_out, "conv.wgrad: gbias");
    if (job.rows() == 0) {
      continue;
    }
    group.job[group.jobs++] = job;
    if (group.jobs == max_jobs) {
      run_wgrad(stream, chosen, group);
    }
    if (bias_sums != nullptr) {
      add_bias_gradient(stream, job.rows(), s.c_out, gy, bias_sums);
    }
  }
  run_wgrad(stream, chosen, group);
}

}  // namespace

const ConvVersions& conv_versions() {
  static constexpr ConvVersions versions = {
      .supports = supports, .forward = forward, .dgrad = dgrad, .wgrad = wgrad};
  return versions;
}

ConvKernels conv_kernels() {
  return {
      .forward =
          [](Stream& stream, const ConvShape& shape, ConstSpan x, ConstSpan w, ConstSpan bias, Span y) {
            const ConvForward job{shape, x, w, bias, y};
            forward(stream, ConvVersions::best, {&job, 1});
          },
      .dgrad =
          [](Stream& stream, const ConvShape& shape, ConstSpan gy, ConstSpan w, Span gx) {
            const ConvDgrad job{shape, gy, w, gx};
            dgrad(stream, ConvVersions::best, {&job, 1});
          },
      .wgrad =
          [](Stream& stream, const ConvShape& shape, ConstSpan x, ConstSpan gy, Span gw, Span gbias) {
            const ConvWgrad job{shape, x, gy, gw, gbias};
            wgrad(stream, ConvVersions::best, {&job, 1});
          },
  };
}

}  // namespace sec::kernels::SEC_BACKEND
