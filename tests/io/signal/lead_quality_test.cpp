// Leads that show no electrocardiogram are told from those that do.
#include "io/signal/lead_quality.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "io/databases/mitdb.h"
#include "io/synthetic/database.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

constexpr double rate = 360;

LeadQuality quality_of(std::span<const float> signal, std::size_t block = 1000, double at = rate) {
  LeadQualityMeter meter(at);
  for (std::size_t begin = 0; begin < signal.size(); begin += block) {
    meter.add(signal.subspan(begin, std::min(block, signal.size() - begin)));
  }
  return meter.quality();
}

std::vector<float> beats(const char* name = "100") {
  SyntheticOptions options;
  options.minutes = 2;
  return to_recording(synthesize(mitdb_record(name), options).digital).signals[0];
}

TEST(LeadQuality, AnElectrocardiogramHasNoFault) {
  for (const char* name : {"100", "119", "208", "230"}) {
    const LeadQuality quality = quality_of(beats(name));
    EXPECT_EQ(fault_of(quality), "") << name;
    EXPECT_EQ(quality.missing, 0);
    EXPECT_LT(quality.noise, 0.2);
  }
}

TEST(LeadQuality, FlatAndMissing) {
  std::vector<float> signal = beats();
  const std::size_t n = signal.size();
  EXPECT_EQ(fault_of(quality_of(std::vector<float>(n, 0.5F))), "is flat");
  EXPECT_EQ(fault_of(quality_of(std::vector<float>(n, std::nanf("")))), "has no valid sample");
  std::fill(signal.begin(), signal.begin() + static_cast<std::ptrdiff_t>(n / 4), 0.1F);
  EXPECT_NEAR(quality_of(signal).flat, 0.25, 1e-3);
  EXPECT_EQ(fault_of(quality_of(signal)), "is flat for 25 % of the time");
  std::fill(signal.begin(), signal.begin() + static_cast<std::ptrdiff_t>(n / 4), std::nanf(""));
  EXPECT_NEAR(quality_of(signal).missing, 0.25, 1e-9);
  EXPECT_EQ(quality_of(signal).flat, 0);
  std::fill(signal.begin(), signal.end(), 0.1F);
  signal[n / 2] = std::nanf("");
  EXPECT_EQ(fault_of(quality_of(signal)), "is flat");
  EXPECT_EQ(fault_of(quality_of({})), "");
}

// Amplifiers that are driven too far cut off peaks at the ends of their range.
TEST(LeadQuality, Saturated) {
  std::vector<float> signal = beats();
  for (float& value : signal) {
    value = std::clamp(value, -0.3F, 0.3F);
  }
  const LeadQuality quality = quality_of(signal);
  EXPECT_GT(quality.saturated, 0.01);
  EXPECT_EQ(quality.flat, 0);
  EXPECT_TRUE(fault_of(quality).starts_with("is saturated: ")) << fault_of(quality);

  // A resting line at the lowest value, as in a drawn signal, is no saturation.
  std::vector<float> drawn(36000, 0.0F);
  for (std::size_t i = 100; i + 20 < drawn.size(); i += 300) {
    for (std::size_t k = 0; k < 20; ++k) {
      drawn[i + k] = 1 - std::abs(static_cast<float>(k) - 10) / 10;
    }
  }
  EXPECT_EQ(fault_of(quality_of(drawn)), "");
}

TEST(LeadQuality, Noise) {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  for (const double at : {128.0, 249.89, 360.0, 1000.0}) {
    std::vector<float> white(static_cast<std::size_t>(60 * at));
    std::vector<float> brown(white.size());
    std::vector<float> hum(white.size());
    float sum = 0;
    for (std::size_t i = 0; i < white.size(); ++i) {
      white[i] = normal(random);
      sum = 0.999F * sum + normal(random);
      brown[i] = sum;
      hum[i] =
          static_cast<float>(std::sin(2 * M_PI * 50 / at * static_cast<double>(i))) + 0.05F * normal(random);
    }
    for (const std::vector<float>* signal : {&white, &brown, &hum}) {
      EXPECT_GT(quality_of(*signal, 777, at).noise, 0.9) << at;
      EXPECT_TRUE(fault_of(quality_of(*signal, 777, at)).starts_with("shows no QRS complexes")) << at;
    }
  }
}

TEST(LeadQuality, BlocksDoNotMatter) {
  std::vector<float> signal = beats("208");
  std::fill(signal.begin() + 5000, signal.begin() + 7000, 0.1F);
  signal[9000] = std::nanf("");
  const LeadQuality whole = quality_of(signal, signal.size());
  for (const std::size_t block : {1U, 7U, 360U}) {
    const LeadQuality quality = quality_of(signal, block);
    EXPECT_EQ(quality.missing, whole.missing);
    EXPECT_EQ(quality.flat, whole.flat);
    EXPECT_EQ(quality.saturated, whole.saturated);
    EXPECT_EQ(quality.noise, whole.noise);
  }
}

// In MIT-BIH only the second lead of record 101 is reported.
TEST(LeadQuality, WholeDatabase) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  std::string faults;
  for (const MitdbRecord& record : mitdb_records()) {
    const Recording recording = read_record(*folder, std::string(record.name), false);
    for (std::size_t lead = 0; lead < recording.leads.size(); ++lead) {
      const std::string fault = fault_of(quality_of(recording.signals[lead], 36000));
      faults +=
          fault.empty() ? "" : fmt::format("{} {} {}\n", record.name, recording.leads[lead].name, fault);
    }
  }
  EXPECT_EQ(
      faults,
      "101 V1 shows no QRS complexes that stand out for 64 % of the time: noise, or ventricular flutter\n");
}

}  // namespace
}  // namespace sec::io
