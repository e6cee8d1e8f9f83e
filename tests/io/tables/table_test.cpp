// Recordings as text tables and NumPy arrays: reading, writing, damaged files.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "io/databases/open_recording.h"
#include "io/recording/lead_names.h"
#include "io/recording/memory_reader.h"
#include "io/tables/csv_cells.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_header.h"
#include "io/tables/npy_writer.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

using Values = std::vector<std::vector<float>>;

Values read_all(RecordingReader& reader, std::int64_t step) {
  const ReaderInfo& info = reader.info();
  Values all(info.leads.size());
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    Values window(info.leads.size(), std::vector<float>(static_cast<std::size_t>(count)));
    const std::vector<std::span<float>> spans(window.begin(), window.end());
    reader.read(at, count, spans);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].insert(all[i].end(), window[i].begin(), window[i].end());
    }
  }
  return all;
}

void expect_same(const Values& found, const Values& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t lead = 0; lead < found.size(); ++lead) {
    ASSERT_EQ(found[lead].size(), expected[lead].size());
    for (std::size_t i = 0; i < found[lead].size(); ++i) {
      ASSERT_TRUE(found[lead][i] == expected[lead][i] ||
                  (std::isnan(found[lead][i]) && std::isnan(expected[lead][i])))
          << lead << ", " << i << ": " << found[lead][i] << ", expected " << expected[lead][i];
    }
  }
}

class Tables : public testing::Test {
 protected:
  std::unique_ptr<RecordingReader> open(const std::string& content, const std::string& name = "r.csv") {
    return open_recording(folder_.write(name, content));
  }
  void expect_table(const std::string& content, double rate, const Values& values,
                    const std::string& name = "r.csv") {
    const auto reader = open(content, name);
    EXPECT_DOUBLE_EQ(reader->info().rate, rate) << content;
    EXPECT_EQ(reader->info().leads.at(0).name, "I") << content;
    EXPECT_EQ(reader->info().leads.at(0).units, "mV") << content;
    for (const std::int64_t step : {1, 2, 100}) {
      expect_same(read_all(*reader, step), values);
    }
  }
  void expect_refused(const std::string& content, const std::string& message,
                      const std::string& name = "r.csv") {
    const auto path = folder_.write(name, content);
    expect_error(
        [&] {
          const auto reader = open_recording(path);
          read_all(*reader, 7);
        },
        message);
  }

  TemporaryFolder folder_;
};

TEST_F(Tables, ReadsTheFormsThatTheyHave) {
  const float n = NAN;
  const Values values{{0.5F, n, -1}, {1, 2, n}};
  expect_table("time_s,I,V1\n0,0.5,1\n0.004,,2\n0.008,-1,nan\n", 250, values);
  expect_table("\xef\xbb\xbf# Age: 56\ntime_ms;I;V1\r\n0;0.5;1\r\n4;NaN;2\r\n8;-1;NA", 250, values);
  expect_table("time\tI\tV1\n10\t0.5\t1\n\n10.004\t\t2\n10.008\t-1\t\n\n", 250, values, "t.tsv");
  expect_table(
      "'Elapsed "
      "time','I','V1'\n'h:mm:ss.mmm','uV','mV'\n'0:59.996',500,1\n'1:00.000',nan,2\n'1:00.004',-1000,-",
      250, values);
  folder_.write("r.json", R"({"rate": 250})");
  expect_table("I,V1\n0.5,1\n,2\n-1,\n", 250, values);
  expect_table("sample #,\"I\",V1\n0,+.5,1e0\n1,,2\n2,-1,\n", 250, values);
  folder_.write("r.json", R"({"rate": 250, "leads": ["I", "V1"], "units": "uV", "gain": [0.2, 2],
                              "baseline": [10, 0]})");
  expect_table("110,2000\n,4000\n-190,\n", 250, values);
  const auto reader = open("# of a patient\n#\ntime,I (mV),\"V1, \"\"x\"\" [l]\"\n1,2,3\n2,3,4\n", "q.csv");
  EXPECT_EQ(reader->info().comments, (std::vector<std::string>{"of a patient", ""}));
  EXPECT_EQ(reader->info().leads[1].name, "V1, \"x\"");
  EXPECT_EQ(reader->info().leads[1].units, "l");
  EXPECT_TRUE(reader->annotations().empty());
}

