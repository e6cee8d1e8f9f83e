#include "bench/traffic/step_floor.h"

#include <string_view>

#include "engine/autograd.h"
#include "layers/accumulate.h"

namespace sec {

StepFloor step_floor(model::Network& network, std::int64_t n, DType activations,
                     const train::Recipe::Train& options, Stream& stream) {
  const auto element = static_cast<std::int64_t>(size_of(activations));
  StepFloor floor;
  Tape tape(stream, layers::accumulate);
  bool is_first = true;
  tape.watch([&](const Tape::Operation& operation) {
    if (operation.name != std::string_view("conv")) {
      return;
    }
    const Tensor& x = operation.inputs[0].value;  // (N, L, H, Ci)
    const Tensor& w = operation.inputs[1].value;  // (K, Ci, Co)
    const Tensor& y = operation.value;            // (N, Lo, H, Co)
    const std::int64_t passes = is_first ? 2 : 3;
    is_first = false;
    const std::int64_t read = w.extent(0) == 1 ? x.count() / x.extent(1) * y.extent(1) : x.count();
    floor.activation_bytes += static_cast<std::uint64_t>(element * passes * (read + y.count()));
    floor.parameter_bytes += static_cast<std::uint64_t>(4 * passes * w.count());
    floor.macs += static_cast<std::uint64_t>(passes * y.count() * w.extent(0) * w.extent(1));
  });
  layers::Pass pass;
  pass.stream = stream;
  pass.tape = &tape;
  pass.training = true;
  pass.fused = false;  // unfused, so that each convolution is visible
  const model::NetworkOptions& o = network.options();
  network.forward(pass, Tensor::zeros(stream, {n, o.length, o.leads, 1}), Tensor());
  const std::uint64_t optimizer = 7 + (options.clip_norm > 0 ? 1 : 0) + (options.average_decay > 0 ? 2 : 0);
  floor.parameter_bytes += optimizer * 4 * static_cast<std::uint64_t>(network.parameters().count());
  return floor;
}

}  // namespace sec
