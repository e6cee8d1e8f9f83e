#include "layers/blocks.h"

#include <gtest/gtest.h>

#include <functional>

#include "layers/accumulate.h"
#include "layers/pointwise.h"
#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

// Looser tolerances for blocks: a block has a dozen layers, and each rounds to f32.
// Batch norm over few rows amplifies rounding errors, because it subtracts nearly equal numbers.
constexpr Tolerance deep{2e-5, 5e-4};

plain::Array norm_conv(const plain::Arrays& p, const std::string& bn, const std::string& conv,
                       const plain::Array& x, std::int64_t stride, std::int64_t pad,
                       const std::function<plain::Array(const plain::Array&)>& between = {}) {
  plain::Array y =
      plain::relu(plain::batch_norm(x, plain::statistics(x), p.at(bn + ".weight"), p.at(bn + ".bias"), 1e-5));
  y = between ? between(y) : y;
  const plain::Array bias = p.contains(conv + ".bias") ? p.at(conv + ".bias") : plain::Array();
  return plain::conv(y, p.at(conv + ".weight"), bias, stride, pad);
}

plain::Array se(const plain::Arrays& p, const std::string& name, const plain::Array& x) {
  const plain::Array hidden = plain::relu(
      plain::linear(plain::global_average_pool(x), p.at(name + ".fc1.weight"), p.at(name + ".fc1.bias")));
  return plain::gate(
      x, plain::sigmoid(plain::linear(hidden, p.at(name + ".fc2.weight"), p.at(name + ".fc2.bias"))));
}

TEST(SqueezeExcite, EqualsDoublePrecision) {
  for (const std::int64_t channels : {32, 5}) {  // squeezed to 2 and to 1 channels
    ParameterSet set;
    const SqueezeExcite layer = make_squeeze_excite(set, "se", channels);
    EXPECT_EQ(layer.fc1.out, channels == 32 ? 2 : 1);
    check_layer(
        set, {random_array({2, 3, 2, channels}, 3)},
        [&](Pass& pass, const std::vector<Var>& in) { return squeeze_excite(pass, layer, in[0]); },
        [](const auto& in, const plain::Arrays& p) { return se(p, "se", in[0]); });
  }
}

