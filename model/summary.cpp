#include "model/summary.h"

#include <algorithm>

namespace sec::model {

void Summary::add(std::string name, const Shape& output, const std::vector<const layers::Parameter*>& held,
                  std::int64_t macs) {
  Line line{std::move(name), output, 0, macs, false};
  for (const layers::Parameter* parameter : held) {
    if (parameter == nullptr) {
      continue;
    }
    if (std::ranges::find(seen_, parameter) != seen_.end()) {
      line.shared = true;
    } else {
      seen_.push_back(parameter);
      line.parameters += parameter->shape.count();
    }
  }
  lines_.push_back(std::move(line));
}

void Summary::conv(const layers::Conv& layer) {
  const kernels::ConvShape shape = layer.shape(1, now_[0], now_[1]);
  now_ = {shape.l_out(), shape.h, shape.c_out};
  add(layer.name, now_, {layer.weight, layer.bias}, shape.macs());
}

void Summary::batch_norm(const layers::BatchNorm& layer) {
  add(layer.name, now_, {layer.weight, layer.bias}, 0);
}

void Summary::linear(const layers::Linear& layer) {
  add(layer.name, {layer.out}, {layer.weight, layer.bias}, layer.in * layer.out);
}

void Summary::lstm(const layers::Lstm& layer, std::int64_t steps) {
  const layers::LstmOptions& o = layer.options;
  for (std::size_t i = 0; i < layer.cells.size(); ++i) {
    const layers::LstmCell& cell = layer.cells[i];
    const auto depth = static_cast<std::int64_t>(i) / o.directions();
    add(fmt::format("{}.l{}{}", layer.name, depth, cell.reverse ? "_reverse" : ""), {steps, o.hidden},
        {cell.weight_ih, cell.weight_hh, cell.bias_ih, cell.bias_hh},
        steps * 4 * o.hidden * (o.in_of(depth) + o.hidden));
  }
}

void Summary::pool(const layers::PoolOptions& options) {
  now_ = {(now_[0] + 2 * options.pad - options.k) / options.stride + 1, now_[1], now_[2]};
}

void Summary::squeeze_excite(const layers::SqueezeExcite& layer) {
  linear(layer.fc1);
  linear(layer.fc2);
}

void Summary::pre_activation_conv(const layers::PreActivationConv& layer) {
  batch_norm(layer.bn);
  conv(layer.conv);
}

void Summary::block_2d(const layers::Block2d& block) {
  const Shape input = now_;
  for (const layers::PreActivationConv& layer : block.convs) {
    pre_activation_conv(layer);
  }
  squeeze_excite(block.se);
  if (block.downsample) {
    now_ = input;
    pre_activation_conv(*block.downsample);
  }
}

void Summary::block_1d(const layers::Block1d& block) {
  const Shape input = now_;
  pre_activation_conv(block.first);
  squeeze_excite(block.se1);
  now_ = input;
  pre_activation_conv(block.downsample);
  for (const layers::PreActivationConv& layer : block.rest) {
    pre_activation_conv(layer);
  }
  squeeze_excite(block.se2);
}

std::string Summary::text() const {
  std::string text = fmt::format("{:<34} {:>16} {:>12} {:>15}\n", "layer", "output", "parameters", "MACs");
  std::int64_t parameters = 0;
  std::int64_t macs = 0;
  for (const Line& line : lines_) {
    const std::string held = line.shared ? "shared" : fmt::format("{}", line.parameters);
    text += fmt::format("{:<34} {:>16} {:>12} {:>15}\n", line.name, line.output.text(), held, line.macs);
    parameters += line.parameters;
    macs += line.macs;
  }
  return text + fmt::format("{:<34} {:>16} {:>12} {:>15}\n", "total", "", parameters, macs);
}

}  // namespace sec::model
