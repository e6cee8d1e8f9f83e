// Runs secdata convert and dump --out as a user does, and reads the written files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"
#include "tests/run_program.h"
#include "tests/tools/kill_at_call.h"

namespace sec::io {
namespace {

class Convert : public testing::Test {
 protected:
  Outcome run(const std::string& arguments) const {
    return run_program(SECDATA " " + arguments, folder_.path());
  }
  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Runs secdata convert and returns its list of what was not kept.
  std::vector<std::string> losses(const std::string& arguments) const {
    const Outcome outcome = run("convert --json " + arguments);
    EXPECT_EQ(outcome.status, 0) << arguments << ": " << outcome.error;
    return outcome.status == 0
               ? nlohmann::json::parse(outcome.out)["not_kept"].get<std::vector<std::string>>()
               : std::vector<std::string>{};
  }

  // Writes a record of format 24 with samples beyond 16 bits, an invalid sample, a lead at twice the rate, and
  // annotations that use all fields.
  DigitalRecord write_wide() const {
    DigitalRecord record;
    record.header.name = "wide";
    record.header.rate = 10;
    record.header.base_time = "12:30:05";
    record.header.base_date = "02/03/2002";
    for (const char* lead : {"II", "V1"}) {
      WfdbSignal signal;
      signal.format = 24;
      signal.resolution = 24;
      signal.samples_per_frame = record.header.signals.empty() ? 1 : 2;
      signal.gain = 10'000;
      signal.baseline = 5;
      signal.description = lead;
      record.header.signals.push_back(signal);
    }
    record.signals.resize(2);
    for (int i = 0; i < 40; ++i) {
      record.signals[0].push_back(i * 2500 - 50'000);
      record.signals[1].push_back(i);
      record.signals[1].push_back(-i);
    }
    record.signals[1][7] = invalid_sample;
    write_digital(folder_.path(), record);
    write_annotations(folder_ / "wide.atr",
                      std::vector<Annotation>{{0, 28, 0, 0, 0, "(N"}, {17, 5, -1, 2, 3, "x"}});
    return record;
  }

  TemporaryFolder folder_;
};

TEST_F(Convert, ThroughEveryFormatAndBackToTheSameBytes) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 1 --minutes 0.2 --rate 250 --leads 3").status, 0);
  const std::string record = path("db/s00001");
  const std::string samples = content_of(record + ".dat");
  const std::string annotations = content_of(record + ".atr");
  EXPECT_EQ(losses(record + " " + path("a.edf")), std::vector<std::string>{});
  EXPECT_EQ(losses(path("a.edf") + " " + path("b") + " --format 212"), std::vector<std::string>{});
  EXPECT_TRUE(content_of(path("b.dat")) == samples);
  EXPECT_TRUE(content_of(path("b.atr")) == annotations);
  EXPECT_EQ(losses(path("b.hea") + " " + path("c.npy") + " --digital"), std::vector<std::string>{});
  EXPECT_EQ(losses(path("c.npy") + " " + path("d") + " --format 212"), std::vector<std::string>{});
  EXPECT_TRUE(content_of(path("d.dat")) == samples);
  EXPECT_TRUE(content_of(path("d.atr")) == annotations);
  EXPECT_EQ(losses(record + " " + path("e") + " --format 24"), std::vector<std::string>{});
  EXPECT_EQ(losses(path("e") + " " + path("f") + " --format 16"), std::vector<std::string>{});
  EXPECT_EQ(read_digital(folder_.path(), "f").signals, read_digital(folder_ / "db", "s00001").signals);
  // A table has physical samples, so a new gain is chosen: the largest that fits the signal into 16 bits.
  EXPECT_EQ(losses(record + " " + path("g.csv")), std::vector<std::string>{"gain and baseline"});
  losses(path("g.csv") + " " + path("h"));
  EXPECT_TRUE(content_of(path("h.atr")) == annotations);
  const Recording before = read_record(folder_ / "db", "s00001");
  const Recording after = read_record(folder_.path(), "h");
  for (std::size_t lead = 0; lead < 3; ++lead) {
    for (std::size_t i = 0; i < before.signals[lead].size(); ++i) {
      ASSERT_NEAR(before.signals[lead][i], after.signals[lead][i], 0.5 / after.leads[lead].gain + 1e-6);
    }
    EXPECT_GE(after.leads[lead].gain, 5000) << "16 bits are not used";
  }
}

TEST_F(Convert, SaysWhatIsNotKept) {
  const DigitalRecord wide = write_wide();
  EXPECT_EQ(losses(path("wide") + " " + path("same") + " --format 24"), std::vector<std::string>{});
  const DigitalRecord same = read_digital(folder_.path(), "same");
  EXPECT_EQ(same.signals, wide.signals);
  EXPECT_EQ(same.header.signals[1].checksum, read_digital(folder_.path(), "wide").header.signals[1].checksum);
  EXPECT_EQ(same.header.base_time, "12:30:05");

  // The samples range from -50000 to 47500, up to 5 V; 2047 steps to each side give a gain of 200 adu/mV.
  const std::vector<std::string> lost = losses(path("wide") + " " + path("small") + " --format 212");
  ASSERT_FALSE(lost.empty());
  EXPECT_EQ(lost[0], "gain and baseline");
  double most = 0;  // mV, the largest change of the first lead by rounding to multiples of 1/200 mV
  for (const std::int32_t sample : wide.signals[0]) {
    const double millivolts = (sample - 5) / 1e4;
    most = sample == invalid_sample
               ? most
               : std::max(most, std::abs(std::round(200 * millivolts) / 200 - millivolts));
  }
  const std::string rounded = wide.header.signals[0].description + " rounded by up to ";
  const auto line =
      std::ranges::find_if(lost, [&](const std::string& text) { return text.starts_with(rounded); });
  ASSERT_NE(line, lost.end()) << testing::PrintToString(lost);
  EXPECT_NEAR(std::stod(line->substr(rounded.size())), most, 0.01 * most);  // printed with three digits
  const DigitalRecord small = read_digital(folder_.path(), "small");
  EXPECT_EQ(small.header.signals[0].gain, 200);
  EXPECT_EQ(small.signals[0][0], -1000);  // (-50000 - 5) / 10000 mV
  EXPECT_EQ(small.signals[1][7], invalid_sample);
  EXPECT_EQ(read_annotations(folder_ / "small.atr"), read_annotations(folder_ / "wide.atr"));
  const Outcome text = run("convert " + path("wide") + " " + path("text") + " --format 212");
  EXPECT_NE(text.out.find("40 samples of 2 leads, 2 annotations; not kept: gain and baseline"),
            std::string::npos)
      << text.out;
  EXPECT_EQ(std::count(text.out.begin(), text.out.end(), '\n'), 1);
  // A table has a single sampling rate.
  const Outcome table = run("convert " + path("wide") + " " + path("wide.csv"));
  EXPECT_EQ(table.status, 1);
  EXPECT_NE(table.error.find("its leads have different rates"), std::string::npos) << table.error;
  EXPECT_FALSE(std::filesystem::exists(folder_ / "wide.csv"));
}

TEST_F(Convert, ReplacesNothingUnasked) {
  write_wide();
  const std::string before = content_of(path("wide.dat"));
  ASSERT_EQ(run("convert --quiet " + path("wide") + " " + path("w.edf")).status, 0);
  for (const std::string& arguments : std::vector<std::string>{
           path("wide") + " " + path("w.edf"), path("w.edf") + " " + path("wide"),
           path("wide") + " " + path("wide") + " --overwrite", path("wide.hea") + " " + path("wide.hea"),
           path("none") + " " + path("x"), path("wide") + " " + path("no/folder/x")}) {
    const Outcome refused = run("convert " + arguments);
    EXPECT_EQ(refused.status, 1) << arguments;
    EXPECT_EQ(std::count(refused.error.begin(), refused.error.end(), '\n'), 1) << refused.error;
    EXPECT_EQ(refused.out, "");
  }
  EXPECT_TRUE(content_of(path("wide.dat")) == before);
  EXPECT_EQ(run("convert --quiet --overwrite " + path("wide") + " " + path("w.edf")).status, 0);
  for (const char* arguments :
       {"convert a", "convert a b.edf --format 212", "convert a b --format csv", "convert a b --format 310",
        "convert a b --digital", "convert a b --json --quiet"}) {
    EXPECT_EQ(run(arguments).status, 2) << arguments;
  }
}

// Source and target share the name of their annotation file, which must not change.
TEST_F(Convert, BesideItsSource) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 1 --minutes 0.1").status, 0);
  const std::string annotations = content_of(path("db/s00001.atr"));
  EXPECT_EQ(losses(path("db/s00001") + " " + path("db/s00001.npy") + " --digital"),
            std::vector<std::string>{});
  EXPECT_TRUE(content_of(path("db/s00001.atr")) == annotations);
  // A replaced record's annotations must not be taken for those of the new record.
  std::filesystem::copy_file(path("db/s00001.hea"), path("db/bare.hea"));
  EXPECT_EQ(run("convert --quiet " + path("db/s00001") + " " + path("new")).status, 0);
  EXPECT_EQ(run("convert --quiet --overwrite " + path("db/bare") + " " + path("new")).status, 0);
  EXPECT_FALSE(std::filesystem::exists(path("new.atr")));
}

// A record in segments, its annotations and a table with its side file; by their paths and through links.
TEST_F(Convert, APartOfTheSourceIsNotATarget) {
  namespace fs = std::filesystem;
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 2 --minutes 0.1 --rate 250").status, 0);
  const std::string length = std::to_string(read_digital(folder_ / "db", "s00001").header.samples);
  std::ofstream(path("db/all.hea")) << "all/2 2 250 " << 2 * std::stoi(length) << "\ns00001 " << length
                                    << "\ns00002 " << length << "\n";
  ASSERT_EQ(run("info " + path("db/all")).status, 0);
  fs::create_directory_symlink(folder_ / "db", folder_ / "linked");
  fs::create_symlink(folder_ / "db/s00002.dat", folder_ / "other.dat");
  ASSERT_EQ(run("convert --quiet " + path("db/s00001") + " " + path("t.npy")).status, 0);
  std::map<std::string, std::string> before;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_ / "db")) {
    before[file.path().string()] = content_of(file.path());
  }
  const std::string side = content_of(path("t.npy.json"));
  for (const std::string& arguments : std::vector<std::string>{
           path("db/all") + " " + path("db/s00001"), path("db/all") + " " + path("db/s00002.hea"),
           path("db/all") + " " + path("linked/s00002"), path("db/all") + " " + path("other"),
           path("linked/all") + " " + path("db/../db/s00001"), path("db/all.hea") + " " + path("db/all"),
           path("t.npy") + " " + path("t.npy")}) {
    const Outcome refused = run("convert --overwrite " + arguments);
    EXPECT_EQ(refused.status, 1) << arguments;
    EXPECT_EQ(std::count(refused.error.begin(), refused.error.end(), '\n'), 1) << refused.error;
  }
  const Outcome dumped = run("dump --out " + path("t.npy") + " " + path("t.npy") + " --to 1");
  EXPECT_EQ(dumped.status, 1);
  EXPECT_NE(dumped.error.find("is a part of the recording"), std::string::npos) << dumped.error;
  for (const auto& [file, content] : before) {
    EXPECT_TRUE(content_of(file) == content) << file;
  }
  EXPECT_EQ(content_of(path("t.npy.json")), side);
}

