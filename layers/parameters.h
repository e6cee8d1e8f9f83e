// The named tensors of a network. All parameters live in one flat buffer, their gradients in a second, the
// running statistics in a third: one optimizer launch, one memset, one checkpoint write.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "layers/pass.h"

namespace sec::layers {

// How a parameter's first values are drawn.
struct Initial {
  enum class Kind { constant, uniform } kind = Kind::constant;
  float value = 0;  // the constant, or the bound of uniform(-bound, bound)

  static Initial constant(float value) { return {Kind::constant, value}; }
  static Initial uniform(float bound) { return {Kind::uniform, bound}; }
  // He et al. 2015, for ReLU: uniform with variance 2 / fan_in.
  static Initial kaiming(std::int64_t fan_in);
};

// A trained tensor. Its memory is part of the set's flat buffers, once the set is allocated.
struct Parameter {
  std::string name;
  Shape shape;
  Initial initial;
  Tensor value;
  Tensor gradient;

  // What inference has made of the value to read it faster, for inputs of one length: of no use once it
  // changed.
  struct Prepared {
    Tensor value;
    std::uint64_t version = 0;
    std::int64_t length = 0;
  } prepared = {};
};

// A tensor that the forward pass updates and the optimizer does not, such as running statistics.
struct State {
  std::string name;
  Shape shape;
  float fill = 0;
  Tensor value;
};

class ParameterSet {
 public:
  // Registers a tensor. The reference stays valid for the life of the set. Throws Error on a name already
  // taken, and after allocate().
  Parameter& add(std::string name, const Shape& shape, Initial initial);
  State& add_state(std::string name, const Shape& shape, float fill);

  // Gives all registered tensors memory and their initial values: the i-th parameter draws from
  // RandomKey{seed, initial_step, i}, so a network starts from the same bits on every device.
  static constexpr std::uint32_t initial_step = 0xFFFFFFFF;
  void allocate(Stream& stream, std::uint64_t seed);

  std::int64_t count() const;                      // trained scalars
  Tensor values() const { return values_; }        // (P) f32, flat
  Tensor gradients() const { return gradients_; }  // (P) f32, flat
  Tensor states() const { return states_; }        // (S) f32, flat

  std::deque<Parameter>& parameters() { return parameters_; }
  const std::deque<Parameter>& parameters() const { return parameters_; }
  std::deque<State>& state() { return state_; }
  const std::deque<State>& state() const { return state_; }

 private:
  std::deque<Parameter> parameters_;
  std::deque<State> state_;
  Tensor values_;
  Tensor gradients_;
  Tensor states_;
};

// The parameter as an input of a recorded operation, or as a constant if the pass records nothing.
Var use(Pass& pass, Parameter& parameter);

}  // namespace sec::layers