// Times have few digits, so the reader chooses the simplest rate that the times allow.
// A time error of a millionth of a second in 9 s is 4e-5 of 333 Hz.
TEST_F(Tables, TellsTheRateFromTimes) {
  for (const auto& [rate, digits, tolerance] : std::vector<std::tuple<double, int, double>>{
           {360, 3, 0}, {257.5, 3, 0}, {1000.0 / 3, 6, 4e-5}, {0.5, 0, 0}}) {
    std::string text = "time_s,I\n";
    for (int i = 0; i < 3000; ++i) {
      text += fmt::format("{:.{}f},1\n", 17 + i / rate, digits);
    }
    EXPECT_NEAR(open(text)->info().rate, rate, tolerance);
  }
  expect_refused("time,I\n0,1\n", "r.csv: no sampling rate: expected a column time_s or \"rate\" in");
  expect_refused("I\n0\n", "no sampling rate");
  expect_refused("time,I\n0,1\n0.01,2\n0.02,3\n0.06,4\n0.07,5\n", "line 5: a time step of 0.04");
  expect_refused("time,I\n0,1\n0,2\n", "r.csv: times do not increase");
  expect_refused("time,I\n0,1\nx,2\n", "r.csv: line 3: time is 'x', expected seconds or h:mm:ss");
  expect_refused("time,I\n0,1\nnan,2\n", "r.csv: line 3: time is 'nan'");
  folder_.write("r.json", R"({"rate": 100})");
  expect_refused("time,I\n0,1\n1,2\n", "r.csv: its times give 1 Hz");
}

TEST_F(Tables, OtherFilesOfTextAreTheContests) {
  std::string text = "I II V1 V2 V3 V4 V5 V6\n";
  for (int i = 0; i < 5000; ++i) {
    text += fmt::format("{} 1 9 4 6 5 3 -3\n", i);
  }
  const auto reader = open(text, "r.TXT");
  EXPECT_EQ(reader->info().rate, 500);
  EXPECT_EQ(reader->info().leads.at(6).name, "V5");
  EXPECT_FLOAT_EQ(read_all(*reader, 999)[0][4321], 4321 * 0.00488F);
  EXPECT_FALSE(is_wfdb_record("r.TXT"));
  EXPECT_TRUE(is_wfdb_record("r.hea"));
  EXPECT_TRUE(is_wfdb_record("mitdb/100"));
}