// a.npy and a.csv have the annotation file a.atr in common; it is not replaced by that of another recording.
TEST_F(Convert, AnnotationsOfAThirdRecordingStay) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 2 --minutes 0.1 --rate 250").status, 0);
  const std::string one = path("db/s00001");
  const std::string two = path("db/s00002");
  ASSERT_EQ(run("convert --quiet " + one + " " + path("a.npy")).status, 0);
  const std::string annotations = content_of(path("a.atr"));
  const Outcome refused = run("convert --overwrite " + two + " " + path("a.csv"));
  EXPECT_EQ(refused.status, 1);
  EXPECT_NE(refused.error.find("a.atr: is also the annotation file of"), std::string::npos) << refused.error;
  const Outcome other = run("convert --overwrite --annotator qrs " + two + " " + path("a.csv"));
  EXPECT_EQ(other.status, 1);
  EXPECT_NE(other.error.find("a.atr: annotates another recording"), std::string::npos) << other.error;
  EXPECT_TRUE(content_of(path("a.atr")) == annotations);
  // The same annotations can be shared.
  EXPECT_EQ(run("convert --quiet --overwrite " + one + " " + path("a.csv")).status, 0);
  EXPECT_TRUE(content_of(path("a.atr")) == annotations);
}

// Runs a program and kills it when it is about to rename or remove a file for the n-th time.
// Returns false if the program ended before; std::nullopt if it cannot be traced here.
std::optional<bool> killed_at(const std::vector<std::string>& arguments, int n) {
  const std::optional<CallOutcome> outcome = kill_at_call(arguments, n, renames_or_removes);
  return outcome ? std::optional(outcome->killed) : std::nullopt;
}

