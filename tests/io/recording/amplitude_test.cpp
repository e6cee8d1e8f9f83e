// Samples in another unit than mV are noticed by their amplitude.
#include "io/recording/amplitude.h"

#include <gtest/gtest.h>

#include <cmath>

namespace sec::io {
namespace {

TEST(Amplitude, IsTheMedianRangeOfASecond) {
  AmplitudeMeter meter(4);
  EXPECT_EQ(meter.amplitude(), 0);
  for (const std::vector<float>& block : std::vector<std::vector<float>>{
           {10, 11}, {10, NAN, 900, 902}, {900, -900, 10, 13, NAN, 10}, {NAN, NAN, NAN, NAN}}) {
    meter.add(block);
  }
  EXPECT_EQ(meter.seconds(), 4);  // ranges 1, 1802, 3 and 0; the median is the upper of the middle two
  EXPECT_EQ(meter.amplitude(), 3);
  AmplitudeMeter brief(360);
  brief.add(std::vector<float>{1, 3});
  EXPECT_EQ(brief.amplitude(), 2);
}

TEST(Amplitude, NamesTheLikelyUnit) {
  for (const double plausible : {0.0, 0.05, 1.0, 5.0, 19.0}) {
    EXPECT_EQ(amplitude_fault(plausible), "") << plausible;
  }
  EXPECT_NE(amplitude_fault(1100).find("an amplitude of 1.1e+03 mV"), std::string::npos)
      << amplitude_fault(1100);
  for (const auto& [amplitude, unit] :
       std::vector<std::pair<double, std::string>>{{1100, "probably uV"},
                                                   {1.1e6, "probably nV"},
                                                   {1e12, "probably converter units"},
                                                   {1e-3, "probably V,"}}) {
    EXPECT_NE(amplitude_fault(amplitude).find(unit), std::string::npos) << amplitude_fault(amplitude);
  }
}

}  // namespace
}  // namespace sec::io
