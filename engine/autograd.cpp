#include "engine/autograd.h"

#include <algorithm>

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
    // Several inputs may share one gradient tensor, as in addition. Adding in place would change all of them.
    if (input.gradient.shares_memory() && !input.is_parameter) {
      input.gradient = input.gradient.clone(tape_.stream_);
    }
    tape_.accumulate_(tape_.stream_, input.gradient, gradient);
  } else {
    input.gradient = std::move(gradient);
  }
}

Tensor Gradients::release(int i) {
  if (!wanted(i)) {
    return {};
  }
  Tape::Node& input = tape_.nodes_[tape_.nodes_[node_].inputs[i]];
  require(!input.is_parameter, "{}: the gradient of a parameter stays with its owner",
          tape_.nodes_[node_].name);
  return std::exchange(input.gradient, Tensor());
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

Var Tape::record(const char* name, Tensor value, const std::vector<Var>& inputs, Backward backward,
                 TimeWindow window) {
  return record_group(name, {std::move(value)}, inputs,
                      [backward = std::move(backward)](const std::vector<Tensor>& gradients, Gradients& to) {
                        backward(gradients[0], to);
                      },
                      {window})[0];
}

std::vector<Var> Tape::record_group(const char* name, std::vector<Tensor> values,
                                    const std::vector<Var>& inputs, GroupBackward backward,
                                    const std::vector<TimeWindow>& windows) {
  require(!walked_, "{}: recorded on a tape that backward() has already walked", name);
  require(!values.empty() && inputs.size() % values.size() == 0,
          "{}: {} inputs cannot be split equally among {} operations", name, inputs.size(), values.size());
  require(windows.empty() || windows.size() == values.size(), "{}: {} windows for {} operations", name,
          windows.size(), values.size());
  std::vector<std::int64_t> ids;
  bool needed = false;
  for (const Var& input : inputs) {
    require(input.node < size(), "{}: an input of shape {} comes from another tape", name,
            input.shape().text());
    ids.push_back(input.node);
    needed = needed || input.needs_gradient();
  }
  std::vector<Var> outputs;
  for (Tensor& value : values) {
    if (needed) {
      nodes_.push_back(Node{name, value.shape(), {}, nullptr, Tensor(), false});
    }
    outputs.emplace_back(std::move(value), needed ? size() - 1 : -1);
  }
  if (needed) {
    Node& first = nodes_[outputs.front().node];
    first.inputs = std::move(ids);
    first.backward = std::move(backward);
    first.group = outputs.size();
    if (listening_to_ranges()) {
      first.path = open_ranges();
      const auto outer = std::min(outer_ranges_, first.path.size());
      first.path.erase(first.path.begin(), first.path.begin() + static_cast<std::ptrdiff_t>(outer));
      if (first.path.empty() || first.path.back().operation != std::string_view(name)) {
        first.path.push_back({name, {}});
      }
    }
  }
  if (watch_) {
    const auto share = static_cast<std::ptrdiff_t>(inputs.size() / outputs.size());
    auto from = inputs.begin();
    for (std::size_t i = 0; i < outputs.size(); ++i, from += share) {
      watch_({name,
              outputs[i].value,
              {from, from + share},
              windows.empty() ? TimeWindow() : windows[i],
              outputs[i].node});
    }
  }
  return outputs;
}

Tape::Node& Tape::node_of(const Var& var, const char* what) {
  require(var.node >= 0 && var.node < size(), "{}: the tensor of shape {} was not recorded on this tape",
          what, var.shape().text());
  return nodes_[var.node];
}

void Tape::backward(const Var& root, Tensor seed) {
  require(!walked_,
          "backward: this tape was walked before and its saved tensors are freed; record a new one");
  Node& last = node_of(root, "backward");
  require(seed.shape() == last.shape, "backward: the seed has shape {}, the root has {}", seed.shape().text(),
          last.shape.text());
  walked_ = true;
  last.gradient = std::move(seed);
  // Nodes are recorded after their inputs, so reverse recording order is a reverse topological order.
  RangePath ranges;  // gives the backward pass the structure of the forward pass
  for (std::int64_t id = root.node; id >= 0; --id) {
    Node& node = nodes_[id];
    if (!node.backward) {
      continue;  // a leaf, or a node of a group, whose closure belongs to the group's first node
    }
    std::vector<Tensor> gradients;
    bool reached = false;
    for (std::size_t i = 0; i < node.group; ++i) {
      gradients.push_back(std::exchange(nodes_[id + i].gradient, Tensor()));
      reached = reached || gradients.back().defined();
    }
    if (reached) {
      for (std::size_t i = 0; watch_backward_ && i < node.group; ++i) {
        if (gradients[i].defined()) {
          watch_backward_(id + static_cast<std::int64_t>(i), gradients[i]);
        }
      }
      ranges.move_to(node.path);
      Gradients inputs(*this, id);
      try {
        node.backward(gradients, inputs);
      } catch (const Error& error) {
        fail("backward of {}, output shape {}: {}", node.name, node.shape.text(), error.what());
      }
    }
    node.backward = nullptr;  // frees the saved tensors
  }
}

Tensor Tape::gradient_of(const Var& leaf) const {
  require(leaf.node >= 0 && leaf.node < size(),
          "gradient_of: the tensor of shape {} was not recorded on this tape", leaf.shape().text());
  require(!nodes_[leaf.node].backward, "gradient_of: {} of shape {} is not a leaf", nodes_[leaf.node].name,
          leaf.shape().text());
  return nodes_[leaf.node].gradient;
}

}  // namespace sec