TEST_F(Convert, AKillLeavesTheOldTheNewOrNothing) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 2 --minutes 0.1 --rate 250").status, 0);
  for (const std::vector<std::string>& files : std::vector<std::vector<std::string>>{
           {"t.hea", "t.dat", "t.atr"}, {"t.npy", "t.npy.json", "t.atr"}, {"t.csv", "t.csv.json", "t.atr"}}) {
    const auto contents = [&] {
      std::vector<std::string> all;
      for (const std::string& file : files) {
        all.push_back(content_of(path(file)));
      }
      return all;
    };
    const auto begin_with = [&](const std::string& record) {
      for (const char* file :
           {"t.hea", "t.dat", "t.atr", "t.npy", "t.npy.json", "t.csv", "t.csv.json", "t.json"}) {
        std::filesystem::remove(path(file));
      }
      const std::string units = R"({"units": "uV"})";
      if (files[0] == "t.csv") {  // the first table has a side file, the second has none
        EXPECT_EQ(run("convert --quiet " + path("db/" + record) + " " + path(files[0])).status, 0);
        record == "s00001" ? (void)folder_.write("t.csv.json", units) : (void)0;
        return;
      }
      EXPECT_EQ(run("convert --quiet " + path("db/" + record) + " " + path(files[0])).status, 0);
    };
    begin_with("s00002");
    const std::vector<std::string> after = contents();
    begin_with("s00001");
    const std::vector<std::string> before = contents();
    ASSERT_NE(before[0], after[0]);
    int n = 1;
    for (bool killed = true; killed; ++n) {
      ASSERT_LT(n, 20);
      begin_with("s00001");
      const std::optional<bool> done =
          killed_at({SECDATA, "convert", "--quiet", "--overwrite", path("db/s00002"), path(files[0])}, n);
      if (!done) {
        GTEST_SKIP() << "programs cannot be traced here";
      }
      killed = *done;
      const std::vector<std::string> found = contents();
      EXPECT_TRUE(found[0].empty() || found == before || found == after) << files[0] << ", change " << n;
      EXPECT_TRUE(killed || found == after) << files[0];
    }
    EXPECT_GT(n, 4) << files[0];  // several moments were tried
  }
}

