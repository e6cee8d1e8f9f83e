// Reverse-mode automatic differentiation. A tape records one node per differentiable operation, in order.
// A node holds the operation's inputs and a closure that computes their gradients from the output's gradient.
// Tape::backward walks the nodes in reverse. The tape knows no operation by name: layers/ records them.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "engine/ranges.h"
#include "engine/tensor.h"

namespace sec {

class Tape;

// The window in time that each output position of an operation reads:
// position i reads the input's positions i * stride - pad to i * stride - pad + k - 1.
struct TimeWindow {
  std::int64_t k = 1, stride = 1, pad = 0;
};

// A tensor that may be the output of a recorded operation.
struct Var {
  Tensor value;
  std::int64_t node = -1;  // index on the tape; -1: a constant, which receives no gradient

  Var() = default;
  Var(Tensor tensor) : value(std::move(tensor)) {}  // NOLINT(google-explicit-constructor): a constant
  Var(Tensor tensor, std::int64_t id) : value(std::move(tensor)), node(id) {}

  bool needs_gradient() const { return node >= 0; }
  const Shape& shape() const { return value.shape(); }
};

// A tensor kept for the backward pass. get() throws Error if the tensor was overwritten after it was saved.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  const Tensor& get() const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

// Through this object a backward closure delivers the gradients of its node's inputs.
class Gradients {
 public:
  // Whether input `i` needs a gradient. If not, the closure can skip computing one.
  bool wanted(int i) const;
  // Adds `gradient`, which has the input's shape, to the gradient that input `i` has received so far.
  void add(int i, Tensor gradient);
  // Removes and returns the gradient that input `i` has received so far; undefined if there is none.
  // A fused kernel can add the received gradient while writing its own; the closure passes the sum to add().
  Tensor release(int i);
  // The gradient of input `i`, a parameter. The kernel adds its contribution to this tensor.
  Tensor& sum(int i);

 private:
  friend class Tape;
  Gradients(Tape& tape, std::int64_t node) : tape_(tape), node_(node) {}
  Tape& tape_;
  std::int64_t node_;
};

class Tape {
 public:
  using Backward = std::function<void(const Tensor& gradient, Gradients& inputs)>;
  using GroupBackward = std::function<void(const std::vector<Tensor>& gradients, Gradients& inputs)>;
  using Accumulate = void (*)(Stream& stream, Tensor& into, const Tensor& gradient);  // into += gradient
  // An operation as it is recorded. `node` is its output's node, -1 if it needs no gradient.
  struct Operation {
    const char* name;
    const Tensor& value;
    const std::vector<Var>& inputs;
    TimeWindow window;
    std::int64_t node;
  };
  using Watch = std::function<void(const Operation& operation)>;
  using WatchBackward = std::function<void(std::int64_t node, const Tensor& gradient)>;

  Tape(Stream& stream, Accumulate accumulate)
      : stream_(stream), accumulate_(accumulate), outer_ranges_(open_ranges().size()) {}

  // A leaf for a trained tensor. Its gradient is added to `gradient`, which has the same shape.
  // The caller owns `gradient` and sets it to zero.
  Var parameter(Tensor value, Tensor gradient);
  // A leaf whose gradient can be read with gradient_of() after backward().
  Var leaf(Tensor value);

  // Records an operation that computed `value`. `name` must be a string literal.
  // If no input needs a gradient, nothing is recorded and the closure is discarded with its saved tensors.
  Var record(const char* name, Tensor value, const std::vector<Var>& inputs, Backward backward,
             TimeWindow window = {});

  // Records a group: several operations of one kind whose forward and backward kernels run together.
  // Each operation has one of `values` and an equal, consecutive share of `inputs`.
  // The closure uses the indices of `inputs`.
  // The gradient of a value that the root does not depend on is undefined.
  // `windows` has the window of each operation, or is empty if they work position by position.
  std::vector<Var> record_group(const char* name, std::vector<Tensor> values, const std::vector<Var>& inputs,
                                GroupBackward backward, const std::vector<TimeWindow>& windows = {});

  // Calls `watch` with every operation recorded from now on. Diagnostics use it to inspect a forward pass.
  void watch(Watch watch) { watch_ = std::move(watch); }
  // Calls `watch` during backward() with the complete gradient of every recorded operation's output, in the
  // order of the walk, before the operation's closure runs.
  void watch_backward(WatchBackward watch) { watch_backward_ = std::move(watch); }

  // Computes the gradients of all leaves that `root` depends on. `seed` is the gradient of the root.
  // Each closure is freed with its saved tensors as soon as it has run, so a second call throws Error.
  // Also throws Error, naming the operation, if a saved tensor was overwritten.
  void backward(const Var& root, Tensor seed);

  // The gradient of a leaf; undefined if backward() did not reach the leaf.
  Tensor gradient_of(const Var& leaf) const;

  std::int64_t size() const { return static_cast<std::int64_t>(nodes_.size()); }

 private:
  friend class Gradients;
  struct Node {
    const char* name;
    Shape shape;
    std::vector<std::int64_t> inputs;  // node ids, -1 for constants
    GroupBackward backward;            // empty for leaves and for all nodes of a group but the first
    Tensor gradient;                   // gradient of the output, during backward(); leaves keep it
    bool is_parameter = false;
    std::size_t group = 1;  // number of consecutive nodes that share this node's closure
    // The ranges in which the operation was recorded, without those around the tape. Empty without a listener.
    std::vector<RangeName> path = {};
  };

  Node& node_of(const Var& var, const char* what);

  Stream& stream_;
  Accumulate accumulate_;
  std::size_t outer_ranges_;  // ranges that were open when the tape was made
  std::vector<Node> nodes_;
  Watch watch_;
  WatchBackward watch_backward_;
  bool walked_ = false;
};

}  // namespace sec
