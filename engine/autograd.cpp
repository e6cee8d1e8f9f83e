#include "engine/autograd.h"

#include "engine/error.h"
#include "engine/ranges.h"

namespace sec {

const Tensor& Saved::get() const {
  require(
      tensor_.version() == version_,
      "a tensor of shape {} saved for the backward pass was overwritten {} time(s) since the forward pass",
      tensor_.shape().text(), tensor_.version() - version_);
  return tensor_;
}

bool Gradients::wanted(int i) const {
  return tape_.nodes_[node_].inputs.at(i) >= 0;
}

void Gradients::add(int i, Tensor gradient) {
  if (!wanted(i)) {
    return;
  }
  Tape::Node& input = tape_.nodes_[tape_.nodes_[node_].inputs[i]];
  require(gradient.shape() == input.shape, "{}: the gradient of input {} has shape {}, the input has {}",
          tape_.nodes_[node_].name, i, gradient.shape().text(), input.shape.text());
  if (input.gradient.defined()) {
    // An operation such as addition hands one tensor to several inputs: adding into it would change them all.
    if (input.gradient.shares_memory() && !input.is_parameter) {
      input.gradient = input.gradient.clone(tape_.stream_);
    }
    tape_.accumulate_(tape_.stream_, input.gradient, gradient);
  } else {
    input.gradient = std::move(gradient);
  }
}

Tensor& Gradients::sum(int i) {
  require(wanted(i), "{}: input {} wants no gradient", tape_.nodes_[node_].name, i);
  Tape::Node& input = tape_.nodes_[tape_.nodes_[node_].inputs[i]];
  if (!input.gradient.defined()) {
    input.gradient = Tensor::zeros(tape_.stream_, input.shape);
  }
  return input.gradient;
}

Var Tape::parameter(Tensor value, Tensor gradient) {
  require(value.shape() == gradient.shape(), "parameter: the value has shape {}, its gradient {}",
          value.shape().text(), gradient.shape().text());
  Node node{"parameter", value.shape(), {}, nullptr, std::move(gradient), true};
  nodes_.push_back(std::move(node));
  return {std::move(value), size() - 1};
}

Var Tape::leaf(Tensor value) {
  Node node{"leaf", value.shape(), {}, nullptr, Tensor(), false};
  nodes_.push_back(std::move(node));
  return {std::move(value), size() - 1};
}

Var Tape::record(const char* name, Tensor value, const std::vector<Var>& inputs, Backward backward) {
  require(!walked_, "{}: recorded on a tape that backward() has already walked", name);
  if (watch_) {
    watch_(name, value, inputs);
  }
  std::vector<std::int64_t> ids;
  bool needed = false;
  for (const Var& input : inputs) {
    require(input.node < size(), "{}: an input of shape {} comes from another tape", name,
            input.shape().text());
    ids.push_back(input.node);
    needed = needed || input.needs_gradient();
  }
  if (!needed) {
    return Var(std::move(value));
  }
  nodes_.push_back(Node{name, value.shape(), std::move(ids), std::move(backward), Tensor(), false});
  return {std::move(value), size() - 1};
}

Tape::Node& Tape::node_of(const Var& var, const char* what) {
  require(var.node >= 0 && var.node < size(), "{}: the tensor of shape {} was not recorded on this tape",
          what, var.shape().text());
  return nodes_[var.node];
}

void Tape::backward(const Var& root, Tensor seed) {
  require(!walked_, "backward: this tape has been walked before, what it saved is gone; record a new one");
  Node& last = node_of(root, "backward");
  require(seed.shape() == last.shape, "backward: the seed has shape {}, the root has {}", seed.shape().text(),
          last.shape.text());
  walked_ = true;
  last.gradient = std::move(seed);
  // Nodes were recorded after their inputs, so reverse recording order is a reverse topological order.
  for (std::int64_t id = root.node; id >= 0; --id) {
    Node& node = nodes_[id];
    if (!node.backward) {
      continue;  // a leaf
    }
    if (node.gradient.defined()) {
      const Range range(node.name);
      Gradients inputs(*this, id);
      try {
        node.backward(node.gradient, inputs);
      } catch (const Error& error) {
        fail("backward of {}, output shape {}: {}", node.name, node.shape.text(), error.what());
      }
    }
    node.backward = nullptr;  // frees what the operation saved
    node.gradient = Tensor();
  }
}

Tensor Tape::gradient_of(const Var& leaf) const {
  require(leaf.node >= 0 && leaf.node < size(),
          "gradient_of: the tensor of shape {} was not recorded on this tape", leaf.shape().text());
  require(!nodes_[leaf.node].backward, "gradient_of: {} of shape {} is no leaf", nodes_[leaf.node].name,
          leaf.shape().text());
  return nodes_[leaf.node].gradient;
}

}  // namespace sec
