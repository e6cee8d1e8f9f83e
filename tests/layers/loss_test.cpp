#include "layers/loss.h"

#include <gtest/gtest.h>

#include "tests/layers/check_layer.h"

namespace sec::layers {
namespace {

const std::vector<std::int32_t> labels = {0, 3, 2, 2, 1};

Tensor label_tensor() {
  return Tensor::from(cpu, {5}, labels);
}

TEST(Loss, SoftmaxCrossEntropyEqualsDoublePrecision) {
  ParameterSet none;
  const plain::Array weights({4}, {0.5, 1, 2, 3.5});
  for (const plain::Array& w : {plain::Array(), weights}) {
    for (const float smoothing : {0.0F, 0.125F}) {
      check_layer(
          none, {random_array({5, 4}, 1, 3)},
          [&](Pass& pass, const std::vector<Var>& in) {
            return softmax_cross_entropy(pass, smoothing, in[0], label_tensor(),
                                         w.defined() ? to_tensor(w) : Tensor());
          },
          [&](const auto& in, const auto&) {
            return plain::softmax_cross_entropy(in[0], labels, w, smoothing);
          });
    }
  }
}

TEST(Loss, BceWithLogitsEqualsDoublePrecision) {
  ParameterSet none;
  const plain::Array targets({2, 3}, {0, 1, 0.25, 1, 0, 0.75});
  for (const plain::Array& w : {plain::Array(), plain::Array({3}, {0.5, 2, 4})}) {
    check_layer(
        none, {random_array({2, 3}, 1, 3)},
        [&](Pass& pass, const std::vector<Var>& in) {
          return bce_with_logits(pass, in[0], to_tensor(targets), w.defined() ? to_tensor(w) : Tensor());
        },
        [&](const auto& in, const auto&) { return plain::bce_with_logits(in[0], targets, w); });
  }
}

TEST(Loss, FocalEqualsDoublePrecision) {
  ParameterSet none;
  const plain::Array targets({2, 4}, {0, 1, 0, 1, 1, 0, 0, 1});
  for (const float gamma : {0.0F, 1.5F, 2.0F}) {
    check_layer(
        none, {random_array({2, 4}, 1, 2)},
        [&](Pass& pass, const std::vector<Var>& in) {
          return focal_loss(pass, 0.25F, gamma, in[0], to_tensor(targets));
        },
        [&](const auto& in, const auto&) { return plain::focal_loss(in[0], targets, 0.25, gamma); });
  }
}

TEST(Loss, NamesShapesAndOptionsInItsErrors) {
  Pass pass{cpu};
  const auto zeros = [](const Shape& shape) { return Tensor::zeros(cpu, shape); };
  EXPECT_EQ(error_of([&] {
              softmax_cross_entropy(pass, 0, zeros({4, 3}), label_tensor(), {});
            }),
            "softmax_cross_entropy: expected labels (4), got (5)");
  EXPECT_EQ(error_of([&] {
              softmax_cross_entropy(pass, 0, zeros({5, 3}), label_tensor(), zeros({4}));
            }),
            "softmax_cross_entropy: expected class weights (3), got (4)");
  EXPECT_NE(error_of([&] { softmax_cross_entropy(pass, 1.5F, zeros({5, 3}), label_tensor(), {}); }), "");
  EXPECT_EQ(error_of([&] {
              bce_with_logits(pass, zeros({2, 3}), zeros({2}), {});
            }),
            "bce_with_logits: expected targets (2, 3), got (2)");
  EXPECT_EQ(error_of([&] {
              focal_loss(pass, 0.25F, 2, zeros({2, 3}), {});
            }),
            "focal_loss: expected targets (2, 3), got none");
  EXPECT_NE(error_of([&] { focal_loss(pass, 1.25F, 2, zeros({2, 3}), zeros({2, 3})); }), "");
}

}  // namespace
}  // namespace sec::layers