TEST(Block2d, WithOneConvolutionAndADownsampleEqualsDoublePrecision) {
  ParameterSet set;
  const Block2d block =
      make_block_2d(set, "b", {4, 5, 2, 1, 0.2}, make_downsample(set, "b.downsample", 4, 2));
  check_layer(
      set, {random_array({3, 9, 2, 4}, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return block_2d(pass, block, in[0]); },
      [](const auto& in, const plain::Arrays& p) {
        return plain::relu(plain::add(se(p, "b.se", norm_conv(p, "b.bn1", "b.conv1", in[0], 2, 2)),
                                      norm_conv(p, "b.downsample.bn", "b.downsample.conv", in[0], 2, 0)));
      },
      {cpu, nullptr, true, 7, 3}, deep);
}

TEST(Block2d, WithThreeConvolutionsAndItsInputAsShortcutEqualsDoublePrecision) {
  ParameterSet set;
  const Block2d block = make_block_2d(set, "b", {4, 3, 1, 3, 0.2}, {});
  check_layer(
      set, {random_array({3, 6, 2, 4}, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return block_2d(pass, block, in[0]); },
      [](const auto& in, const plain::Arrays& p) {
        const auto drop = [](std::uint32_t operation) {
          return [=](const plain::Array& x) { return plain::dropout(x, 0.2, {7, 3, operation}); };
        };
        plain::Array y = norm_conv(p, "b.bn1", "b.conv1", in[0], 1, 1);
        y = norm_conv(p, "b.bn2", "b.conv2", y, 1, 1, drop(0));
        y = norm_conv(p, "b.bn3", "b.conv3", y, 1, 1, drop(1));
        return plain::relu(plain::add(se(p, "b.se", y), in[0]));
      },
      {cpu, nullptr, true, 7, 3}, deep);
}

// With 16 channels the layers run as fused operations.
TEST(Block2d, FusedEqualsDoublePrecision) {
  ParameterSet set;
  const Block2d block = make_block_2d(set, "b", {16, 3, 1, 2, 0.2}, {});
  check_layer(
      set, {random_array({2, 5, 2, 16}, 1)},
      [&](Pass& pass, const std::vector<Var>& in) { return block_2d(pass, block, in[0]); },
      [](const auto& in, const plain::Arrays& p) {
        const auto drop = [](const plain::Array& x) { return plain::dropout(x, 0.2, {7, 3, 0}); };
        plain::Array y = norm_conv(p, "b.bn1", "b.conv1", in[0], 1, 1);
        y = norm_conv(p, "b.bn2", "b.conv2", y, 1, 1, drop);
        return plain::relu(plain::add(se(p, "b.se", y), in[0]));
      },
      {cpu, nullptr, true, 7, 3}, deep);
}

// Outputs, gradients and running statistics are the same with and without fused operations.
// This holds in training and in inference.
TEST(Blocks, FusedEqualSeparateOperations) {
  ParameterSet set;
  std::vector<Block2d> plane;
  std::vector<Block1d> line;
  for (const std::int64_t k : {3, 5, 7}) {
    plane.push_back(make_block_2d(set, fmt::format("p{}", k), {16, k, 1, 3, 0.2}, {}));
    line.push_back(make_block_1d(set, fmt::format("l{}", k), {32, k, 2, 4, 0.2},
                                 make_downsample(set, fmt::format("l{}.downsample", k), 32, 2)));
  }
  set.allocate(cpu, 1);
  const std::vector<float> states = set.states().to_vector(cpu);
  const auto run = [&](bool fused, bool training) {
    Tensor gradients = set.gradients();
    assign(gradients, plain::Array(gradients.shape()));
    Tensor before = set.states();
    before.assign(cpu, std::span<const float>(states));
    Tape tape(cpu, accumulate);
    Pass pass{cpu, training ? &tape : nullptr, training, 7, 3};
    pass.fused = fused;
    const Tensor input = to_tensor(random_array({3, 23, 2, 16}, 1));
    const Var x = training ? tape.leaf(input) : Var(input);
    std::vector<VarWithStats> y = blocks_2d(pass, plane, std::vector<VarWithStats>(3, x));
    std::vector<VarWithStats> z;
    for (const VarWithStats& scale : y) {
      z.emplace_back(view(pass, scale, {3, 23, 1, 32}));
    }
    z = blocks_1d(pass, line, z);
    const Var sum = add(pass, add(pass, z[0], z[1]), z[2]);
    std::vector<plain::Array> results = {to_array(sum.value), to_array(set.states())};
    if (training) {
      tape.backward(sum, to_tensor(random_array(sum.shape(), 2)));
      results.push_back(to_array(gradients));
      results.push_back(to_array(tape.gradient_of(x)));
    }
    return results;
  };
  for (const bool training : {true, false}) {
    const std::vector<plain::Array> fused = run(true, training);
    const std::vector<plain::Array> separate = run(false, training);
    ASSERT_EQ(fused.size(), separate.size());
    for (std::size_t i = 0; i < fused.size(); ++i) {
      // A dozen layers round in a different order, and batch norm over few rows amplifies the errors.
      expect_close(fused[i], separate[i], 1e-4, fmt::format("training {}, result {}", training, i));
    }
  }
}

// Two blocks share one downsample, whose gradient is the sum over both uses.
TEST(Block1d, TwiceWithATiedDownsampleEqualsDoublePrecision) {
  ParameterSet set;
  const PreActivationConv shared = make_downsample(set, "s.0.downsample", 5, 2);
  const std::vector<Block1d> stage = {make_block_1d(set, "s.0", {5, 3, 2, 4, 0.2}, shared),
                                      make_block_1d(set, "s.1", {5, 3, 2, 4, 0.2}, shared)};
  check_layer(
      set, {random_array({4, 9, 1, 5}, 1)},
      [&](Pass& pass, const std::vector<Var>& in) {
        return block_1d(pass, stage[1], block_1d(pass, stage[0], in[0]));
      },
      [](const auto& in, const plain::Arrays& p) {
        std::uint32_t operation = 0;
        const auto drop = [&](const plain::Array& x) { return plain::dropout(x, 0.2, {7, 3, operation++}); };
        plain::Array x = in[0];
        for (const std::string name : {"s.0", "s.1"}) {
          const plain::Array y =
              plain::add(se(p, name + ".se1", norm_conv(p, name + ".bn1", name + ".conv1", x, 2, 1)),
                         norm_conv(p, "s.0.downsample.bn", "s.0.downsample.conv", x, 2, 0));
          plain::Array z = y;
          for (const char* i : {"2", "3", "4"}) {
            z = norm_conv(p, name + ".bn" + i, name + ".conv" + i, z, 1, 1, drop);
          }
          x = plain::relu(plain::add(se(p, name + ".se2", z), y));
        }
        return x;
      },
      {cpu, nullptr, true, 7, 3}, deep);
}

// A group of three blocks gives the same bits as three separate blocks, also for gradients and statistics.
// There is no dropout, because groups draw random numbers in a different order.
// Blocks with 4 channels run unfused, blocks with 16 channels run fused.
void expect_same_bits_side_by_side(std::int64_t channels) {
  ParameterSet set;
  std::vector<Block2d> plane;
  std::vector<Block1d> line;
  for (const std::int64_t k : {3, 5, 7}) {
    plane.push_back(make_block_2d(set, fmt::format("p{}", k), {channels, k, 1, 3, 0}, {}));
    line.push_back(make_block_1d(set, fmt::format("l{}", k), {2 * channels, k, 2, 4, 0},
                                 make_downsample(set, fmt::format("l{}.downsample", k), 2 * channels, 2)));
  }
  set.allocate(cpu, 1);
  const auto run = [&](bool side_by_side) {
    Tensor gradients = set.gradients();
    assign(gradients, plain::Array(gradients.shape()));
    Tensor states = set.states();
    assign(states, plain::Array(states.shape()));
    Tape tape(cpu, accumulate);
    Pass pass{cpu, &tape, true};
    const Var x = tape.leaf(to_tensor(random_array({3, 9, 2, channels}, 1)));
    std::vector<VarWithStats> y(3, x);
    if (side_by_side) {
      y = blocks_2d(pass, plane, y);
    } else {
      for (std::size_t i = 0; i < 3; ++i) {
        y[i] = block_2d(pass, plane[i], y[i]);
      }
    }
    for (VarWithStats& scale : y) {
      scale = view(pass, scale, {3, 9, 1, 2 * channels});
    }
    if (side_by_side) {
      y = blocks_1d(pass, line, y);
    } else {
      for (std::size_t i = 0; i < 3; ++i) {
        y[i] = block_1d(pass, line[i], y[i]);
      }
    }
    const Var sum = add(pass, add(pass, y[0], y[1]), y[2]);
    tape.backward(sum, to_tensor(random_array(sum.shape(), 2)));
    std::vector<std::vector<float>> results = {gradients.to_vector(cpu), states.to_vector(cpu)};
    for (const VarWithStats& scale : y) {
      results.push_back(scale.value.to_vector(cpu));
    }
    return results;
  };
  EXPECT_EQ(run(true), run(false));
}

TEST(Blocks, SideBySideHaveTheBitsOfSeparateOnes) {
  for (const std::int64_t channels : {4, 16}) {
    expect_same_bits_side_by_side(channels);
  }
}

TEST(Blocks, UpdateSharedRunningStatisticsOnceAUseInOrder) {
  ParameterSet set;
  const PreActivationConv shared = make_downsample(set, "downsample", 3, 2);
  set.allocate(cpu, 1);
  Pass training{cpu, nullptr, true};
  const std::vector copies(3, shared);  // each block of a stage has a copy
  plain::Array mean({3});
  plain::Array variance({3});
  const double shares[] = {0.81 * 0.1, 0.9 * 0.1, 0.1};  // weights of the first, second and third use
  for (unsigned use = 0; use < 3; ++use) {
    const plain::Array x = random_array({2, 4 + use, 1, 3}, use, 1.0 + use);
    pre_activation_conv(training, copies[use], to_tensor(x));
    const plain::Statistics batch = plain::statistics(x);
    const double rows = plain::rows(x);
    for (int c = 0; c < 3; ++c) {
      mean.data[c] += shares[use] * batch.mean.data[c];
      variance.data[c] += shares[use] * batch.variance.data[c] * rows / (rows - 1);
    }
  }
  for (double& value : variance.data) {
    value += 0.729;  // weight 0.9^3 of the initial variance 1
  }
  expect_close(to_array(shared.bn.running_mean->value), mean, 1e-6, "running mean");
  expect_close(to_array(shared.bn.running_variance->value), variance, 1e-6, "running variance");
}

TEST(Blocks, RefuseImpossibleOptions) {
  ParameterSet set;
  EXPECT_EQ(error_of([&] {
              make_block_2d(set, "b", {4, 4, 1, 1, 0}, {});
            }),
            "block b: expected an odd kernel, which keeps the length, got 4");
  EXPECT_EQ(error_of([&] {
              make_block_2d(set, "b", {4, 3, 2, 1, 0}, {});
            }),
            "block b: stride 2 needs a downsample");
  EXPECT_NE(error_of([&] { make_block_2d(set, "b", {4, 3, 1, 0, 0}, {}); }), "");
}

}  // namespace
}  // namespace sec::layers
