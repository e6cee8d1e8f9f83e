// Long short-term memory (Hochreiter & Schmidhuber 1997), in one or both directions, several layers deep,
// with PyTorch's gates, their order, and its two biases.
#pragma once

#include <string>
#include <vector>

#include "layers/parameters.h"

namespace sec::layers {

struct LstmOptions {
  std::int64_t in = 1, hidden = 1;  // In; Hid units a direction
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // of what each layer gives to the next

  std::int64_t directions() const { return bidirectional ? 2 : 1; }
  std::int64_t out() const { return hidden * directions(); }  // Out
  std::int64_t in_of(std::int64_t layer) const { return layer == 0 ? in : out(); }
};

// One direction of one layer.
struct LstmCell {
  Parameter* weight_ih =
      nullptr;  // (In, 4 Hid), of a higher layer (Out, 4 Hid); parts in the order i, f, g, o
  Parameter* weight_hh = nullptr;  // (Hid, 4 Hid)
  Parameter* bias_ih = nullptr;    // (4 Hid)
  Parameter* bias_hh = nullptr;    // (4 Hid)
  bool reverse = false;
};

struct Lstm {
  std::string name;
  std::vector<LstmCell> cells;  // layer by layer, within one the direction forward in time first
  LstmOptions options;
};

// Registers NAME.weight_ih_l0, NAME.weight_hh_l0, NAME.bias_ih_l0, NAME.bias_hh_l0, the same with the suffix
// _reverse, and so on for l1, ...; all uniform in 1 / sqrt(Hid), as in PyTorch. Throws Error on a size below
// 1 and a dropout outside [0, 1).
Lstm make_lstm(ParameterSet& set, const std::string& name, const LstmOptions& options);

// (N, T, In) to (N, T, Out): the last layer's hidden states at every time step, from a state of zeros. Throws
// Error on another shape and on a sequence without time steps.
Var lstm(Pass& pass, const Lstm& layer, const Var& x);

// From these (N, T, Out) to (N, Out): the state of each direction after its last step, which is time step
// T - 1 forward and time step 0 in reverse.
Var last_states(Pass& pass, const Lstm& layer, const Var& y);

}  // namespace sec::layers
