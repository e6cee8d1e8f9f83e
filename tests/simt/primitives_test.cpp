// Compares every CUDA primitive that kernels use with host loops that follow its documentation.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "engine/philox.h"
#include "engine/stream.h"
#include "tests/simt/device_under_test.h"

namespace sec {
namespace {

class Primitives : public testing::Test {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(device_under_test);
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED, as device " << name_of(device_under_test)
                   << " is not available: " << reason;
    }
  }
};

std::vector<float> run(std::string_view name, const std::vector<float>& values, std::int64_t outputs,
                       bool zeroed = false) {
  OwnedStream stream(device_under_test);
  const Tensor x = Tensor::from(stream, Shape{static_cast<std::int64_t>(values.size())}, values);
  Tensor y = zeroed ? Tensor::zeros(stream, Shape{outputs})
                    : Tensor::empty(Shape{outputs}, DType::f32, device_under_test);
  run_primitive_under_test(name, stream, x.read(), y.write());
  return y.to_vector(stream);
}

std::vector<float> random_values(std::size_t count, float scale) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i) {
    values[i] = scale * (2 * uniform(RandomKey{1, 2, 3}, i) - 1);
  }
  return values;
}

int bits_of(float value) {
  return std::bit_cast<int>(value);
}

TEST_F(Primitives, EveryThreadKnowsItsPlace) {
  each_order([] {
    const std::vector<float> y = run("indices", {0}, 288);
    for (std::size_t i = 0; i < y.size(); ++i) {
      EXPECT_EQ(y[i], static_cast<float>(i / 24 * 100 + i % 24));
    }
  });
}

TEST_F(Primitives, Shuffles) {
  each_order([] {
    std::vector<float> x(32);
    for (std::size_t i = 0; i < 32; ++i) {
      x[i] = static_cast<float>(i * i);
    }
    const std::vector<float> y = run("shuffles", x, 6 * 32);
    for (std::size_t i = 0; i < 32; ++i) {
      EXPECT_EQ(y[i], x[i * 5 % 32]);
      EXPECT_EQ(y[32 + i], x[i + 3 < 32 ? i + 3 : i]);
      EXPECT_EQ(y[64 + i], x[i >= 3 ? i - 3 : i]);
      EXPECT_EQ(y[96 + i], x[i ^ 9U]);
      EXPECT_EQ(y[128 + i], x[i / 8 * 8 + 1]);
      EXPECT_EQ(y[160 + i], x[i % 4 < 2 ? i + 2 : i]);
    }
  });
}

TEST_F(Primitives, Votes) {
  each_order([] {
    std::vector<float> x(32);
    for (std::size_t i = 0; i < 32; ++i) {
      x[i] = static_cast<float>(static_cast<int>(i * 7 % 32) - 10);  // a permutation of -10 ... 21
    }
    float low = 0;
    float high = 0;
    for (std::size_t i = 0; i < 32; ++i) {
      (i < 16 ? low : high) += x[i];
    }
    const std::vector<float> y = run("votes", x, 8 * 32);
    for (std::size_t i = 0; i < 32; ++i) {
      EXPECT_EQ(y[i], 21);
      EXPECT_EQ(y[32 + i], 0);
      EXPECT_EQ(y[64 + i], 1);
      EXPECT_EQ(y[96 + i], low + high);
      EXPECT_EQ(y[128 + i], -10);
      EXPECT_EQ(y[160 + i], 21);
      EXPECT_EQ(y[192 + i], i < 16 ? low : high);
      EXPECT_EQ(y[224 + i], x[i] > 0 ? 1 : 0);
    }
  });
}

TEST_F(Primitives, BarriersThatCount) {
  each_order([] {
    std::vector<float> x(96, -1);
    x[5] = x[90] = 1;
    const std::vector<float> y = run("counting_barriers", x, 3 * 96);
    for (std::size_t i = 0; i < 96; ++i) {
      EXPECT_EQ(y[i], 2);
      EXPECT_EQ(y[96 + i], 0);
      EXPECT_EQ(y[192 + i], 1);
    }
  });
}

TEST_F(Primitives, Atomics) {
  std::vector<float> x(640);
  int sum = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    x[i] = static_cast<float>(i % 11);  // small integers, whose sum is exact in any order
    sum += static_cast<int>(i % 11);
  }
  const std::vector<float> y = run("atomics", x, 5, true);
  EXPECT_EQ(y[0], static_cast<float>(sum));
  EXPECT_EQ(bits_of(y[1]), sum);
  EXPECT_EQ(bits_of(y[2]), 10);
  EXPECT_EQ(bits_of(y[3]), 640 % 7);
  EXPECT_EQ(bits_of(y[4]), 640);
}

TEST_F(Primitives, RoundingIsThatOfTheHost) {
  std::vector<float> x = random_values(997, 100);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float special :
       {0.0F, -0.0F, infinity, -infinity, 1.00390625F, 1.01171875F, 3.3961776e38F, 1e-40F}) {
    x.push_back(special);  // includes ties to even, overflow to infinity, and a subnormal
  }
  const std::size_t n = x.size();
  const std::vector<float> y = run("roundings", x, static_cast<std::int64_t>(3 * n));
  for (std::size_t i = 0; i < n; ++i) {
    const auto expected = static_cast<float>(bf16(x[i]));
    EXPECT_EQ(bits_of(y[i]), bits_of(expected)) << x[i];
    EXPECT_EQ(y[n + i], expected) << x[i];
    if (std::isfinite(x[i])) {  // TF32 has 10 mantissa bits, so half a unit in the last place is 2^-11
      EXPECT_LE(std::abs(y[2 * n + i] - x[i]), std::abs(x[i]) * 0x1p-11F + 1e-41F);
    } else {
      EXPECT_EQ(y[2 * n + i], x[i]);
    }
    EXPECT_EQ(bits_of(y[2 * n + i]) & 0x1fff, 0);
  }
}

