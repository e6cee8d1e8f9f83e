// Long short-term memory (Hochreiter & Schmidhuber 1997) with one or more layers in one or both directions.
// Gates, gate order and the two biases per cell are those of PyTorch.
#pragma once

#include <string>
#include <vector>

#include "layers/parameters.h"

namespace sec::layers {

struct LstmOptions {
  std::int64_t in = 1, hidden = 1;  // In; Hid, the hidden units per direction
  std::int64_t layers = 1;
  bool bidirectional = false;
  double dropout = 0;  // dropout rate between layers

  std::int64_t directions() const { return bidirectional ? 2 : 1; }
  std::int64_t out() const { return hidden * directions(); }  // Out
  std::int64_t in_of(std::int64_t layer) const { return layer == 0 ? in : out(); }
};

// One direction of one layer. In is Out for all layers but the first. Gates are in the order i, f, g, o.
struct LstmCell {
  Parameter* weight_ih = nullptr;  // (In, 4 Hid)
  Parameter* weight_hh = nullptr;  // (Hid, 4 Hid)
  Parameter* bias_ih = nullptr;    // (4 Hid)
  Parameter* bias_hh = nullptr;    // (4 Hid)
  bool reverse = false;
};

struct Lstm {
  std::string name;
  std::vector<LstmCell> cells;  // ordered by layer; within a layer, forward in time first
  LstmOptions options;
};

// Registers NAME.weight_ih_l0, NAME.weight_hh_l0, NAME.bias_ih_l0 and NAME.bias_hh_l0.
// A bidirectional LSTM also registers these names with the suffix _reverse.
// Further layers have l1, l2, ... instead of l0.
// All are drawn from uniform(-b, b) with b = 1 / sqrt(Hid), as in PyTorch.
// Throws Error on a size below 1 and on a dropout outside [0, 1).
Lstm make_lstm(ParameterSet& set, const std::string& name, const LstmOptions& options);

// x (N, T, In) to (N, T, Out): the last layer's hidden states at every time step. The initial state is zero.
// Throws Error on another shape and if T is 0.
Var lstm(Pass& pass, const Lstm& layer, const Var& x);

// y (N, T, Out), the hidden states, to (N, Out): the final state of each direction.
// The final time step is T - 1 forward and 0 in reverse.
Var last_states(Pass& pass, const Lstm& layer, const Var& y);

}  // namespace sec::layers
