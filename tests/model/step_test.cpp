// Properties of a whole training step: reproducible bits for equal seeds, and constant memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/parallel.h"
#include "layers/accumulate.h"
#include "layers/loss.h"
#include "model/se_ecgnet.h"
#include "tests/layers/check_layer.h"

namespace sec::model {
namespace {

using layers::Pass;

struct Outcome {
  std::vector<float> logits, gradients, states;
  friend bool operator==(const Outcome&, const Outcome&) = default;
};

// Runs one forward and backward pass.
Outcome step(SeEcgNet& net, const Tensor& x, const Tensor& labels, Pass pass) {
  net.parameters().gradients().zero(cpu);
  Tape tape(cpu, layers::accumulate);
  pass.tape = &tape;
  const Var logits = net.forward(pass, x, {});
  const Var loss = layers::softmax_cross_entropy(pass, 0, logits, labels, {});
  tape.backward(loss, to_tensor({{1}, {1}}));
  return {logits.value.to_vector(cpu), net.parameters().gradients().to_vector(cpu),
          net.parameters().states().to_vector(cpu)};
}

const SeEcgNetOptions options{2, 400, 3, 0, 16};

Tensor batch() {
  return to_tensor(random_array({5, 400, 2, 1}, 1));
}

Tensor batch_labels() {
  return Tensor::from(cpu, {5}, std::vector<std::int32_t>{0, 1, 2, 1, 0});
}

Outcome fresh_step(std::uint64_t seed, std::uint64_t pass_seed, std::uint32_t pass_step) {
  SeEcgNet net(options, cpu, seed);
  return step(net, batch(), batch_labels(), {cpu, nullptr, true, pass_seed, pass_step});
}

TEST(Step, HasTheSameBitsForAnyNumberOfThreads) {
  set_threads(1);
  const Outcome one = fresh_step(1, 2, 3);
  for (const int count : {2, 3, 7}) {
    set_threads(count);
    EXPECT_TRUE(fresh_step(1, 2, 3) == one) << count << " threads";
  }
  set_threads(0);
}

// Compares twenty steps of gradient descent with dropout, fused and unfused.
// Both ways start every step from the same weights and running statistics,
// because differences of rounding grow from step to step without a limit.
TEST(Step, FusedTrainsAsSeparateOperationsDo) {
  // A long input gives batch norm enough rows in the last blocks.
  const SeEcgNetOptions longer{2, 1600, 3, 0, 16};
  const Tensor x = to_tensor(random_array({8, 1600, 2, 1}, 1));
  const Tensor labels = Tensor::from(cpu, {8}, std::vector<std::int32_t>{0, 1, 2, 1, 0, 2, 2, 1});
  SeEcgNet net(longer, cpu, 5);
  struct Result {
    double loss;
    std::vector<float> gradients, states;
  };
  const auto run = [&](bool fused, std::uint32_t step) {
    Tape tape(cpu, layers::accumulate);
    Pass pass{cpu, &tape, true, 2, step};
    pass.fused = fused;
    Tensor gradients = net.parameters().gradients();
    gradients.zero(cpu);
    const Var loss = layers::softmax_cross_entropy(pass, 0, net.forward(pass, x, {}), labels, {});
    tape.backward(loss, to_tensor({{1}, {1}}));
    return Result{loss.value.to_vector(cpu)[0], gradients.to_vector(cpu),
                  net.parameters().states().to_vector(cpu)};
  };
  double least = 1;  // the smallest difference of gradients among the steps
  for (std::uint32_t step = 0; step < 8; ++step) {
    const std::vector<float> before = net.parameters().states().to_vector(cpu);
    const Result fused = run(true, step);
    Tensor states = net.parameters().states();
    states.assign(cpu, std::span<const float>(before));
    const Result separate = run(false, step);
    // Forward, each of 40 layers rounds by some units of 6e-8. Ten draws of inputs and weights gave 8e-6.
    EXPECT_NEAR(fused.loss, separate.loss, 5e-5 * separate.loss) << "step " << step;
    for (std::size_t i = 0; i < before.size(); ++i) {
      EXPECT_NEAR(fused.states[i], separate.states[i], 5e-5 * std::max(1.0F, std::abs(separate.states[i])))
          << "step " << step << ", state " << i;
    }
    double difference = 0, norm = 0;
    std::vector<float> values = net.parameters().values().to_vector(cpu);
    for (std::size_t p = 0; p < values.size(); ++p) {
      difference += std::pow(double{fused.gradients[p]} - separate.gradients[p], 2);
      norm += std::pow(double{separate.gradients[p]}, 2);
      values[p] -= 0.0002F * separate.gradients[p];
    }
    // Where the input of a ReLU is within rounding of zero, it may pass in one of the two ways only.
    // In ten draws this changed the gradient by up to 0.042 of its norm.
    EXPECT_LT(std::sqrt(difference / norm), 0.15) << "step " << step;
    least = std::min(least, std::sqrt(difference / norm));
    Tensor to = net.parameters().values();
    to.assign(cpu, std::span<const float>(values));
  }
  EXPECT_LT(least, 1e-3);  // 2e-5 in steps in which every ReLU passes the same elements
}

TEST(Step, DependsOnEverySeed) {
  const Outcome base = fresh_step(1, 2, 3);
  EXPECT_TRUE(fresh_step(1, 2, 3) == base);
  EXPECT_FALSE(fresh_step(9, 2, 3).logits == base.logits);  // other weights
  EXPECT_FALSE(fresh_step(1, 9, 3).logits == base.logits);  // other dropout
  EXPECT_FALSE(fresh_step(1, 2, 9).logits == base.logits);
}

TEST(Step, GivesAllMemoryBackAndAsksTheSystemOnce) {
  set_threads(1);  // with more threads, the peak of scratch memory depends on timing
  SeEcgNet net(options, cpu, 1);
  const Tensor x = batch(), labels = batch_labels();
  const std::size_t before = memory_statistics(Device::cpu).in_use;
  step(net, x, labels, {cpu, nullptr, true, 2, 3});
  EXPECT_EQ(memory_statistics(Device::cpu).in_use, before);
  const std::uint64_t misses = memory_statistics(Device::cpu).misses;
  step(net, x, labels, {cpu, nullptr, true, 2, 4});
  EXPECT_EQ(memory_statistics(Device::cpu).in_use, before);
  EXPECT_EQ(memory_statistics(Device::cpu).misses, misses);
  set_threads(0);
}

TEST(Evaluation, DoesNotDependOnHowTheBatchIsSplit) {
  SeEcgNet net(options, cpu, 1);
  Pass training{cpu, nullptr, true};
  const Tensor x = batch();
  net.forward(training, x, {});
  Pass evaluation{cpu};
  const std::vector<float> whole = net.forward(evaluation, x, {}).value.to_vector(cpu);
  std::vector<float> parts;
  for (const auto& [begin, count] : {std::pair{0, 1}, std::pair{1, 3}, std::pair{4, 1}}) {
    const std::vector<float> part = net.forward(evaluation, x.slice(begin, count), {}).value.to_vector(cpu);
    parts.insert(parts.end(), part.begin(), part.end());
  }
  EXPECT_EQ(parts, whole);
}

TEST(Evaluation, DiffersFromTraining) {
  SeEcgNet net(options, cpu, 1);
  Pass training{cpu, nullptr, true};
  Pass evaluation{cpu};
  const Tensor x = batch();
  EXPECT_NE(net.forward(training, x, {}).value.to_vector(cpu),
            net.forward(evaluation, x, {}).value.to_vector(cpu));
}

}  // namespace
}  // namespace sec::model