// Temporary files of a conversion that was killed are removed by the next one, also that of an annotation file that the
// next one leaves as it is.
TEST_F(Convert, TheNextConversionRemovesWhatAKilledOneLeft) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 1 --minutes 0.1 --rate 250").status, 0);
  const std::string record = path("db/s00001");
  for (const std::string target : {"t", "t.npy", "t.csv", "t.tsv", "t.edf"}) {
    std::filesystem::create_directory(folder_ / target);
    const auto names = [&] {
      std::set<std::string> found;
      for (const auto& entry : std::filesystem::directory_iterator(folder_ / target)) {
        found.insert(entry.path().filename().string());
      }
      return found;
    };
    const std::string convert = "convert --quiet --overwrite " + record + " " + path(target + "/" + target);
    ASSERT_EQ(run(convert).status, 0);
    const std::set<std::string> files = names();
    const std::optional<bool> killed =
        killed_at({SECDATA, "convert", "--quiet", "--overwrite", record, path(target + "/" + target)}, 1);
    if (!killed) {
      GTEST_SKIP() << "programs cannot be traced here";
    }
    ASSERT_TRUE(*killed);
    EXPECT_GT(names().size(), files.size()) << target;
    folder_.write(target + "/.t.atr.tmp-0", "of a kill while annotations were written");
    ASSERT_EQ(run(convert).status, 0);
    std::set<std::string> after = names();
    if (target == "t.edf") {  // has no annotation file
      EXPECT_EQ(after.erase(".t.atr.tmp-0"), 1U);
    }
    EXPECT_EQ(after, files) << target;
  }
}

