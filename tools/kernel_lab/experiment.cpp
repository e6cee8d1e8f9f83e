#include "tools/kernel_lab/experiment.h"

#include <bit>
#include <cmath>

#include "engine/dtype.h"
#include "engine/philox.h"
#include "engine/tensor.h"
#include "kernels/cuda/conv_versions.h"
#include "kernels/reference/reference.h"
#include "tools/kernel_lab/recorder.h"

namespace sec::lab {
namespace {

using kernels::ConvPass;
using kernels::ConvShape;
using kernels::reference::Values;

// Numbers in [-1, 1), except 0, that are exact in TF32 or bf16. Rounding operands therefore changes nothing, and products
// are exact in f32.
std::vector<float> numbers(std::int64_t count, std::uint32_t which, DType type) {
  const std::uint32_t mask = type == DType::bf16 ? 0xffff0000U : 0xffffe000U;
  std::vector<float> values;
  for (std::int64_t i = 0; i < count; ++i) {
    const float value = 2 * uniform({19, which, 1}, static_cast<std::uint64_t>(i)) - 1;
    const float rounded = std::bit_cast<float>(std::bit_cast<std::uint32_t>(value) & mask);
    values.push_back(rounded == 0 ? 0.5F : rounded);
  }
  return values;
}

std::int64_t count_of(const std::vector<std::int64_t>& shape) {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) {
    count *= extent;
  }
  return count;
}

struct DeviceOperand {
  Operand host;
  Tensor tensor;
};

Tensor to_device(const std::vector<float>& values, DType type) {
  Tensor tensor = Tensor::empty({static_cast<std::int64_t>(values.size())}, type, Device::simt);
  if (type == DType::f32) {
    std::copy(values.begin(), values.end(), tensor.write().as<float>("operand"));
  } else {
    bf16* const to = tensor.write().as<bf16>("operand");
    for (std::size_t i = 0; i < values.size(); ++i) {
      to[i] = bf16(values[i]);
    }
  }
  return tensor;
}

std::vector<float> to_host(const Tensor& tensor) {
  const ConstSpan span = tensor.read();
  std::vector<float> values;
  for (std::int64_t i = 0; i < span.count; ++i) {
    values.push_back(span.type == DType::f32 ? span.as<float>("result")[i]
                                             : static_cast<float>(span.as<bf16>("result")[i]));
  }
  return values;
}

// The names of the kernels that an experiment may run: the one of its version and pass.
std::string kernel_of(const Experiment& experiment) {
  const char* const pass = experiment.pass == ConvPass::wgrad ? "conv_wgrad_" : "conv_";
  return pass + version_names.at(static_cast<std::size_t>(experiment.version - 1));
}

// Plain loops in double precision, and how many products they add up for an element.
struct Expected {
  Values values;
  std::int64_t terms;
};
Expected expected_of(const Experiment& experiment, const std::vector<DeviceOperand>& operands) {
  const ConvShape& s = experiment.shape;
  const auto values = [&](std::size_t i) {
    return Values(operands[i].host.values.begin(), operands[i].host.values.end());
  };
  switch (experiment.pass) {
    case ConvPass::forward:
      return {kernels::reference::conv_forward(s, values(0), values(1), values(2)), s.k * s.c_in};
    case ConvPass::dgrad:
      return {kernels::reference::conv_dgrad(s, values(0), values(1)), s.k * s.c_out};
    default:
      return {kernels::reference::conv_wgrad(s, values(0), values(1)).gw, s.n * s.l_out() * s.h};
  }
}

void compare(const Expected& expected, DType result_type, const std::vector<float>& got, Outcome& outcome) {
  // A sum of f32 products rounds once per term, by half a unit in the last place. A bf16 result rounds once more.
  constexpr double unit = 0x1p-24;
  const double absolute = 2 * unit * static_cast<double>(expected.terms + 8);
  const double relative = result_type == DType::bf16 ? 0x1.01p-8 : 2 * unit;
  double worst = -1;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double difference = std::abs(double{got[i]} - expected.values[i]);
    const double tolerance = absolute + relative * std::abs(expected.values[i]);
    if (!(difference / tolerance <= worst)) {  // NaN is the worst of all
      worst = difference / tolerance;
      outcome.difference = difference;
      outcome.tolerance = tolerance;
    }
  }
  outcome.equal = worst <= 1;
}

}  // namespace

