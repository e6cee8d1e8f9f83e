// One training step against PyTorch. The file is written by tools/parity/make_golden.py, in PyTorch's layouts
// and with its order of channels, c * H + h in the 1-D part where ours is h * C + c: permuted here.
#include <gtest/gtest.h>

#include "io/safetensors.h"
#include "layers/accumulate.h"
#include "layers/loss.h"
#include "model/se_ecgnet.h"
#include "tests/layers/check_layer.h"

namespace sec::model {
namespace {

constexpr SeEcgNetOptions options{2, 360, 4, 2, 8, true, 0};

const io::SafetensorsFile& golden() {
  static const io::SafetensorsFile file = io::read_safetensors(SEC_GOLDEN "/se_ecgnet.safetensors");
  return file;
}

plain::Array stored(const std::string& name) {
  const io::StoredTensor& tensor = golden().at(name);
  const auto values = tensor.as<float>(name);
  return {Shape(tensor.shape), {values.begin(), values.end()}};
}

// Where our 1-D channel lies in PyTorch's order. `first` is the number of such channels; what follows them,
// the covariates, stays in place.
std::int64_t torch_channel(std::int64_t ours, std::int64_t first) {
  const std::int64_t c1 = options.width * options.leads;  // 1-D channels of a branch
  if (ours >= first) {
    return ours;
  }
  const std::int64_t branch = ours / c1, h = ours % c1 / options.width, c = ours % options.width;
  return branch * c1 + c * options.leads + h;
}

// A golden parameter, gradient or statistic in our layout.
plain::Array ours(const std::string& group, const std::string& name) {
  const plain::Array torch = stored(group + "/" + name);
  const bool one_d = name.starts_with("block3_list");
  const std::int64_t c1 = options.width * options.leads;
  const auto channel = [&](std::int64_t i, std::int64_t extent) {
    return one_d && extent == c1 ? torch_channel(i, c1) : i;
  };
  const Shape& s = torch.shape;
  plain::Array result;
  if (s.rank() == 1) {  // a bias, a norm's parameter or statistic: (C)
    result = plain::Array(s);
    for (std::int64_t i = 0; i < s[0]; ++i) {
      result.data[i] = torch.data[channel(i, s[0])];
    }
  } else if (s.rank() == 2) {  // linear: (Out, In) to (In, Out)
    result = plain::Array({s[1], s[0]});
    for (std::int64_t i = 0; i < s[1]; ++i) {
      for (std::int64_t o = 0; o < s[0]; ++o) {
        const std::int64_t from = name == "fc.weight" ? torch_channel(i, 3 * c1) : channel(i, s[1]);
        result.data[i * s[0] + o] = torch.data[channel(o, s[0]) * s[1] + from];
      }
    }
  } else {  // convolution: (Co, Ci, K) or (Co, Ci, 1, K) to (K, Ci, Co)
    const std::int64_t k = s[-1];
    result = plain::Array({k, s[1], s[0]});
    for (std::int64_t j = 0; j < k; ++j) {
      for (std::int64_t i = 0; i < s[1]; ++i) {
        for (std::int64_t o = 0; o < s[0]; ++o) {
          result.data[(j * s[1] + i) * s[0] + o] =
              torch.data[(channel(o, s[0]) * s[1] + channel(i, s[1])) * k + j];
        }
      }
    }
  }
  return result;
}

// (N, H, L) to (N, L, H, 1).
Tensor signal() {
  const plain::Array torch = stored("x");
  const std::int64_t n = torch.shape[0], h = torch.shape[1], l = torch.shape[2];
  plain::Array x({n, l, h, 1});
  for (std::int64_t i = 0; i < n * h * l; ++i) {
    x.data[(i / (h * l) * l + i % l) * h + i / l % h] = torch.data[i];
  }
  return to_tensor(x);
}

TEST(Golden, OneStepEqualsPyTorch) {
  SeEcgNet net(options, cpu, 1);
  std::size_t loaded = 0;
  for (layers::Parameter& parameter : net.parameters().parameters()) {
    assign(parameter.value, ours("parameter", parameter.name));
    ++loaded;
  }
  for (layers::State& state : net.parameters().state()) {
    assign(state.value, ours("state_before", state.name));
    loaded += 2;
  }
  // Nothing is left over: a parameter and its gradient, a statistic before and after, and seven others.
  EXPECT_EQ(golden().tensors.size(), loaded + net.parameters().parameters().size() + 7);

  const Tensor x = signal();
  const Tensor covariates = to_tensor(stored("covariates"));
  const auto labels = golden().at("labels").as<std::int32_t>("labels");

  // The file holds f64 results, so the bounds allow for our f32 alone; PyTorch's own f32 deviates as much
  // (see the file's metadata).
  layers::Pass evaluation{cpu};
  expect_close(to_array(net.forward(evaluation, x, covariates).value), stored("logits_evaluation"), 1e-4,
               "logits in evaluation");

  Tape tape(cpu, layers::accumulate);
  layers::Pass training{cpu, &tape, true};
  const Var logits = net.forward(training, x, covariates);
  const Var loss = layers::softmax_cross_entropy(
      training, 0.1F, logits, Tensor::from(cpu, {x.extent(0)}, labels), to_tensor(stored("class_weights")));
  tape.backward(loss, to_tensor({{1}, {1}}));
  expect_close(to_array(logits.value), stored("logits_training"), 1e-4, "logits in training");
  expect_close(to_array(loss.value), stored("loss"), 1e-5, "loss");
  for (const layers::Parameter& parameter : net.parameters().parameters()) {
    expect_close(to_array(parameter.gradient), ours("gradient", parameter.name), 1e-3,
                 "gradient of " + parameter.name);
  }
  for (const layers::State& state : net.parameters().state()) {
    expect_close(to_array(state.value), ours("state_after", state.name), 1e-4, state.name);
  }
}

}  // namespace
}  // namespace sec::model