TEST_F(Tables, NamesWhatIsWrong) {
  folder_.write("r.json", R"({"rate": 250})");
  expect_refused("", "r.csv: no line, expected a header");
  expect_refused("\n# c\n \n", "no line, expected a header");
  expect_refused("1,2\n", "r.csv: line 1: numbers, expected a header that names the leads");
  expect_refused("time\n1\n", "r.csv: line 1: no leads");
  expect_refused("I,II\n1,2\n3\n", "r.csv: line 3: 1 cells, expected 2");
  expect_refused("I,II\n\n1,2\n\n3,x\n", "r.csv: line 5: lead II is 'x', expected a number");
  expect_refused("I,II\n1,inf\n", "line 2: lead II is 'inf'");
  expect_refused("I,II\n1,1e999\n", "line 2: lead II is '1e999'");
  const std::string long_line(1'100'000, '1');  // NOLINT(bugprone-string-constructor): the length is intended
  expect_refused("I\n" + long_line, "r.csv: line 2: longer than 1000000 bytes");
  const std::string longer_line(9'000'000, '1');  // NOLINT(bugprone-string-constructor)
  expect_refused("I\n" + longer_line, "r.csv: line 2: longer than 1000000 bytes");
  for (const auto& [json, message] : std::vector<std::pair<std::string, std::string>>{
           {"{", "r.json: expected JSON"},
           {"[]", "r.json: expected a JSON object"},
           {"{\"rate\": \"x\"}", "r.json: \"rate\": expected a number"},
           {"{\"rate\": -1}", "r.json: \"rate\": a sampling rate of -1 Hz, expected one between"},
           {"{\"rate\": 1e999}", "r.json: expected JSON"},
           {"{\"gain\": 0}", "r.json: \"gain\": expected numbers other than 0"},
           {"{\"units\": [1]}", "r.json: \"units\": expected a text"},
           {"{\"leads\": [\"a\\nb\"]}", "r.json: \"leads\": expected a text of one line"},
           {"{\"gi\\nan\": 1}", "r.json: \"gi\\nan\": not among"},
           {"{\"gian\": 1}", "r.json: \"gian\": not among rate, leads"},
           {"{\"leads\": [\"a\"], \"rate\": 1}", "r.json: \"leads\" are 1, the recording has 2"},
           {"{\"units\": [\"a\",\"b\",\"c\"], \"rate\": 1}",
            "r.json: \"units\" has 3 values, expected one or 2"}}) {
    folder_.write("r.json", json);
    expect_refused("I,II\n1,2\n", message);
  }
  folder_.write("r.json", R"({"rate": 1, "leads": ["a"]})");
  expect_refused("1,2\n", "r.csv: line 1: 2 cells, but its side file names 1 leads");
}

// Index columns, trailing separators and columns of times are not leads, wherever they are.
TEST_F(Tables, ColumnsWithoutANameAreNeverLeads) {
  const Values values{{0.5F, 2, -1}, {1, 3, 4}};
  expect_table(",time_s,I,V1\n0,0,0.5,1\n1,0.004,2,3\n2,0.008,-1,4\n", 250, values);
  expect_table("sample,time_s,I,V1,\n5,0,0.5,1,\n6,0.004,2,3,\n7,0.008,-1,4,\n", 250, values);
  expect_table("\"\",s,I,V1\n,s,uV,mV\n\"1\",0,500,1\n\"2\",0.004,2000,3\n\"3\",0.008,-1000,4\n", 250,
               values);
  folder_.write("r.csv.json", R"({"rate": 250})");
  expect_table("Unnamed: 0,I,V1\n0,0.5,1\n1,2,3\n2,-1,4\n", 250, values);
  expect_table(",I,V1,\n0,0.5,1,\n1,2,3,\n2,-1,4,\n", 250, values);
  expect_refused(",I\n0,1\n1,2\n3,3\n",
                 "r.csv: line 4: column 1 has no name and does not count the samples: it is '3'");
  expect_refused(",I\n0.5,1\n", "line 2: column 1 has no name");
  expect_refused(",I\n,1\n", "line 2: column 1 has no name");
  expect_refused("I,\n1,\n2,3\n", "r.csv: line 3: column 2 has no name, but the value '3'");
  expect_refused("I,,V1\n1,,2\n", "r.csv: line 1: column 2 has no name");
  expect_refused("I,time_s\n1,0\n2,1\n", "r.csv: line 1: column 2 is named 'time_s', expected a lead");
  folder_.write("r.csv.json", R"({"rate": 250, "leads": ["I", ""]})");
  expect_refused("1,2\n", "r.csv.json: \"leads\": a lead without a name");
}

