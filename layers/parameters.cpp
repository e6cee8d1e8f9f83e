#include "layers/parameters.h"

#include <algorithm>
#include <cmath>

#include "kernels/table.h"

namespace sec::layers {
namespace {

template <typename Named>
void require_new(const std::deque<Named>& taken, const std::string& name) {
  require(std::ranges::find(taken, name, &Named::name) == taken.end(), "parameter {}: the name is taken",
          name);
}

template <typename Named>
std::int64_t total_count(const std::deque<Named>& tensors) {
  std::int64_t total = 0;
  for (const Named& tensor : tensors) {
    total += tensor.shape.count();
  }
  return total;
}

void fill(Stream& stream, Tensor& tensor, float value) {
  kernels::table(stream).pointwise.fill_uniform(stream, {}, value, value, tensor.write());
}

}  // namespace

Initial Initial::kaiming(std::int64_t fan_in) {
  require(fan_in > 0, "kaiming initialisation: expected a positive fan-in, got {}", fan_in);
  return uniform(static_cast<float>(std::sqrt(6.0 / static_cast<double>(fan_in))));
}

Parameter& ParameterSet::add(std::string name, const Shape& shape, Initial initial) {
  require(!values_.defined(), "parameter {}: added after the set was allocated", name);
  require_new(parameters_, name);
  require_new(state_, name);
  return parameters_.emplace_back(Parameter{std::move(name), shape, initial, Tensor(), Tensor()});
}

State& ParameterSet::add_state(std::string name, const Shape& shape, float fill) {
  require(!values_.defined(), "parameter {}: added after the set was allocated", name);
  require_new(parameters_, name);
  require_new(state_, name);
  return state_.emplace_back(State{std::move(name), shape, fill, Tensor()});
}

void ParameterSet::allocate(Stream& stream, std::uint64_t seed) {
  require(!values_.defined(), "parameters: allocated twice");
  values_ = Tensor::zeros(stream, {count()});
  gradients_ = Tensor::zeros(stream, {count()});
  states_ = Tensor::zeros(stream, {total_count(state_)});

  // Parameters whose size is not a multiple of 16 bytes go last, so that all others stay aligned to 16 bytes.
  // Kernels load aligned weights 16 bytes at a time.
  const auto whole = [](const Parameter& parameter) { return parameter.shape.count() % 4 == 0; };
  std::int64_t offset = 0;
  std::int64_t odd_offset = 0;
  for (const Parameter& parameter : parameters_) {
    odd_offset += whole(parameter) ? parameter.shape.count() : 0;
  }
  std::uint32_t index = 0;
  for (Parameter& parameter : parameters_) {
    const std::int64_t size = parameter.shape.count();
    std::int64_t& place = whole(parameter) ? offset : odd_offset;
    parameter.value = values_.slice(place, size).view(parameter.shape);
    parameter.gradient = gradients_.slice(place, size).view(parameter.shape);
    place += size;
    if (parameter.initial.kind == Initial::Kind::constant) {
      fill(stream, parameter.value, parameter.initial.value);
    } else {
      const float bound = parameter.initial.value;
      kernels::table(stream).pointwise.fill_uniform(stream, {seed, initial_step, index}, -bound, bound,
                                                    parameter.value.write());
    }
    ++index;
  }
  offset = 0;
  for (State& state : state_) {
    state.value = states_.slice(offset, state.shape.count()).view(state.shape);
    fill(stream, state.value, state.fill);
    offset += state.shape.count();
  }
}

std::int64_t ParameterSet::count() const {
  return total_count(parameters_);
}

Var use(Pass& pass, Parameter& parameter) {
  require(parameter.value.defined(), "parameter {}: used before its set was allocated", parameter.name);
  if (pass.tape == nullptr) {
    return parameter.value;
  }
  return pass.tape->parameter(parameter.value, parameter.gradient);
}

}  // namespace sec::layers
