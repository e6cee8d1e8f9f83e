#include <cmath>

#include "engine/ranges.h"
#include "kernels/cpu/loops.h"
#include "kernels/cpu/parts.h"

namespace sec::kernels::cpu::SEC_ISA {
namespace {

// Calls body(begin, end) for blocks of [0, count).
// The bodies are plain loops over separate arrays, which the compiler vectorises.
template <typename Body>
void for_each_block(std::int64_t count, const Body& body) {
  for_blocks((count + block_floats - 1) / block_floats, count, [&](std::int64_t block) {
    body(block * block_floats, std::min(count, (block + 1) * block_floats));
  });
}

// Returns the factor that clips the gradient.
float clipping(float sum_of_squares, float clip_norm) {
  const float norm = std::sqrt(sum_of_squares);
  return clip_norm > 0 && norm > clip_norm ? clip_norm / norm : 1.0F;
}

// Updates one block of the moving average, unless it is null.
void blend(std::int64_t begin, std::int64_t end, float decay, const float* parameters, float* average) {
  if (average == nullptr) {
    return;
  }
  const float* __restrict const p = parameters;
  float* __restrict const a = average;
  for (std::int64_t i = begin; i < end; ++i) {
    a[i] = decay * a[i] + (1.0F - decay) * p[i];
  }
}

void adam(Stream&, const AdamOptions& options, const StepValues* now, ConstSpan sum_of_squares,
          ConstSpan gradient_span, Span parameters_span, Span first_moment_span, Span second_moment_span,
          Span average_span) {
  const Range range("adam");
  const std::int64_t count = parameters_span.count;
  const float* const gradient = floats(gradient_span, count, "adam: gradient");
  float* const parameters = floats(parameters_span, count, "adam: parameters");
  float* const first_moment = floats(first_moment_span, count, "adam: first_moment");
  float* const second_moment = floats(second_moment_span, count, "adam: second_moment");
  float* const average = floats_or_null(average_span, count, "adam: average");
  const float average_decay = now->average_decay;
  const float squares = *floats(sum_of_squares, 1, "adam: sum_of_squares");
  const bool finite = std::isfinite(squares);
  const AdamOptions o = options;
  const float scale = clipping(squares, o.clip_norm);
  const float rate = now->adam_rate;
  const float correction = now->adam_correction;
  const float added_decay = o.decoupled ? 0.0F : o.weight_decay;
  const float kept = o.decoupled ? 1.0F - now->rate * o.weight_decay : 1.0F;
  for_each_block(count, [=](std::int64_t begin, std::int64_t end) {
    const std::int64_t stepped = finite ? end : begin;  // nothing is updated if the gradient is not finite
    const float* __restrict const g = gradient;
    float* __restrict const p = parameters;
    float* __restrict const m = first_moment;
    float* __restrict const v = second_moment;
    for (std::int64_t i = begin; i < stepped; ++i) {
      const float slope = g[i] * scale + added_decay * p[i];
      m[i] = o.beta1 * m[i] + (1.0F - o.beta1) * slope;
      v[i] = o.beta2 * v[i] + (1.0F - o.beta2) * slope * slope;
      p[i] = kept * p[i] - rate * m[i] / (std::sqrt(v[i]) * correction + o.epsilon);
    }
    blend(begin, end, average_decay, p, average);
  });
}

void sgd(Stream&, const SgdOptions& options, const StepValues* now, ConstSpan sum_of_squares,
         ConstSpan gradient_span, Span parameters_span, Span velocity_span, Span average_span) {
  const Range range("sgd");
  const std::int64_t count = parameters_span.count;
  const float* const gradient = floats(gradient_span, count, "sgd: gradient");
  float* const parameters = floats(parameters_span, count, "sgd: parameters");
  float* const velocity = floats(velocity_span, count, "sgd: velocity");
  float* const average = floats_or_null(average_span, count, "sgd: average");
  const float average_decay = now->average_decay;
  const float squares = *floats(sum_of_squares, 1, "sgd: sum_of_squares");
  const bool finite = std::isfinite(squares);
  const SgdOptions o = options;
  const float scale = clipping(squares, o.clip_norm);
  const float rate = now->rate;
  for_each_block(count, [=](std::int64_t begin, std::int64_t end) {
    const std::int64_t stepped = finite ? end : begin;  // nothing is updated if the gradient is not finite
    const float* __restrict const g = gradient;
    float* __restrict const p = parameters;
    float* __restrict const v = velocity;
    for (std::int64_t i = begin; i < stepped; ++i) {
      const float slope = g[i] * scale + o.weight_decay * p[i];
      v[i] = o.momentum * v[i] + slope;
      p[i] -= rate * (o.nesterov ? slope + o.momentum * v[i] : v[i]);
    }
    blend(begin, end, average_decay, p, average);
  });
}

void moving_average(Stream&, const StepValues* now, ConstSpan parameters_span, Span average_span) {
  const Range range("moving_average");
  const float decay = now->average_decay;
  const std::int64_t count = average_span.count;
  float* const average = floats(average_span, count, "moving_average: average");
  const float* const parameters = floats(parameters_span, count, "moving_average: parameters");
  for_each_block(
      count, [=](std::int64_t begin, std::int64_t end) { blend(begin, end, decay, parameters, average); });
}

void sum_of_squares(Stream&, ConstSpan x_span, Span sum_span) {
  const Range range("sum_of_squares");
  const float* const x = floats(x_span, x_span.count, "sum_of_squares: x");
  float* const sum = floats(sum_span, 1, "sum_of_squares: sum");
  const std::int64_t blocks = (x_span.count + block_floats - 1) / block_floats;
  const Scratch partial(2 * blocks);  // doubles: squares of large elements overflow f32
  double* const sums = reinterpret_cast<double*>(partial.data());
  for_each_block(x_span.count, [&](std::int64_t begin, std::int64_t end) {
    constexpr int chains = 16;
    double chain[chains] = {};
    std::int64_t i = begin;
    for (; i + chains <= end; i += chains) {
      for (int lane = 0; lane < chains; ++lane) {
        chain[lane] += double{x[i + lane]} * double{x[i + lane]};
      }
    }
    for (; i < end; ++i) {
      chain[0] += double{x[i]} * double{x[i]};
    }
    double total = 0;
    for (const double value : chain) {
      total += value;
    }
    sums[begin / block_floats] = total;
  });
  double total = 0;
  for (std::int64_t block = 0; block < blocks; ++block) {
    total += sums[block];
  }
  *sum = static_cast<float>(total);
}

}  // namespace

OptimizerKernels optimizer_kernels() {
  return {adam, sgd, moving_average, sum_of_squares};
}

}  // namespace sec::kernels::cpu::SEC_ISA