// A table and an array of one name used to share NAME.json, so one was scaled by the gain of the other.
TEST_F(Tables, EachFileHasASideFileOfItsOwn) {
  const Values values{{1, -1}};
  const std::string table = "time_s,I\n0,1\n0.004,-1\n";
  expect_table(table, 250, values);
  write_npy(folder_ / "r.npy", *open_recording(folder_ / "r.csv"));
  folder_.write("r.npy.json", R"({"rate": 250, "leads": "I", "units": "uV"})");
  expect_same(read_all(*open_recording(folder_ / "r.csv"), 1), values);
  expect_same(read_all(*open_recording(folder_ / "r.npy"), 1), {{1e-3F, -1e-3F}});
  // The name of earlier versions is read if no other recording can own the file.
  folder_.write("r.json", R"({"units": "nV"})");
  expect_same(read_all(*open_recording(folder_ / "r.csv"), 1), {{1e-6F, -1e-6F}});
  std::filesystem::rename(folder_ / "r.npy.json", folder_ / "r.json");
  for (const char* name : {"r.csv", "r.npy"}) {
    expect_error([&] { open_recording(folder_ / name); }, "r.json: describes ");
  }
  folder_.write("r.csv.json", "{}");
  expect_same(read_all(*open_recording(folder_ / "r.csv"), 1), values);
  expect_same(read_all(*open_recording(folder_ / "r.npy"), 1), {{1e-3F, -1e-3F}});
  std::filesystem::remove(folder_ / "r.npy");
  std::filesystem::remove(folder_ / "r.csv.json");
  expect_same(read_all(*open_recording(folder_ / "r.csv"), 1), {{1e-3F, -1e-3F}});
}

// Whatever leads are called, a written table or array reads back with all of them.
TEST_F(Tables, AnyLeadCanBeWritten) {
  Recording recording;
  recording.rate = 360;
  for (const char* name : {"", "t", "index", "X (a)", "II", "II"}) {
    recording.leads.push_back({name, "mV", 200, 0, 12});
    recording.signals.push_back({1, 2, static_cast<float>(recording.leads.size())});
  }
  write_csv(folder_ / "w.csv", *reader_of(recording));
  write_npy(folder_ / "w.npy", *reader_of(recording));
  for (const char* file : {"w.csv", "w.npy"}) {
    const auto reader = open_recording(folder_ / file);
    expect_same(read_all(*reader, 2), recording.signals);
    const std::vector<std::string> names = names_of(reader->info().leads);
    for (const auto& [wanted, lead] : std::vector<std::pair<std::string, std::size_t>>{
             {"signal 1", 0}, {"t", 1}, {"index", 2}, {"X (a)", 3}, {"II#1", 4}, {"II#2", 5}}) {
      EXPECT_EQ(find_lead(names, wanted, file), lead) << file << ": " << wanted;
    }
  }
}

// What an earlier table of that name was scaled by must not scale the new one.
TEST_F(Tables, AWrittenTableHasNoOldSideFile) {
  for (const char* side : {"w.csv.json", "w.json"}) {
    folder_.write(side, R"({"units": "uV", "gain": 200})");
    Recording recording;
    recording.rate = 360;
    recording.leads = {{"I", "mV", 200, 0, 12}};
    recording.signals = {{1, 2, 3}};
    write_csv(folder_ / "w.csv", *reader_of(recording));
    expect_same(read_all(*open_recording(folder_ / "w.csv"), 2), recording.signals);
  }
}

Recording two_leads(std::int64_t count) {
  Recording recording;
  recording.name = "r";
  recording.rate = 360;
  recording.leads = {{"I", "mV", 200, 0, 12}, {"V1", "mV", 200, 0, 12}};
  recording.signals.resize(2);
  for (std::int64_t lead = 0; lead < 2; ++lead) {  // the formula of tools/parity/npy_golden.py
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t adu = (i * i * (7 + lead) + i * 31) % 2001 - 1000;
      recording.signals[static_cast<std::size_t>(lead)].push_back(
          static_cast<float>(static_cast<double>(adu) / 200));
    }
  }
  return recording;
}

