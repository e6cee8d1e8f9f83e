// Valid and damaged recordings of the Tianchi contest.
#include "io/databases/tianchi.h"

#include <gtest/gtest.h>

#include "tests/io/files.h"

namespace sec::io {
namespace {

const std::string header = "I II V1 V2 V3 V4 V5 V6\n";

std::string text_of(std::int64_t lines, const std::string& line = "-5 1 9 4 6 5 3 -3\n") {
  std::string text = header;
  for (std::int64_t i = 0; i < lines; ++i) {
    text += line;
  }
  return text;
}

void expect_refused(const std::string& content, const std::string& message) {
  const TemporaryFolder folder;
  const auto path = folder.write("r.txt", content);
  expect_error([&] { read_tianchi(path); }, path.string() + ": " + message);
}

TEST(Tianchi, ReadsLeadsInMillivolts) {
  const TemporaryFolder folder;
  for (const char* line : {"-5 1 9 4 6 5 3 -3\n", "-5 1 9 4 6 5 3 -3 \r\n", "-5\t1 9 4  6 5 3 -3\t\n"}) {
    const Recording r = read_tianchi(folder.write("r.txt", text_of(5000, line)));
    EXPECT_EQ(r.rate, 500);
    EXPECT_EQ(r.samples(), 5000);
    ASSERT_EQ(r.leads.size(), 8U);
    EXPECT_EQ(r.leads[2].name, "V1");
    EXPECT_NEAR(r.signals[0][0], -5 * 0.00488, 1e-8);
    EXPECT_NEAR(r.signals[7][4999], -3 * 0.00488, 1e-8);
  }
  std::string open_end = text_of(5000);
  open_end.pop_back();
  EXPECT_EQ(read_tianchi(folder.write("r.txt", open_end)).samples(), 5000);
}

TEST(Tianchi, RefusesDamage) {
  expect_refused("", "line 1: expected the lead names I II V1 V2 V3 V4 V5 V6");
  expect_refused("I II V1\n1 2 3\n", "line 1: expected the lead names");
  expect_refused(text_of(4999), "4999 lines of samples, expected 5000");
  expect_refused(text_of(5001), "line 5002: expected 5000 lines of samples, found more");
  expect_refused(text_of(3) + "1 2 3 x 5 6 7 8\n", "line 5: lead V2 is 'x', expected a whole number");
  expect_refused(text_of(3) + "1 2 3 4.5 5 6 7 8\n", "line 5: lead V2 is '4.5', expected a whole number");
  expect_refused(text_of(3) + "1 2 3 4 5 6 7\n", "line 5: lead V6 is '', expected a whole number");
  expect_refused(text_of(3) + "1 2 3 4 5 6 7 8 9\n", "line 5: expected 8 numbers, found more");
  expect_refused(text_of(3) + "1 2 3 4 5 6 7 99999999999\n", "line 5: lead V6 is '99999999999'");
  expect_error([] { read_tianchi("/nowhere/r.txt"); }, "/nowhere/r.txt");
}

TEST(Tianchi, RealRecording) {
  const auto samples = real_data("tianchi-hefei/samples");
  if (!samples) {
    GTEST_SKIP() << "NOT TESTED on a real recording: SEC_DATA is not set";
  }
  const Recording r = read_tianchi(*samples / "train_2.txt");
  EXPECT_EQ(r.samples(), 5000);
  EXPECT_NEAR(r.signals[0][0], -5 * 0.00488, 1e-8);
  EXPECT_NEAR(r.signals[3][4999], 76 * 0.00488, 1e-7);  // the last line is 7 4 29 76 47 22 14 10
}

}  // namespace
}  // namespace sec::io