TEST_F(Convert, ARealRecordKeepsItsBytes) {
  const auto mitdb = real_data("mitdb");
  if (!mitdb) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  EXPECT_EQ(losses((*mitdb / "208").string() + " " + path("a.npy") + " --digital"),
            std::vector<std::string>{});
  losses(path("a.npy") + " " + path("b") + " --format 212");
  EXPECT_TRUE(content_of(path("b.dat")) == content_of(*mitdb / "208.dat"));
  EXPECT_EQ(read_annotations(folder_ / "b.atr"), read_annotations(*mitdb / "208.atr"));
}

TEST_F(Convert, DumpsAWindowOfSomeLeadsAsAnArray) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --count 1 --minutes 0.1 --rate 250 --leads 3").status, 0);
  const std::string record = path("db/s00001");
  const auto window = " --from s100 --to s103 --leads V5,MLII ";
  ASSERT_EQ(run("dump " + record + window + "--digital --out " + path("w.npy")).status, 0);
  const std::string bytes = content_of(path("w.npy"));
  EXPECT_TRUE(bytes.starts_with("\x93NUMPY"));
  EXPECT_NE(bytes.find("'descr': '<i4'"), std::string::npos);
  EXPECT_NE(bytes.find("(3, 2)"), std::string::npos);
  const DigitalRecord whole = read_digital(folder_ / "db", "s00001");
  std::int32_t values[6];
  std::memcpy(values, bytes.data() + bytes.size() - sizeof values, sizeof values);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(values[2 * i], whole.signals[2][100 + i]);
    EXPECT_EQ(values[2 * i + 1], whole.signals[0][100 + i]);
  }
  const auto side = nlohmann::json::parse(content_of(path("w.npy.json")));
  EXPECT_EQ(side["leads"], (std::vector<std::string>{"V5", "MLII"}));
  EXPECT_EQ(side["rate"], 250);
  // The dump as text has the same values, and the .npy file itself can be dumped.
  const std::string text = run("dump --digital " + record + window).out;
  EXPECT_EQ(text.substr(0, 8), "V5,MLII\n");
  EXPECT_EQ(run("dump --digital " + path("w.npy")).out, text);
  const Outcome missing = run("dump " + record + " --leads II");
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.error.find("no lead 'II'; its leads: MLII, V1, V5"), std::string::npos) << missing.error;
  EXPECT_EQ(run("dump " + record + " --leads V5,V5").status, 2);
  EXPECT_EQ(run("dump --digital " + record + " --from s100 --to s103 --leads v5,'ECG MLII'").out, text);
  EXPECT_EQ(run("dump " + record + " --leads V5,v5").status, 1);
  EXPECT_EQ(run("dump " + record + " --out x.csv").status, 2);
  EXPECT_EQ(run("dump " + record + " --annotations --leads V5").status, 2);
}

}  // namespace
}  // namespace sec::io