TEST_F(Tables, ReadBackAsTheyWereWritten) {
  Recording recording = two_leads(5000);  // covers several of the stored row positions
  recording.leads[1] = {"a \"b\", c", "l", 200, 0, 12};
  recording.signals[0][7] = NAN;
  recording.signals[1][4999] = 1.0F / 3;
  recording.comments = {"Age: 56"};
  for (const char* name : {"w.npy", "w.csv", "w.tsv"}) {  // the array's side file also applies to the tables
    const auto source = reader_of(recording);
    const std::filesystem::path path = folder_ / name;
    path.extension() == ".npy" ? write_npy(path, *source) : write_csv(path, *source);
    const auto reader = open_recording(path);
    EXPECT_EQ(reader->info().rate, 360);
    EXPECT_EQ(reader->info().leads[1].name, recording.leads[1].name);
    EXPECT_EQ(reader->info().leads[1].units, "l");
    EXPECT_EQ(reader->info().comments, recording.comments);
    expect_same(read_all(*reader, 1700), recording.signals);
    std::vector<float> window(3);
    const std::vector<std::span<float>> spans{{}, window};
    reader->read(2047, 3, spans);  // begins elsewhere than the last window ended
    expect_same({window}, {{recording.signals[1].begin() + 2047, recording.signals[1].begin() + 2050}});
    expect_error([&] { reader->read(4999, 3, spans); },
                 "window at sample 4999, length 3, exceeds its 5000 samples");
  }
  EXPECT_EQ(folder_.entries(), 4U);  // no temporary files are left
}

// Every rate that a reader takes comes back, with enough decimals in the times, and no other rate is written.
TEST_F(Tables, EveryRateThatIsReadCanBeWritten) {
  Recording recording = two_leads(4000);
  for (const double rate : {1e-6, 0.0125, 1.0, 250.5, 9e5, 1e7}) {
    recording.rate = rate;
    write_csv(folder_ / "w.csv", *reader_of(recording));
    write_npy(folder_ / "w.npy", *reader_of(recording));
    EXPECT_NEAR(open_recording(folder_ / "w.csv")->info().rate / rate, 1, 1e-9);  // from the times
    EXPECT_EQ(open_recording(folder_ / "w.npy")->info().rate, rate);
    std::filesystem::remove(folder_ / "w.npy");
    std::filesystem::remove(folder_ / "w.npy.json");
  }
  for (const double rate : {9e-7, 1.1e7, 1e308}) {
    recording.rate = rate;
    const auto source = reader_of(recording);
    expect_error([&] { write_csv(folder_ / "x.csv", *source); },
                 "expected one between 1e-06 and 10000000 Hz");
    expect_error([&] { write_npy(folder_ / "x.npy", *source); },
                 "expected one between 1e-06 and 10000000 Hz");
  }
  EXPECT_EQ(folder_.entries(), 1U);  // the last table; nothing of those that were refused
}

// A damaged header's comment must not make a file that its own reader refuses.
TEST_F(Tables, ControlCharactersOfOtherFormatsBecomeBlanks) {
  Recording recording = two_leads(20);
  recording.comments = {std::string("a\0b\x1b", 4)};
  write_npy(folder_ / "w.npy", *reader_of(recording));
  EXPECT_EQ(open_recording(folder_ / "w.npy")->info().comments, (std::vector<std::string>{"a b "}));
}

TEST_F(Tables, ReadsTheArraysThatNumpyWrote) {
  const std::filesystem::path golden = SEC_NPY_FILES;
  const Recording expected = two_leads(40);
  for (const char* name : {"f4", "f8_big_fortran", "i2_fortran", "i4_big", "f8_one"}) {
    const auto reader = open_recording(golden / (std::string(name) + ".npy"));
    const bool one = name == std::string("f8_one");
    EXPECT_EQ(reader->info().rate, 360);
    for (const std::int64_t step : {1, 7, 40}) {
      expect_same(read_all(*reader, step), one ? Values{expected.signals[0]} : expected.signals);
    }
    std::vector<std::int32_t> digital(2);
    std::vector<std::span<std::int32_t>> spans(reader->info().leads.size());
    spans[0] = digital;
    if (name[0] == 'i') {
      reader->read_digital(3, 2, spans);
      EXPECT_EQ(digital, (std::vector<std::int32_t>{-844, -764})) << name;
    } else {
      expect_error([&] { reader->read_digital(3, 2, spans); }, "its samples are physical values");
    }
  }
}

