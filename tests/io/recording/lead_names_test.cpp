// Leads are found by one rule, whatever a file calls them.
#include "io/recording/lead_names.h"

#include "tests/io/files.h"

namespace sec::io {
namespace {

using Names = std::vector<std::string>;

TEST(LeadNames, OneLeadHasManyLabels) {
  for (const char* name : {"II", "ii", "ECG II", "ECG  II", "ekg II", "Lead II", "LEAD_II", "II-REF", " II ",
                           "II_ref", "ECG Lead II", "Ecg:II", "ECG-II", "EKG II-Ref"}) {
    EXPECT_EQ(lead_key(name), "ii") << name;
  }
  EXPECT_EQ(lead_key("Ecg MLII"), "mlii");
  EXPECT_EQ(lead_key("ML II"), "mlii");
  EXPECT_EQ(lead_key("EKG I"), "i");
  EXPECT_EQ(lead_key("aVR"), "avr");
  EXPECT_EQ(lead_key("V 1"), "v1");
  // These are other leads.
  for (const char* name : {"I", "III", "MLII", "-II", "II-V1", "ECG", "ref", "Lead"}) {
    EXPECT_NE(lead_key(name), "ii") << name;
    EXPECT_NE(lead_key(name), "") << name;
  }
  EXPECT_NE(lead_key("ECG -aVR"), "avr");
  EXPECT_NE(lead_key("ECG-aVR"), "avr");
  EXPECT_EQ(without_signal_type("Ecg  MLII"), "MLII");
  EXPECT_EQ(without_signal_type("ECG V1"), "V1");
  EXPECT_EQ(without_signal_type("ECG"), "ECG");
  EXPECT_EQ(without_signal_type("ECG1"), "ECG1");
}

TEST(LeadNames, LeadsOfOneNameAreNumbered) {
  const Names names = {"II", "V1", "ECG II", "II", "ii"};
  expect_error([&] { find_lead(names, "II", "r"); },
               "r: 4 leads are called 'II' (II, ECG II, II, ii); name one of them 'II#1' to 'II#4'");
  EXPECT_EQ(find_lead(names, "II#1", "r"), 0U);
  EXPECT_EQ(find_lead(names, "ii#3", "r"), 3U);
  EXPECT_EQ(find_lead(names, "II#5", "r"), std::nullopt);
  EXPECT_EQ(find_lead(names, "v1", "r"), 1U);
  EXPECT_EQ(find_lead(names, "V1#1", "r"), 1U);
  EXPECT_EQ(find_lead(names, "ii", "r"), 4U);  // the only one that is spelled so
  EXPECT_EQ(find_lead(names, "V2", "r"), std::nullopt);
  EXPECT_EQ(find_lead(Names{"", "II"}, "", "r"), std::nullopt);
}

TEST(LeadNames, SelectsEachLeadOnce) {
  const Names names = {"V5", "ECG MLII", "V5"};
  EXPECT_EQ(select_leads(names, "r", Names{"mlii", "other"}), (std::vector<std::size_t>{1, 0}));
  EXPECT_EQ(select_leads(names, "r", Names{"V5#2", "other", "MLII"}), (std::vector<std::size_t>{2, 0, 1}));
  expect_error([&] { select_leads(names, "r", Names{"V5", "MLII"}); }, "r: 2 leads are called 'V5'");
  expect_error(
      [&] {
        select_leads(names, "r", Names{"MLII", "Lead MLII"});
      },
      "r: lead Lead MLII is asked for twice (MLII, Lead MLII)");
  expect_error([&] { select_leads(names, "r", Names{"I"}); }, "r: no lead 'I'; its leads: V5, ECG MLII, V5");
  expect_error(
      [&] {
        select_leads(Names{"I"}, "r", Names{"I", "other"});
      },
      "2 leads are asked for (I, other), the record has 1 (I)");
}

}  // namespace
}  // namespace sec::io