TEST_F(Primitives, PackedReluAndMasksActOnEachHalf) {
  std::vector<float> x = random_values(99, 101);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float special : {0.0F, -0.0F, infinity, -infinity, std::nanf("")}) {
    x.push_back(special);
  }
  const std::size_t n = x.size();
  const std::vector<float> y = run("packed_pairs", x, static_cast<std::int64_t>(4 * n));
  const auto relu = [](float value) { return value <= 0 ? 0.0F : value; };  // NaN passes
  const auto expect_same = [](float got, float expected) {
    EXPECT_TRUE(std::isnan(expected) ? std::isnan(got) : bits_of(got) == bits_of(expected))
        << got << ", expected " << expected;
  };
  for (std::size_t i = 0; i < n; ++i) {
    const auto stored = static_cast<float>(bf16(x[i]));
    expect_same(y[i], relu(stored));
    expect_same(y[n + i], relu(-stored));
    expect_same(y[2 * n + i], i % 2 == 0 ? stored : 0.0F);
    expect_same(y[3 * n + i], i % 2 == 0 ? 0.0F : stored);
  }
}

TEST_F(Primitives, AsynchronousCopiesArriveStageByStage) {
  each_order([] {
    for (const int stages : {1, 2, 7}) {
      const std::vector<float> x = random_values(static_cast<std::size_t>(stages) * 128, 1);
      const std::vector<float> y = run("pipeline", x, 128);
      for (std::size_t i = 0; i < 128; ++i) {
        float sum = 0;
        for (int stage = 0; stage < stages; ++stage) {
          sum += stage == stages - 1 && i % 4 == 3 ? 0 : x[static_cast<std::size_t>(stage) * 128 + i];
        }
        EXPECT_EQ(y[i], sum) << stages << " stages, element " << i;
      }
    }
  });
}

// Expects D = A B + C, computed in double from elements rounded by `round`. Products of these elements are
// exact in f32. Only the k additions round, in an order that the hardware chooses.
template <typename Round>
void expect_product(const std::vector<float>& x, std::size_t k, const std::vector<float>& d, Round round) {
  const float* a = x.data();
  const float* b = a + 16 * k;
  const float* c = b + k * 8;
  for (std::size_t i = 0; i < 16; ++i) {
    for (std::size_t j = 0; j < 8; ++j) {
      double sum = c[i * 8 + j];
      double magnitude = std::abs(sum);
      for (std::size_t l = 0; l < k; ++l) {
        const double product = double{round(a[i * k + l])} * double{round(b[l * 8 + j])};
        sum += product;
        magnitude += std::abs(product);
      }
      // k + 1 roundings to 24 bits; twice their error, because tensor cores may truncate.
      EXPECT_NEAR(d[i * 8 + j], sum, 2 * static_cast<double>(k + 1) * 0x1p-24 * magnitude) << i << ", " << j;
    }
  }
}

float through_bf16(float value) {
  return static_cast<float>(bf16(value));
}

float through_tf32(float value) {
  return std::bit_cast<float>((std::bit_cast<unsigned>(value) + 0x1000U) & 0xffffe000U);
}

TEST_F(Primitives, TensorCoreProductOfBf16) {
  each_order([] {
    const std::vector<float> x = random_values(256 + 128 + 128, 3);
    expect_product(x, 16, run("mma_bf16", x, 128), through_bf16);
  });
}

TEST_F(Primitives, TensorCoreProductOfMatricesLoadedByLdmatrix) {
  each_order([] {
    const std::vector<float> x = random_values(256 + 128 + 128, 3);
    expect_product(x, 16, run("mma_ldmatrix", x, 128), through_bf16);
  });
}

TEST_F(Primitives, TensorCoreProductOfTf32) {
  each_order([] {
    const std::vector<float> x = random_values(128 + 64 + 128, 3);
    expect_product(x, 8, run("mma_tf32", x, 128), through_tf32);
  });
}

TEST_F(Primitives, TheLastBlockSeesWhatAllHaveWritten) {
  each_order([] {
    std::vector<float> x(64 * 9);
    float sum = 0;
    for (std::size_t i = 0; i < x.size(); ++i) {
      x[i] = static_cast<float>(i % 13);
      sum += x[i];
    }
    EXPECT_EQ(run("last_block_sum", x, 11, true)[0], sum);
  });
}

TEST_F(Primitives, RandomBitsAreThoseOfTheHost) {
  const std::vector<float> y = run("random_numbers", {0}, 128);
  for (std::size_t i = 0; i < y.size(); ++i) {
    EXPECT_EQ(y[i], uniform(RandomKey{9, 3, 1}, i));
  }
}

TEST_F(Primitives, SharedArraysOfEveryKind) {
  each_order([] {
    std::vector<float> x(32);
    for (std::size_t i = 0; i < 32; ++i) {
      x[i] = static_cast<float>(i);
    }
    EXPECT_EQ(run("shared_arrays", x, 32), x);
  });
}

}  // namespace
}  // namespace sec