// tools/parity/npy_golden.py has checked with NumPy that these bytes load.
TEST_F(Tables, WritesArraysThatNumpyReads) {
  write_npy(folder_ / "ours.npy", *reader_of(two_leads(40)));
  if (const char* out = std::getenv("SEC_NPY_OUT")) {
    for (const char* name : {"ours.npy", "ours.npy.json"}) {
      std::filesystem::copy_file(folder_ / name, std::filesystem::path(out) / name,
                                 std::filesystem::copy_options::overwrite_existing);
    }
  }
  const std::filesystem::path golden = SEC_NPY_FILES;
  EXPECT_TRUE(content_of(folder_ / "ours.npy") == content_of(golden / "ours.npy"));
  EXPECT_EQ(content_of(folder_ / "ours.npy.json"), content_of(golden / "ours.json"));

  const auto source = open_recording(golden / "i2_fortran.npy");
  write_npy(folder_ / "digital.npy", *source, true);
  const auto reader = open_recording(folder_ / "digital.npy");
  EXPECT_EQ(reader->info().leads[0].gain, 200);
  expect_same(read_all(*reader, 11), two_leads(40).signals);
}

std::string npy(const std::string& dictionary, std::size_t bytes) {
  std::string text =
      std::string("\x93NUMPY\1\0", 8) + static_cast<char>(dictionary.size()) + '\0' + dictionary;
  return text + std::string(bytes, '\0');
}

TEST_F(Tables, NamesWhatIsWrongWithArrays) {
  const auto refused = [&](const std::string& content, const std::string& message) {
    expect_refused(content, message, "r.npy");
  };
  const std::string good = "{'descr': '<f4', 'fortran_order': False, 'shape': (3, 2), }";
  refused(npy(good, 24), "r.npy.json with the \"rate\" and \"leads\" of its 2 columns");
  folder_.write("r.json", R"({"rate": 250, "leads": ["I", "V1"]})");
  EXPECT_EQ(open(npy(good, 24), "r.npy")->info().samples, 3);
  std::string python2 = good;  // as Python 2 wrote shapes on Windows
  python2.replace(python2.find("(3, 2)"), 6, "(3L, 2L)");
  EXPECT_EQ(open(npy(python2, 24), "r.npy")->info().samples, 3);
  refused("", "expected a NumPy array");
  refused(npy(good, 23), "r.npy: 23 bytes of samples, expected 3 x 2 values of 4 bytes");
  refused(npy(good, 25), "25 bytes of samples");
  refused(npy(good, 24).substr(0, 30), "a header of 69 bytes in a file of 30");
  const auto with = [&](const std::string& part, const std::string& other) {
    std::string changed = good;
    changed.replace(changed.find(part), part.size(), other);
    return npy(changed, 24);
  };
  refused(with("(3, 2)", "(2, 3)"), "r.npy: an array of 2 x 3, expected (samples, leads) of the 2 leads in");
  refused(with("(3, 2)", "(4611686018427387904, 4)"), "24 bytes of samples");
  refused(with("(3, 2)", "(99999999999999999999, 4)"), "shape: expected whole numbers");
  refused(with("(3, 2)", "(-3, -2)"), "shape: expected whole numbers of at least 0");
  refused(with("(3, 2)", "(3, 2, 1)"), "r.npy: 3 dimensions, expected (samples) or (samples, leads)");
  refused(with("(3, 2)", "()"), "0 dimensions");
  refused(with("(3, 2)", "(3 2)"), "header: expected ')'");
  refused(with("<f4", "<c8"), "type \"<c8\", expected int16");
  refused(with("<f4", "|O"), "type \"|O\"");
  refused(with("'<f4'", "[('a', '<f4')]"), "header: expected a quoted string");
  refused(with("False", "Maybe"), "fortran_order: expected True or False");
  refused(with("'shape'", "'shade'"), "key \"shade\", expected descr");
  refused(with("'fortran_order': False, ", ""), "expected descr, fortran_order and shape");
  refused(with("<f4", "<i4"), "r.npy: an array of integers;");
}

}  // namespace
}  // namespace sec::io
