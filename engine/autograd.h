// Reverse-mode automatic differentiation. A tape records, in order, one node per differentiable operation:
// its inputs and a closure that turns the gradient of its output into gradients of its inputs. backward()
// walks the nodes in reverse. The tape knows no operation by name: layers/ record them.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "engine/tensor.h"

namespace sec {

class Tape;

// A tensor that may have come out of a recorded operation.
struct Var {
  Tensor value;
  std::int64_t node = -1;  // on the tape that recorded it; -1: a constant, no gradient flows into it

  Var() = default;
  Var(Tensor tensor) : value(std::move(tensor)) {}  // NOLINT(google-explicit-constructor): a constant
  Var(Tensor tensor, std::int64_t id) : value(std::move(tensor)), node(id) {}

  bool needs_gradient() const { return node >= 0; }
  const Shape& shape() const { return value.shape(); }
};

// A tensor kept for the backward pass. get() throws Error if its memory was written to since it was saved.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  const Tensor& get() const;

 private:
  Tensor tensor_;
  std::uint64_t version_ = 0;
};

// Where a closure puts the gradients of its node's inputs.
class Gradients {
 public:
  // Whether input `i` wants a gradient: skip the arithmetic if not.
  bool wanted(int i) const;
  // Adds `gradient` (of the input's shape) to what input `i` has received from other operations.
  void add(int i, Tensor gradient);
  // Takes away what input `i` has received so far, undefined if nothing: for a closure that adds it up while
  // it writes its own gradient, and then gives the sum to add().
  Tensor release(int i);
  // For inputs that are parameters: the tensor to which the kernel adds its contribution.
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
  using Watch = std::function<void(const char* name, const Tensor& value, const std::vector<Var>& inputs)>;

  Tape(Stream& stream, Accumulate accumulate) : stream_(stream), accumulate_(accumulate) {}

  // A leaf whose gradient is added to `gradient`, a tensor of the same shape that the caller owns and zeroes.
  Var parameter(Tensor value, Tensor gradient);
  // A leaf whose gradient can be asked for after backward() with gradient_of().
  Var leaf(Tensor value);

  // Records an operation named `name` (a string literal) that computed `value`. If no input needs a gradient
  // nothing is recorded, and the closure and all it saved are dropped.
  Var record(const char* name, Tensor value, const std::vector<Var>& inputs, Backward backward);

  // Records several operations of one kind that run together, forward and backward: each has one of `values`
  // and an equal share of `inputs`, in order. The closure numbers the inputs as in that list; the gradient of
  // a value that the root does not depend on is undefined.
  std::vector<Var> record_group(const char* name, std::vector<Tensor> values, const std::vector<Var>& inputs,
                                GroupBackward backward);

  // Has `watch` called with every operation that is recorded from now on, for looking into a forward pass.
  void watch(Watch watch) { watch_ = std::move(watch); }

  // Fills the gradients of all leaves that `root` depends on, starting from `seed` (of the root's shape).
  // Each closure, and with it what it saved, is freed as soon as it has run; so a tape can be walked once: a
  // second call throws Error, as does a saved tensor that was overwritten, naming the operation.
  void backward(const Var& root, Tensor seed);

  // The gradient that reached a leaf. Undefined if none did.
  Tensor gradient_of(const Var& leaf) const;

  std::int64_t size() const { return static_cast<std::int64_t>(nodes_.size()); }

 private:
  friend class Gradients;
  struct Node {
    const char* name;
    Shape shape;
    std::vector<std::int64_t> inputs;  // node ids, -1 for constants
    GroupBackward backward;            // empty for leaves, and for a group's nodes after the first
    Tensor gradient;                   // of the output, while backward() runs; stays for leaves
    bool is_parameter = false;
    std::size_t group = 1;  // nodes that the closure belongs to: this one and those that follow it
  };

  Node& node_of(const Var& var, const char* what);

  Stream& stream_;
  Accumulate accumulate_;
  std::vector<Node> nodes_;
  Watch watch_;
  bool walked_ = false;
};

}  // namespace sec
