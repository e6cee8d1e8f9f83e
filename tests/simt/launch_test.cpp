#include <gtest/gtest.h>

#include <vector>

#include "engine/simt/runtime.h"
#include "engine/tensor.h"
#include "tests/simt/subjects.h"

namespace sec {
namespace {

Stream stream{Device::simt};

TEST(Launch, AKernelWithoutBarriersCoversEveryElement) {
  std::vector<float> values(1000);
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<float>(i) - 500;
  }
  const Tensor x = Tensor::from(stream, Shape{1000}, values);
  Tensor y = Tensor::empty(Shape{1000}, DType::f32, Device::simt);
  kernels::simt::relu(stream, x.read(), y.write());
  const std::vector<float> result = y.to_vector(stream);
  for (std::size_t i = 0; i < values.size(); ++i) {
    EXPECT_EQ(result[i], values[i] > 0 ? values[i] : 0) << i;
  }
}

TEST(Launch, ABlockReducesWithShufflesAndABarrierInAnyOrder) {
  constexpr int rows = 37;
  constexpr int columns = 301;
  std::vector<float> x(rows * columns);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 7);  // small integers: any order of addition is exact
  }
  for (const auto order : {simt::Order::forward, simt::Order::reverse, simt::Order::shuffled}) {
    simt::set_order(order, 3);
    std::vector<float> y(rows, -1);
    kernels::simt::row_sums(stream, rows, columns, x.data(), y.data());
    for (int r = 0; r < rows; ++r) {
      float sum = 0;
      for (int c = 0; c < columns; ++c) {
        sum += x[static_cast<std::size_t>(r * columns + c)];
      }
      EXPECT_EQ(y[static_cast<std::size_t>(r)], sum);
    }
  }
  simt::set_order(simt::Order::forward);
}

}  // namespace
}  // namespace sec