const std::vector<std::string> version_names{"direct", "tiled", "blocked", "tensor"};

Outcome run(const Experiment& experiment, const std::array<unsigned, 3>* block) {
  const ConvShape& s = experiment.shape;
  const DType type = experiment.type;
  const kernels::ConvVersions& versions = kernels::simt::conv_versions();
  require(versions.supports(experiment.version, experiment.pass, s, type),
          "version {} does not compute this: it needs channels that fill 16 bytes, so multiples of {}",
          version_names.at(static_cast<std::size_t>(experiment.version - 1)), type == DType::f32 ? 4 : 8);
  const std::vector<std::int64_t> x{s.n, s.l, s.h, s.c_in};
  const std::vector<std::int64_t> y{s.n, s.l_out(), s.h, s.c_out};
  const std::vector<std::int64_t> w{s.k, s.c_in, s.c_out};
  std::vector<DeviceOperand> operands;
  const auto add = [&](const char* name, const std::vector<std::int64_t>& shape, DType as, bool is_result) {
    const auto which = static_cast<std::uint32_t>(operands.size());
    std::vector<float> values = is_result ? std::vector<float>(static_cast<std::size_t>(count_of(shape)))
                                          : numbers(count_of(shape), which, type);
    operands.push_back({{name, shape, values}, to_device(values, as)});
  };
  switch (experiment.pass) {
    case ConvPass::forward:
      add("x", x, type, false);
      add("w", w, DType::f32, false);
      add("bias", {s.c_out}, DType::f32, false);
      add("y", y, type, true);
      break;
    case ConvPass::dgrad:
      add("gy", y, type, false);
      add("w", w, DType::f32, false);
      add("gx", x, type, true);
      break;
    default:
      add("x", x, type, false);
      add("gy", y, type, false);
      add("gw", w, DType::f32, true);
  }
  std::vector<Array> arrays;
  for (const DeviceOperand& operand : operands) {
    const auto element = static_cast<unsigned>(size_of(operand.tensor.type()));
    arrays.push_back({operand.host.name, false, reinterpret_cast<std::uintptr_t>(operand.tensor.read().data),
                      static_cast<std::size_t>(operand.tensor.count()) * element, element,
                      operand.host.shape});
  }
  Watch watching;
  watching.kernels = {kernel_of(experiment)};
  watching.records = block != nullptr;
  if (block != nullptr) {
    watching.block = *block;
  }
  if (experiment.pass == ConvPass::wgrad) {
    watching.scratch = "sums of parts";
  } else if (type == DType::bf16) {
    watching.scratch = "w as bf16";
    watching.scratch_shape = w;
  }
  watch(watching, arrays);

  Stream stream{Device::simt};
  Tensor& result = operands.back().tensor;
  switch (experiment.pass) {
    case ConvPass::forward: {
      const kernels::ConvForward one{s, operands[0].tensor.read(), operands[1].tensor.read(),
                                     operands[2].tensor.read(), result.write()};
      versions.forward(stream, experiment.version, {&one, 1});
      break;
    }
    case ConvPass::dgrad: {
      const kernels::ConvDgrad one{s, operands[0].tensor.read(), operands[1].tensor.read(), result.write()};
      versions.dgrad(stream, experiment.version, {&one, 1});
      break;
    }
    default: {
      const kernels::ConvWgrad one{
          s, operands[0].tensor.read(), operands[1].tensor.read(), result.write(), {}};
      versions.wgrad(stream, experiment.version, {&one, 1});
    }
  }
  Outcome outcome;
  outcome.trace = take_trace();
  operands.back().host.values = to_host(result);
  compare(expected_of(experiment, operands), result.type(), operands.back().host.values, outcome);
  for (DeviceOperand& operand : operands) {
    outcome.operands.push_back(std::move(operand.host));
  }
  return outcome;
}

}  // namespace sec::lab
