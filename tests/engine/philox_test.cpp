#include "engine/philox.h"

#include <gtest/gtest.h>

namespace sec {
namespace {

// Known answers from the Random123 library (kat_vectors, philox4x32-10).
TEST(Philox, KnownAnswers) {
  const PhiloxBlock zeros = philox(0, 0, 0, 0, 0);
  EXPECT_EQ(zeros.word[0], 0x6627e8d5U);
  EXPECT_EQ(zeros.word[1], 0xe169c58dU);
  EXPECT_EQ(zeros.word[2], 0xbc57ac4cU);
  EXPECT_EQ(zeros.word[3], 0x9b00dbd8U);
  const PhiloxBlock ones = philox(0xffffffffffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU, 0xffffffffU);
  EXPECT_EQ(ones.word[0], 0x408f276dU);
  EXPECT_EQ(ones.word[1], 0x41c83b0eU);
  EXPECT_EQ(ones.word[2], 0xa20bc7c6U);
  EXPECT_EQ(ones.word[3], 0x6d5451fdU);
  const PhiloxBlock pi = philox(0x299f31d0a4093822U, 0x243f6a88U, 0x85a308d3U, 0x13198a2eU, 0x03707344U);
  EXPECT_EQ(pi.word[0], 0xd16cfe09U);
  EXPECT_EQ(pi.word[1], 0x94fdccebU);
  EXPECT_EQ(pi.word[2], 0x5001e420U);
  EXPECT_EQ(pi.word[3], 0x24126ea1U);
}

// The counter holds the number of the block of four elements (low word, high word), the step and the operation.
TEST(Philox, WordsOfElementsHaveKnownAnswers) {
  EXPECT_EQ(random_word({0, 0, 0}, 0), 0x6627e8d5U);
  EXPECT_EQ(random_word({1, 2, 3}, 4), 0xdfbfa803U);
  EXPECT_EQ(random_word({42, 0xffffffffU, 9}, 1'000'001), 0xb15380c9U);
  EXPECT_EQ(random_word({0x123456789abcdef0U, 77, 5}, (std::uint64_t{1} << 36U) + 7), 0x4f5a4c44U);
  const std::uint64_t element = (std::uint64_t{11} << 34U) + 4 * 13 + 2;
  EXPECT_EQ(random_word({21, 22, 23}, element), philox(21, 13, 11, 22, 23).word[2]);
}

TEST(Philox, UniformStaysBelowOneAndFillsTheUnitInterval) {
  EXPECT_EQ(to_unit(0), 0.0F);
  EXPECT_LT(to_unit(0xffffffffU), 1.0F);
  double sum = 0;
  double squares = 0;
  constexpr int count = 1 << 16;
  for (int i = 0; i < count; ++i) {
    const double u = uniform({1, 2, 3}, i);
    sum += u;
    squares += u * u;
  }
  // The standard errors are 0.0011 for the mean and 0.0012 for the mean square. Allow five standard errors.
  EXPECT_NEAR(sum / count, 1.0 / 2, 0.006);
  EXPECT_NEAR(squares / count, 1.0 / 3, 0.006);
}

TEST(Philox, EveryPartOfTheKeyMatters) {
  const std::uint32_t base = random_word({1, 1, 1}, 8);
  EXPECT_NE(base, random_word({2, 1, 1}, 8));
  EXPECT_NE(base, random_word({1, 2, 1}, 8));
  EXPECT_NE(base, random_word({1, 1, 2}, 8));
  EXPECT_NE(base, random_word({1, 1, 1}, 9));
  EXPECT_NE(base, random_word({1, 1, 1}, 8 + (std::uint64_t{1} << 34)));
}

}  // namespace
}  // namespace sec
