// Runs secdata as a user does, and checks its output and exit status.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "io/recording/annotation_codes.h"
#include "io/scoring/aami.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "tests/io/files.h"
#include "tests/run_program.h"

namespace sec::io {
namespace {

class Secdata : public testing::Test {
 protected:
  Outcome run(const std::string& arguments) const {
    return run_program(SECDATA " " + arguments, folder_.path());
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Writes a record "r" with two leads, three samples and annotations.
  void write_record() const {
    DigitalRecord record;
    record.header.name = "r";
    record.header.rate = 2;
    for (const char* lead : {"II", "V1, left"}) {
      WfdbSignal signal;
      signal.format = 16;
      signal.description = lead;
      record.header.signals.push_back(signal);
    }
    record.signals = {{200, -100, 50}, {0, invalid_sample, 1}};
    write_digital(folder_.path(), record);
    write_annotations(
        folder_ / "r.atr",
        std::vector<Annotation>{{0, 28, 0, 0, 0, "(N"}, {1, 22, -1, 2, 3, "a,b"}, {2, 5, 0, 2, 3, ""}});
  }

  TemporaryFolder folder_;
};

TEST_F(Secdata, DumpsSamples) {
  write_record();
  const Outcome all = run("dump " + path("r"));
  EXPECT_EQ(all.status, 0) << all.error;
  EXPECT_EQ(all.out, "II,\"V1, left\"\n1,0\n-0.5,nan\n0.25,0.005\n");
  EXPECT_EQ(run("dump --digital " + path("r.hea")).out, "II,\"V1, left\"\n200,0\n-100,nan\n50,1\n");
  EXPECT_EQ(run("dump --digital --from s1 --to 1 " + path("r")).out, "II,\"V1, left\"\n-100,nan\n");
  EXPECT_EQ(run("dump --from 100 " + path("r")).out, "II,\"V1, left\"\n");
}

// One row per sample of the fastest lead; a format that only the window reader supports.
TEST_F(Secdata, DumpsLeadsOfDifferentRates) {
  folder_.write(
      "m.hea",
      "m 3 100 2\nm.dat 80x4 10 8 0 1 10 0 a\nm.dat 80x3 10 8 0 -1 -11 0 b\nm.dat 80 10 8 0 9 17 0 c\n");
  folder_.write("m.dat", std::string("\x81\x82\x83\x84\x7f\x7e\x00\x89\x80\x80\x80\x80\x80\x80\x7d\x88", 16));
  EXPECT_EQ(run("dump --digital " + path("m")).out,
            "a,b,c\n1,-1,9\n2,-2,\n3,nan,\n4,,\n0,0,8\n0,0,\n0,-3,\n0,,\n");
  EXPECT_EQ(run("dump --from s1 " + path("m")).out, "a,b,c\n0,0,0.8\n0,0,\n0,-0.3,\n0,,\n");
  write_annotation_file(folder_ / "m.atr", {{{42, "sp", "spindle"}}, 200, {{3, 42, 0, 0, 0, "x"}}});
  EXPECT_EQ(run("dump --annotations " + path("m")).out, "sample,symbol,sub,chan,num,aux\n2,sp,0,0,0,x\n");
}

TEST_F(Secdata, DumpsAnnotations) {
  write_record();
  EXPECT_EQ(run("dump --annotations " + path("r")).out,
            "sample,symbol,sub,chan,num,aux\n0,+,0,0,0,(N\n1,\"\"\"\",-1,2,3,\"a,b\"\n2,V,0,2,3,\n");
  EXPECT_EQ(run("dump --annotations --from s2 --json " + path("r")).out,
            "{\"sample\":2,\"symbol\":\"V\",\"sub\":0,\"chan\":2,\"num\":3,\"aux\":\"\"}\n");
  EXPECT_EQ(run("dump --annotations --annotator qrs " + path("r")).status, 1);
}

TEST_F(Secdata, TellsWhatARecordHolds) {
  write_record();
  const Outcome text = run("info " + path("r"));
  EXPECT_NE(text.out.find("samples      3 (1.5 s)"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("beats        N 0 S 0 V 1 F 0 Q 0"), std::string::npos) << text.out;
  const auto json = nlohmann::json::parse(run("info --json " + path("r")).out);
  EXPECT_EQ(json["leads"][1]["name"], "V1, left");
  EXPECT_EQ(json["annotations"]["classes"]["V"], 1);
}

TEST_F(Secdata, TellsLeadsWithoutAnElectrocardiogram) {
  ASSERT_EQ(run("synth " + path("db") + " --minutes 0.5 --records 100").status, 0);
  DigitalRecord record = read_digital(folder_ / "db", "100");
  record.header.name = "f";
  for (WfdbSignal& signal : record.header.signals) {
    signal.checksum.reset();
    signal.initial.reset();
    signal.file.clear();
  }
  std::fill(record.signals[1].begin(), record.signals[1].end() - 5400, 7);
  write_digital(folder_.path(), record);
  const Outcome text = run("info " + path("f"));
  const std::string fault =
      "lead " + record.header.signals[1].description + " is flat for 50 % of the time\n";
  EXPECT_NE(text.out.find("fault        " + fault), std::string::npos) << text.out;
  EXPECT_EQ(text.out.find("fault        lead MLII"), std::string::npos) << text.out;
  const auto leads = nlohmann::json::parse(run("info --json " + path("f")).out)["leads"];
  EXPECT_NEAR(leads[1]["shares"]["flat"].get<double>(), 0.5, 0.01);
  EXPECT_EQ(leads[0]["shares"]["flat"], 0);
  EXPECT_EQ(leads[0]["shares"]["missing"], 0);
  const Outcome verified = run("verify " + path("f"));
  EXPECT_EQ(verified.status, 0);
  EXPECT_EQ(verified.error, "secdata: warning: " + path("f") + ": " + fault);
}

TEST_F(Secdata, VerifiesAndFindsDamage) {
  const Outcome made = run("synth " + path("db") + " --minutes 0.2 --records 100,101,102 --json");
  ASSERT_EQ(made.status, 0) << made.error;
  const auto counts = nlohmann::json::parse(made.out);
  const Outcome sound = run("verify --json " + path("db"));
  EXPECT_EQ(sound.status, 0) << sound.error;
  const auto report = nlohmann::json::parse(sound.out);
  EXPECT_EQ(report["synthetic"], true);
  EXPECT_EQ(report["ds1"], counts["ds1"]);
  EXPECT_EQ(report["records"].size(), 3U);

  std::string bytes = content_of(folder_ / "db/101.dat");
  bytes[100] = static_cast<char>(bytes[100] ^ 1);
  folder_.write("db/101.dat", bytes);
  std::filesystem::resize_file(folder_ / "db/102.dat", 300);
  std::vector<Annotation> annotations = read_annotations(folder_ / "db/101.atr");
  annotations.pop_back();
  annotations.back().sample = 4320;  // just after the end of the record
  write_annotations(folder_ / "db/101.atr", annotations);
  folder_.write("db/RECORDS", "100\n101\n102\n103\n");
  const Outcome damaged = run("verify " + path("db"));
  EXPECT_EQ(damaged.status, 1);
  for (const char* problem : {"101.dat: signal ", "db/101: 1 annotation(s) after the last of 4320 samples",
                              "102.dat: truncated: 4320 samples per signal expected, 100 found",
                              "DS1 has beats", "RECORDS: names '103', which is not there"}) {
    EXPECT_NE(damaged.error.find(problem), std::string::npos) << problem << "\n" << damaged.error;
  }
  EXPECT_EQ(std::count(damaged.error.begin(), damaged.error.end(), '\n'), 5) << damaged.error;
  EXPECT_NE(damaged.out.find("1 of 3 sound, synthetic"), std::string::npos) << damaged.out;
  EXPECT_NE(damaged.out.find("102  cannot be read"), std::string::npos) << damaged.out;
}

TEST_F(Secdata, VerifiesFoldersInsideFoldersAndSingleRecords) {
  ASSERT_EQ(
      run("synth --quiet " + path("all/one/two") + " --minutes 0.5 --count 2 --rate 250 --leads 3").status,
      0);
  ASSERT_EQ(run("synth --quiet " + path("all/other") + " --minutes 0.2 --records 100,104").status, 0);
  const Outcome sound = run("verify --json " + path("all"));
  ASSERT_EQ(sound.status, 0) << sound.error;
  const auto report = nlohmann::json::parse(sound.out);
  EXPECT_EQ(report["sound"], 4);
  EXPECT_EQ(report["records"][0]["record"], "one/two/s00001");
  EXPECT_DOUBLE_EQ(report["hours"], 2 * 0.5 / 60 + 2 * 0.2 / 60);
  EXPECT_EQ(report["rates_hz"]["250"], 2);
  EXPECT_EQ(report["rates_hz"]["360"], 2);
  EXPECT_EQ(report["leads"]["MLII+V1+V5"], 2);
  EXPECT_EQ(report["symbols"]["+"], 4);

  const Outcome one = run("verify " + path("all/one/two/s00002.hea"));
  EXPECT_EQ(one.status, 0) << one.error;
  EXPECT_NE(one.out.find("records      1 of 1 sound, 0.01 h\n"), std::string::npos) << one.out;
  // A synthetic database states how many beats it has, so a missing beat is reported.
  std::vector<Annotation> annotations = read_annotations(folder_ / "all/one/two/s00001.atr");
  annotations.pop_back();
  write_annotations(folder_ / "all/one/two/s00001.atr", annotations);
  const Outcome lost = run("verify " + path("all"));
  EXPECT_EQ(lost.status, 1);
  EXPECT_NE(lost.error.find("one/two: has beats N "), std::string::npos) << lost.error;
  std::filesystem::create_directory(folder_ / "empty");
  const Outcome empty = run("verify " + path("empty"));
  EXPECT_EQ(empty.status, 1);
  EXPECT_NE(empty.error.find("empty: no recordings in this folder"), std::string::npos) << empty.error;
}

TEST_F(Secdata, VerifiesTheRealDatabase) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  const Outcome outcome = run("verify --json " + folder->string());
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  const auto report = nlohmann::json::parse(outcome.out);
  EXPECT_EQ(report["records"].size(), 48U);
  EXPECT_EQ(report["annotations"], 112'647);
  EXPECT_DOUBLE_EQ(report["hours"], 48 * 650'000 / 360.0 / 3600);
  EXPECT_EQ(report["leads"]["MLII+V1"], 40);
  EXPECT_EQ(report["ds2"]["S"], 1837);
}

TEST_F(Secdata, ScoresRecordsAndFolders) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --minutes 0.5 --records 100,101").status, 0);
  std::int64_t beats = 0;
  std::filesystem::create_directory(folder_ / "out");
  for (const char* name : {"100", "101"}) {
    std::vector<Annotation> found = read_annotations(folder_ / "db" / (std::string(name) + ".atr"));
    std::erase_if(found, [](const Annotation& a) { return !beat_class_of(a.code); });
    beats += std::ssize(found);
    found.pop_back();  // one beat of each record is missed
    write_annotations(folder_ / "out" / (std::string(name) + ".sec"), found);
  }
  const Outcome all = run("score --start 0 " + path("db") + " " + path("out") + " --json");
  ASSERT_EQ(all.status, 0) << all.error;
  const auto json = nlohmann::json::parse(all.out);
  ASSERT_EQ(json["records"].size(), 2U);
  EXPECT_NEAR(json["gross"]["QRS"]["Se"], 100.0 * static_cast<double>(beats - 2) / static_cast<double>(beats),
              1e-9);
  EXPECT_EQ(json["gross"]["QRS"]["+P"], 100.0);
  EXPECT_EQ(json["start_s"], 0);

  const Outcome one = run("score --start 0 " + path("db/100.atr") + " " + path("out/100.sec"));
  ASSERT_EQ(one.status, 0) << one.error;
  EXPECT_TRUE(one.out.starts_with("Record Nn' Sn'")) << one.out;
  EXPECT_NE(one.out.find("\n 100 "), std::string::npos) << one.out;
  // Scores one record of a folder against itself. Without --start 0 nothing before 5:00 is scored.
  const Outcome same =
      run("score --reference atr --test atr --records 101 --start 0 --window 0 " + path("db"));
  ASSERT_EQ(same.status, 0) << same.error;
  EXPECT_NE(same.out.find(" 100.00 100.00"), std::string::npos) << same.out;
  EXPECT_NE(run("score --test atr " + path("db")).out.find("Total QRS complexes: 0 "), std::string::npos);
  const Outcome missing = run("score " + path("db"));
  EXPECT_EQ(missing.status, 1);
  EXPECT_NE(missing.error.find("100.sec"), std::string::npos) << missing.error;
  EXPECT_EQ(run("score --start -1 " + path("db")).status, 2);
}

// At 360 Hz the default window of 0.15 s is 54 samples.
TEST_F(Secdata, ScoresWithinTheWindowOfTheStandard) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --minutes 0.5 --records 100").status, 0);
  std::vector<Annotation> beats = read_annotations(folder_ / "db/100.atr");
  std::erase_if(beats, [](const Annotation& a) { return !beat_class_of(a.code); });
  beats.resize(beats.size() - 2);  // shifted beats must stay within the record
  write_annotations(folder_ / "db/100.atr", beats);
  for (const auto& [shift, sensitivity] : {std::pair{54, 100.0}, std::pair{55, 0.0}}) {
    std::vector<Annotation> shifted = beats;
    for (Annotation& beat : shifted) {
      beat.sample += shift;
    }
    write_annotations(folder_ / "db/100.sec", shifted);
    const Outcome outcome = run("score --json --start 0 " + path("db") + " --records 100");
    ASSERT_EQ(outcome.status, 0) << outcome.error;
    const auto json = nlohmann::json::parse(outcome.out);
    EXPECT_EQ(json["window_s"], 0.15);
    EXPECT_EQ(json["gross"]["QRS"]["Se"], sensitivity) << shift;
    const Outcome wider = run("score --json --start 0 --window 0.2 " + path("db") + " --records 100");
    ASSERT_EQ(wider.status, 0) << wider.error;
    EXPECT_EQ(nlohmann::json::parse(wider.out)["gross"]["QRS"]["Se"], 100.0) << shift;
  }
}

// Where all beats are normal, those of V and S have no score: neither 0 nor 100 %.
TEST_F(Secdata, ScoresOfClassesThatDoNotOccurAreUndefined) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --minutes 0.5 --records 100").status, 0);
  std::vector<Annotation> beats = read_annotations(folder_ / "db/100.atr");
  std::erase_if(beats, [](const Annotation& a) { return a.code != 1; });
  write_annotations(folder_ / "db/100.atr", beats);
  const std::string self = "score --start 0 --test atr --records 100 " + path("db");
  const Outcome outcome = run(self + " --json");
  ASSERT_EQ(outcome.status, 0) << outcome.error;
  const auto json = nlohmann::json::parse(outcome.out);
  for (const char* sum : {"gross", "average"}) {
    EXPECT_EQ(json[sum]["QRS"]["Se"], 100.0) << sum;
    for (const char* kind : {"V", "S"}) {
      EXPECT_TRUE(json[sum][kind]["Se"].is_null() && json[sum][kind]["+P"].is_null()) << sum << kind;
    }
  }
  const Outcome table = run(self);
  EXPECT_NE(table.out.find(" 100.00 100.00      -      -      -      -\n"), std::string::npos) << table.out;
  EXPECT_NE(table.out.find("Total VEBs: 0  Total SVEBs: 0\n"), std::string::npos) << table.out;
}

// Both mappings of escape beats, by name; the score says which it used.
TEST_F(Secdata, ScoresByTheStandardsClassesOrDeChazals) {
  ASSERT_EQ(run("synth --quiet " + path("db") + " --minutes 0.5 --records 100").status, 0);
  std::vector<Annotation> beats = read_annotations(folder_ / "db/100.atr");
  std::int64_t escapes = 0;
  for (Annotation& beat : beats) {
    if (escapes < 3 && beat.code == *code_of("N")) {
      beat.code = *code_of("j");
      ++escapes;
    }
  }
  write_annotations(folder_ / "db/100.atr", beats);
  const std::string score = "score --start 0 --test atr --json " + path("db");
  const auto standard = nlohmann::json::parse(run(score).out);
  const auto literature = nlohmann::json::parse(run(score + " --classes de-chazal").out);
  EXPECT_EQ(standard["classes"], "ec57");
  EXPECT_EQ(literature["classes"], "de-chazal");
  const auto s_of = [](const nlohmann::json& json) {
    return json["sum"]["matrix"][1][1].get<std::int64_t>();
  };
  EXPECT_EQ(s_of(standard) - s_of(literature), 3);
  EXPECT_NE(
      run("score --start 0 --test atr " + path("db")).out.find("Classes: ec57 (escape beats e, j, n are S)"),
      std::string::npos);
  EXPECT_EQ(run(score + " --classes neither").status, 2);
}

TEST_F(Secdata, WrongUsageEndsWithTwoAndHelpWithZero) {
  for (const char* arguments :
       {"", "nonsense", "info", "info a b", "dump --nonsense x", "dump --digital --annotations x",
        "dump --annotator qrs x", "dump --json x", "synth", "synth x --minutes 1000", "synth x --noise -1",
        "synth x --noise nan", "synth x --minutes nan", "score x --start nan", "score x --window nan",
        "--threads -1 info x"}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 2) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_NE(outcome.error, "") << arguments;
  }
  for (const char* arguments : {"--help", "info --help", "dump --help", "verify --help", "synth --help"}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 0) << arguments;
    EXPECT_NE(outcome.out, "") << arguments;
  }
}

TEST_F(Secdata, FailuresAreOneLineAndEndWithOne) {
  write_record();
  for (const std::string& arguments : std::vector<std::string>{
           "info " + path("none"), "verify " + path("none"), "dump --from abc " + path("r"),
           "dump --from -1 " + path("r"), "synth /proc/none", "synth " + path("x") + " --records 7",
           "dump " + path("r") + " --from s1e99"}) {
    const Outcome outcome = run(arguments);
    EXPECT_EQ(outcome.status, 1) << arguments;
    EXPECT_EQ(outcome.out, "") << arguments;
    EXPECT_EQ(std::count(outcome.error.begin(), outcome.error.end(), '\n'), 1) << outcome.error;
    EXPECT_TRUE(outcome.error.starts_with("secdata: ")) << outcome.error;
  }
  const int status = std::system((SECDATA " dump " + path("r") + " >/dev/full 2>" + path("stderr")).c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(content_of(folder_ / "stderr").find("standard output: cannot write: No space left on device"),
            std::string::npos);
}

}  // namespace
}  // namespace sec::io
