#include "engine/tensor.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

namespace sec {
namespace {

Stream cpu{Device::cpu};

TEST(Tensor, ViewsShareMemory) {
  const Tensor a = Tensor::from(cpu, Shape{2, 3}, std::vector<float>{0, 1, 2, 3, 4, 5});
  Tensor row = a.slice(1, 1);
  EXPECT_EQ(row.shape(), (Shape{1, 3}));
  row.view(Shape{3}).write().as<float>("test")[2] = 50;
  EXPECT_EQ(a.to_vector(cpu), (std::vector<float>{0, 1, 2, 3, 4, 50}));
  Tensor copy = a.clone(cpu);
  copy.write().as<float>("test")[0] = -1;
  EXPECT_EQ(a.to_vector(cpu)[0], 0);
  copy.copy_from(cpu, a);
  EXPECT_EQ(copy.to_vector(cpu), a.to_vector(cpu));
  row.zero(cpu);
  EXPECT_EQ(a.to_vector(cpu), (std::vector<float>{0, 1, 2, 0, 0, 0}));
}

TEST(Tensor, ASliceOfASliceBeginsWithinIt) {
  const Tensor a = Tensor::from(cpu, Shape{4, 2}, std::vector<float>{0, 1, 2, 3, 4, 5, 6, 7});
  const Tensor inner = a.slice(1, 3).slice(1, 2);
  EXPECT_EQ(inner.shape(), (Shape{2, 2}));
  EXPECT_EQ(inner.to_vector(cpu), (std::vector<float>{4, 5, 6, 7}));
}

TEST(Tensor, WritingThroughAnyViewChangesTheVersionOfAll) {
  const Tensor a = Tensor::zeros(cpu, Shape{4});
  Tensor view = a.slice(0, 2);
  const auto before = a.version();
  view.write();
  EXPECT_EQ(a.version(), before + 1);
}

TEST(Tensor, ErrorsNameShapes) {
  const auto message = [](auto&& action) -> std::string {
    try {
      action();
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const Tensor a = Tensor::zeros(cpu, Shape{2, 3});
  EXPECT_EQ(message([&] { (void)a.view(Shape{4}); }), "view: (2, 3) has 6 elements, (4) needs 4");
  EXPECT_EQ(message([&] { (void)a.slice(1, 2); }), "slice: [1, 3) is outside axis 0 of (2, 3)");
  EXPECT_EQ(message([&] { (void)a.read().as<bf16>("relu"); }), "relu: expected bf16 elements, got f32");
  EXPECT_EQ(message([&] { (void)Tensor::from(cpu, Shape{2}, std::vector<float>{1}); }),
            "tensor from 1 values: shape (2) needs 2");
  EXPECT_EQ(message([&] { Tensor::zeros(cpu, Shape{4}).copy_from(cpu, a); }),
            "copy: a tensor (2, 3) of f32 to a tensor (4) of f32");
}

TEST(Bf16, RoundsToNearestEven) {
  EXPECT_EQ(static_cast<float>(bf16(1.0F)), 1.0F);
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 0x1p-8F)), 1.0F);             // a tie, which rounds down to even
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 3 * 0x1p-8F)), 1 + 0x1p-6F);  // a tie, which rounds up to even
  EXPECT_EQ(static_cast<float>(bf16(1.0F + 0x1.01p-8F)), 1 + 0x1p-7F);   // just above a tie
  EXPECT_EQ(static_cast<float>(bf16(std::numeric_limits<float>::max())),
            std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(static_cast<float>(bf16(std::numeric_limits<float>::quiet_NaN()))));
}

}  // namespace
}  // namespace sec
