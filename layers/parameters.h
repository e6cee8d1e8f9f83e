// The named tensors of a network.
// One flat buffer holds all parameters, a second one their gradients and a third one the running statistics.
// An optimizer step is then a single kernel launch.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "engine/philox.h"
#include "layers/pass.h"

namespace sec::layers {

// The distribution of a parameter's initial values.
struct Initial {
  enum class Kind { constant, uniform } kind = Kind::constant;
  float value = 0;  // the constant, or the bound b of uniform(-b, b)

  static Initial constant(float value) { return {Kind::constant, value}; }
  static Initial uniform(float bound) { return {Kind::uniform, bound}; }
  // Kaiming initialisation for ReLU (He et al. 2015): uniform with variance 2 / fan_in.
  static Initial kaiming(std::int64_t fan_in);
};

// A trained tensor. ParameterSet::allocate makes value and gradient views of the set's flat buffers.
struct Parameter {
  std::string name;
  Shape shape;
  Initial initial;
  Tensor value;
  Tensor gradient;

  // The weights rearranged for faster inference on inputs of one length.
  // Valid while value.version() equals `version`.
  struct Prepared {
    Tensor value;
    std::uint64_t version = 0;
    std::int64_t length = 0;
  } prepared = {};
};

// A tensor that the forward pass updates instead of the optimizer, such as running statistics.
struct State {
  std::string name;
  Shape shape;
  float fill = 0;
  Tensor value;
};

class ParameterSet {
 public:
  // Register a tensor. The returned reference is valid during the lifetime of the set.
  // Throw Error if the name is taken and after allocate().
  Parameter& add(std::string name, const Shape& shape, Initial initial);
  State& add_state(std::string name, const Shape& shape, float fill);

  // Allocates and initialises all registered tensors.
  // The i-th parameter draws its values with RandomKey{seed, initial_step, i},
  // so initial values are bitwise equal on every device.
  static constexpr std::uint32_t initial_step = 0xFFFFFFFF;
  void allocate(Stream& stream, std::uint64_t seed);

  std::int64_t count() const;                      // number P of trained scalars
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

// The parameter as an input of a recorded operation, or as a constant if the pass has no tape.
Var use(Pass& pass, Parameter& parameter);

}  // namespace sec::layers
