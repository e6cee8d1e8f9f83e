// Shared by the tests of kernels: the devices they run on, operands, and comparisons.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "engine/parallel.h"
#include "engine/philox.h"
#include "engine/tensor.h"
#include "kernels/cpu/isa.h"
#include "kernels/device_tables.h"
#include "kernels/reference/reference.h"
#include "kernels/table.h"

namespace sec::kernels {

using reference::Integers;
using reference::Values;

// A device, or one of the cpu device's instruction sets.
struct Target {
  std::string name;
  Device device;
  const Table* table;
};

inline void PrintTo(const Target& target, std::ostream* out) {
  *out << target.name;
}

inline std::vector<Target> targets() {
#if defined(SEC_TEST_SIMT)
  return {{"simt", Device::simt, &simt::table()}};
#elif defined(SEC_TEST_CUDA)
  return {{"cuda", Device::cuda, &cuda::table()}};
#else
  std::vector<Target> all;
  for (const std::string_view isa : cpu::available_isas()) {
    all.push_back({std::string(isa), Device::cpu, &cpu::table_of(isa)});
  }
  return all;
#endif
}

// The fixture of tests that run on every target. TEST_P(Kernels, Name) can use kernels() and stream().
class Kernels : public testing::TestWithParam<Target> {
 protected:
  void SetUp() override {
    const std::string reason = why_unavailable(GetParam().device);
    if (!reason.empty()) {
      GTEST_SKIP() << "NOT TESTED on " << GetParam().name << ": " << reason;
    }
  }

  const Table& kernels() const { return *GetParam().table; }
  Stream& stream() { return stream_; }

  Tensor tensor(const Values& values) {
    return Tensor::from(stream_, {static_cast<std::int64_t>(values.size())},
                        std::vector<float>(values.begin(), values.end()));
  }
  Tensor tensor(const Integers& values) {
    return Tensor::from(stream_, {static_cast<std::int64_t>(values.size())}, values);
  }
  // Returns a tensor for results. It is filled with NaN, so an element that is never written fails the test.
  Tensor result(std::int64_t count) { return tensor(Values(static_cast<std::size_t>(count), std::nan(""))); }
  std::vector<float> floats_of(const Tensor& t) { return t.to_vector(stream_); }
  Integers integers_of(const Tensor& t) {
    Integers values(static_cast<std::size_t>(t.count()));
    copy_bytes(stream_, values.data(), Device::cpu, t.read().data, t.device(), values.size() * 4);
    return values;
  }

 private:
  Stream stream_{GetParam().device, nullptr};
};

#define SEC_ON_ALL_TARGETS(Suite)                                        \
  INSTANTIATE_TEST_SUITE_P(Targets, Suite, testing::ValuesIn(targets()), \
                           [](const auto& one) { return one.param.name; })

// Uniform random numbers in [low, high], exact in f32, so that kernels and reference get equal operands.
inline Values random_values(std::int64_t count, std::uint32_t which, double low = -1, double high = 1) {
  Values values(static_cast<std::size_t>(count));
  for (std::int64_t i = 0; i < count; ++i) {
    values[i] = static_cast<float>(low + (high - low) * uniform({20, 0, which}, i));
  }
  return values;
}

// Expects |got - expected| <= absolute + relative * |expected| for every element.
// The message names the first ten wrong elements. The worst ratio of error to tolerance is recorded.
inline void expect_close(const std::vector<float>& got, const Values& expected, double absolute,
                         double relative, const std::string& what) {
  ASSERT_EQ(got.size(), expected.size()) << what;
  double worst = 0;
  int wrong = 0;
  std::string text;
  for (std::size_t i = 0; i < got.size(); ++i) {
    const double error = std::abs(got[i] - expected[i]);
    const double ratio = error / (absolute + relative * std::abs(expected[i]));
    worst = std::max(worst, ratio);
    if (!(ratio <= 1) && ++wrong <= 10) {
      text += fmt::format("\n  element {}: got {:.9g}, expected {:.9g}", i, got[i], expected[i]);
    }
  }
  EXPECT_EQ(wrong, 0) << what << ": worst error is " << worst << " of the tolerance" << text;
  testing::Test::RecordProperty("worst", std::to_string(worst));
}

inline double dot(const Values& a, const Values& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += a[i] * b[i];
  }
  return sum;
}

// Compares a gradient with central differences of `function`, a double-precision function of `at`.
// Uses three random directions and five single elements. `step` must not cross a kink of the function.
// The differences err by step^2 (third derivatives of our operations are of order one) and by 1e-16 / step.
// The f32 gradient may err by `relative` times the sum of the magnitudes of its terms.
inline void expect_gradient(const std::vector<float>& gradient, const Values& at,
                            const std::function<double(const Values&)>& function, const std::string& what,
                            double relative = 1e-5, double step = 1e-4) {
  ASSERT_EQ(gradient.size(), at.size()) << what;
  const auto count = static_cast<std::int64_t>(at.size());
  for (std::uint32_t probe = 0; probe < 8; ++probe) {
    Values direction(at.size(), 0.0);
    if (probe < 3) {
      direction = random_values(count, 900 + probe);
    } else {
      direction[random_word({21, 0, probe}, 0) % at.size()] = 1;
    }
    Values ahead = at;
    Values behind = at;
    double expected_magnitude = 0;
    double got = 0;
    for (std::size_t i = 0; i < at.size(); ++i) {
      ahead[i] += step * direction[i];
      behind[i] -= step * direction[i];
      got += gradient[i] * direction[i];
      expected_magnitude += std::abs(gradient[i] * direction[i]);
    }
    const double expected = (function(ahead) - function(behind)) / (2 * step);
    EXPECT_NEAR(got, expected, relative * (expected_magnitude + 1) + 1e-6) << what << ", probe " << probe;
  }
}

// Runs `compute` with 1, 2 and 3 threads and expects bitwise equal results.
template <typename Compute>
void expect_same_bits_for_any_threads(const Compute& compute, const std::string& what) {
  set_threads(1);
  const std::vector<std::vector<float>> serial = compute();
  for (const int count : {2, 3}) {
    set_threads(count);
    const std::vector<std::vector<float>> parallel = compute();
    for (std::size_t k = 0; k < serial.size(); ++k) {
      ASSERT_EQ(serial[k].size(), parallel[k].size());
      EXPECT_EQ(std::memcmp(serial[k].data(), parallel[k].data(), serial[k].size() * 4), 0)
          << what << ": result " << k << " differs with " << count << " threads";
    }
  }
  set_threads(0);
}

// The unit roundoff of f32: half the distance from 1 to the next number.
constexpr double unit = 0x1p-24;

}  // namespace sec::kernels
