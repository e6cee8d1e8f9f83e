// EDF and EDF+: files written by this library, damaged files, and files written by EDFlib.
// tools/parity/compare_edf.py made the files of EDFlib in tests/io/edf.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "io/databases/open_recording.h"
#include "io/edf/annotation.h"
#include "io/edf/reader.h"
#include "io/edf/scale.h"
#include "io/edf/writer.h"
#include "io/recording/memory_reader.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

const fs::path golden = SEC_EDF_FILES;

// The formula of tools/parity/compare_edf.py.
std::int32_t adu(std::int64_t lead, std::int64_t i) {
  return static_cast<std::int32_t>((i * i * (7 + lead) + i * 31) % 2001 - 1000);
}

std::vector<std::vector<float>> read_all(RecordingReader& reader, std::int64_t step) {
  const ReaderInfo& info = reader.info();
  std::vector<std::vector<float>> all(info.leads.size());
  for (std::int64_t at = 0; at < info.samples; at += step) {
    const std::int64_t count = std::min(step, info.samples - at);
    std::vector<std::vector<float>> window;
    for (const int each : info.samples_per_frame) {
      window.emplace_back(count * each);
    }
    const std::vector<std::span<float>> spans(window.begin(), window.end());
    reader.read(at, count, spans);
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].insert(all[i].end(), window[i].begin(), window[i].end());
    }
  }
  return all;
}

std::vector<Annotation> events(double rate) {
  const auto at = [&](double seconds) { return static_cast<std::int64_t>(seconds * rate); };
  return {{at(0), 28, 0, 0, 0, "(N"},
          {at(0.25), 1, 0, 0, 0, ""},
          {at(1.5), 5, 0, 0, 0, ""},
          {at(2.875), 22, 0, 0, 0, "pause, then flutter \xe2\x86\x92"}};
}

TEST(Edf, ReadsWhatEdflibWrote) {
  for (const char* name : {"pyedflib.edf", "plain.edf"}) {
    const auto reader = open_recording(golden / name);
    const ReaderInfo& info = reader->info();
    ASSERT_EQ(info.leads.size(), 3U);
    EXPECT_EQ(info.leads[0].name, "V1");
    EXPECT_EQ(info.leads[0].units, "mV");
    EXPECT_EQ(info.leads[1].name, "II");
    EXPECT_EQ(info.leads[2].name, "Resp");
    EXPECT_EQ(info.leads[2].units, "%");
    EXPECT_EQ(info.rate, 64);
    EXPECT_EQ(info.samples_per_frame, (std::vector<int>{4, 4, 1}));
    EXPECT_EQ(info.samples, 192);
    EXPECT_EQ(info.start_date, "02/03/2002");
    EXPECT_EQ(info.start_time, "12:30:05");
    for (const std::int64_t step : {1, 7, 64, 192}) {
      const auto all = read_all(*reader, step);
      for (std::int64_t i = 0; i < 768; ++i) {
        ASSERT_FLOAT_EQ(all[0][i], static_cast<float>(adu(0, i) * 2.5e-3)) << i;
        ASSERT_FLOAT_EQ(all[1][i], static_cast<float>(adu(1, i) / 200.0)) << i;
      }
      for (std::int64_t i = 0; i < 192; ++i) {
        ASSERT_FLOAT_EQ(all[2][i], static_cast<float>(adu(2, i) / 20.0)) << i;
      }
    }
    std::vector<std::int32_t> digital(8);
    const std::vector<std::span<std::int32_t>> spans{{}, digital, {}};
    reader->read_digital(63, 2, spans);
    for (std::int64_t i = 0; i < 8; ++i) {
      EXPECT_EQ(digital[i], adu(1, 252 + i));
    }
    EXPECT_EQ(reader->annotations(),
              name == std::string("plain.edf") ? std::vector<Annotation>{} : events(256));
  }
}

// 650 frames at 128 Hz, with two samples per frame and one: 5.08 data records of one second.
class TwoRates final : public RecordingReader {
 public:
  TwoRates() {
    info_.name = "two";
    info_.rate = 128;
    info_.samples = 325;
    info_.start_date = "02/03/2002";
    info_.start_time = "12:30:05";
    info_.leads = {{"V1", "mV", 200, 0, 12}, {"RESP", "l", 200, 0, 12}};
    info_.samples_per_frame = {2, 1};
    info_.comments = {"Age: 56"};
    info_.annotation_rate = 256;
  }
  const ReaderInfo& info() const override { return info_; }
  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    require_window(info_, info_.name, begin, count, leads);
    for (std::size_t lead = 0; lead < leads.size(); ++lead) {
      for (std::size_t i = 0; i < leads[lead].size(); ++i) {
        const std::int64_t at = begin * info_.samples_per_frame[lead] + static_cast<std::int64_t>(i);
        leads[lead][i] = static_cast<float>(adu(static_cast<std::int64_t>(lead), at) / 200.0);
      }
    }
  }
  std::vector<Annotation> annotations() override { return events(256); }

 private:
  ReaderInfo info_;
};

// tools/parity/compare_edf.py has shown that pyedflib and mne read these files correctly.
TEST(Edf, WritesTheFilesThatOthersWereSeenToRead) {
  const TemporaryFolder folder;
  TwoRates source;
  write_edf(folder / "ours.edf", source, source.annotations());
  write_edf_annotations(folder / "annotations.edf", 256, {"02/03/2002", "12:30:05"}, source.annotations());
  if (std::getenv("SEC_EDF_OUT") != nullptr) {
    for (const char* name : {"ours.edf", "annotations.edf"}) {
      fs::copy_file(folder / name, fs::path(std::getenv("SEC_EDF_OUT")) / name,
                    fs::copy_options::overwrite_existing);
    }
  }
  EXPECT_TRUE(content_of(folder / "ours.edf") == content_of(golden / "ours.edf"));
  EXPECT_TRUE(content_of(folder / "annotations.edf") == content_of(golden / "annotations.edf"));
}

TEST(Edf, ReadsBackWhatItWrote) {
  const TemporaryFolder folder;
  TwoRates source;
  write_edf(folder / "r.edf", source, source.annotations());
  const auto reader = open_edf(folder / "r.edf");
  const ReaderInfo& info = reader->info();
  EXPECT_EQ(info.samples, 325);
  EXPECT_EQ(info.rate, 128);
  EXPECT_EQ(info.samples_per_frame, (std::vector<int>{2, 1}));
  EXPECT_EQ(info.comments, source.info().comments);
  EXPECT_EQ(info.start_date, source.info().start_date);
  EXPECT_EQ(info.start_time, source.info().start_time);
  EXPECT_EQ(info.leads[0].name, "V1");
  EXPECT_EQ(info.leads[1].name, "RESP");
  EXPECT_EQ(info.leads[1].units, "l");
  EXPECT_EQ(info.leads[0].baseline, 0);
  EXPECT_EQ(read_all(*reader, 50), read_all(source, 325));
  EXPECT_EQ(reader->annotations(), source.annotations());
}

Recording one_lead(std::vector<float> signal, double rate, Lead lead = {"II", "mV", 200, 0, 12}) {
  Recording recording;
  recording.name = "r";
  recording.rate = rate;
  recording.leads = {std::move(lead)};
  recording.signals = {std::move(signal)};
  return recording;
}

TEST(Edf, SignalTypesInAnyCaseArePartOfTheLabel) {
  const TemporaryFolder folder;
  const auto name_of = [&](const std::string& label) {
    write_edf(folder / "r.edf", *reader_of(one_lead({1, 2}, 2)), {});
    std::string bytes = content_of(folder / "r.edf");
    bytes.replace(256, 16, label + std::string(16 - label.size(), ' '));
    return open_edf(folder.write("r.edf", bytes))->info().leads.at(0).name;
  };
  EXPECT_EQ(name_of("Ecg MLII"), "MLII");
  EXPECT_EQ(name_of("ECG  II"), "II");
  EXPECT_EQ(name_of("EKG I"), "I");
  EXPECT_EQ(name_of("II-REF"), "II-REF");
  EXPECT_EQ(name_of("ECG"), "ECG");
  // A name that begins like a signal type reads back as it was.
  for (const char* name : {"Ecg MLII", "ECG II", "II"}) {
    write_edf(folder / "s.edf", *reader_of(one_lead({1, 2}, 2, {name, "mV", 200, 0, 12})), {});
    EXPECT_EQ(open_edf(folder / "s.edf")->info().leads.at(0).name, name);
  }
}

void expect_same(const std::vector<float>& found, const std::vector<float>& expected, float tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    ASSERT_EQ(std::isnan(found[i]), std::isnan(expected[i])) << i;
    if (!std::isnan(found[i])) {
      ASSERT_NEAR(found[i], expected[i], tolerance) << i;
    }
  }
}

TEST(Edf, KeepsWholeAduAndInvalidSamplesExactly) {
  const TemporaryFolder folder;
  struct Case {
    double gain;
    int baseline;
    int low;
    int high;
  };
  for (const auto& [gain, baseline, low, high] : std::vector<Case>{{200, 1024, 0, 2047},
                                                                   {-1000, -7, -32767, 32767},
                                                                   {1 / 0.00488, 0, -5000, 5000},
                                                                   {400, 0, 100'000, 140'000},
                                                                   {26'000, 3, -30'000, -29'990}}) {
    std::vector<float> signal;
    for (int digital = low; digital <= high; ++digital) {
      signal.push_back(static_cast<float>((digital - static_cast<double>(baseline)) / gain));
    }
    signal[3] = NAN;
    const auto source = reader_of(one_lead(signal, 360, {"II", "mV", gain, baseline, 16}));
    write_edf(folder / "r.edf", *source, {});
    const auto reader = open_edf(folder / "r.edf");
    // The header states the range in eight characters; rounding causes a relative error of up to about 1e-7.
    const float tolerance =
        gain == 1 / 0.00488 || gain == 26'000 ? 1e-6F * static_cast<float>(32768 / gain) : 0;
    expect_same(read_all(*reader, 1000)[0], signal, tolerance);
  }
}

TEST(Edf, DividesTheRangeOfOtherSamples) {
  const TemporaryFolder folder;
  std::vector<float> signal(1000);
  for (std::size_t i = 0; i < signal.size(); ++i) {
    signal[i] = std::sin(static_cast<float>(i)) * 1.7F + 0.3F;
  }
  write_edf(folder / "r.edf", *reader_of(one_lead(signal, 250)), {});
  expect_same(read_all(*open_edf(folder / "r.edf"), 1000)[0], signal, 2.01F / 65534 * 1.7F);
  const std::vector<float> flat(10, 0.123456F);
  write_edf(folder / "r.edf", *reader_of(one_lead(flat, 250)), {});
  expect_same(read_all(*open_edf(folder / "r.edf"), 10)[0], flat, 2e-5F);
  // The limits of the range have one decimal. They must not cut the signal, which f32 holds to 0.004.
  const std::vector<float> high = {123456.0078125F, 123456.3046875F, 123456.578125F};
  write_edf(folder / "r.edf", *reader_of(one_lead(high, 250)), {});
  expect_same(read_all(*open_edf(folder / "r.edf"), 3)[0], high, 0.005F);
}

TEST(Edf, ChoosesRecordsThatHoldWholeSamples) {
  const TemporaryFolder folder;
  const std::vector<float> signal(1001, 0.5F);
  for (const double rate : {1.0, 360.0, 257.5, 128.37, 1000.0 / 3, 0.25, 977.123456}) {
    write_edf(folder / "r.edf", *reader_of(one_lead(signal, rate)), {});
    const auto reader = open_edf(folder / "r.edf");
    // No record of at most two seconds holds whole samples at 977.123456 and 128.37 Hz: eight characters round its duration.
    const bool is_rounded = rate == 977.123456 || rate == 128.37;
    EXPECT_NEAR(reader->info().rate, rate, is_rounded ? 1e-7 * rate : 1e-12 * rate) << rate;
    EXPECT_EQ(reader->info().samples, 1001) << rate;
  }
  expect_error([&] { write_edf(folder / "r.edf", *reader_of(one_lead(signal, 1e-9)), {}); },
               "r.edf: no EDF record holds a whole number of samples at 1e-09 Hz");
}

TEST(Edf, KeepsAnnotationsOfEveryKind) {
  const TemporaryFolder folder;
  std::vector<Annotation> annotations{{0, 22, 0, 0, 0, "# not a comment of the header"},
                                      {0, 22, 0, 0, 0, "N"},
                                      {1, 5, -1, 3, 127, "a\tb\t1 2 3"},
                                      {2, 1, 0, 0, 1, ""},
                                      {2, 0, 0, 0, 0, ""},
                                      {2, 22, 0, 0, 0, ""},
                                      {3, 42, 0, 0, 0, "own\ttype"},
                                      {9, 28, 0, 0, 0, "(AFIB"},
                                      {5000, 1, 0, 0, 0, std::string(255, 'x')}};
  for (int i = 0; i < 400; ++i) {
    annotations.push_back({5001 + i, 1, 0, 0, 0, ""});  // more at this time than fit an average data record
  }
  const auto source = reader_of(one_lead(std::vector<float>(720, 0.5F), 360));
  write_edf(folder / "r.edf", *source, annotations);
  EXPECT_EQ(open_edf(folder / "r.edf")->annotations(), annotations);
  EXPECT_EQ(open_edf(folder / "r.edf")->info().samples, 720);
  write_edf_annotations(folder / "a.edf", 1000, {}, annotations);
  EXPECT_EQ(open_edf(folder / "a.edf")->annotations(), annotations);
  EXPECT_TRUE(open_edf(folder / "a.edf")->info().leads.empty());
  write_edf_annotations(folder / "a.edf", 360, {}, std::vector<Annotation>{});
  EXPECT_TRUE(open_edf(folder / "a.edf")->annotations().empty());

  for (const char* aux : {"\x14", "a\x15"}) {
    expect_error(
        [&] {
          write_edf(folder / "b.edf", *source, std::vector<Annotation>{{7, 22, 0, 0, 0, aux}});
        },
        "annotation at sample 7: its AUX text holds byte 0, 20 or 21, which EDF+ cannot hold");
  }
  expect_error(
      [&] {
        write_edf(folder / "b.edf", *source,
                  std::vector<Annotation>{{7, 1, 0, 0, 0, ""}, {6, 1, 0, 0, 0, ""}});
      },
      "b.edf: annotation at sample 6 comes before 7");
  EXPECT_FALSE(fs::exists(folder / "b.edf"));
}

// One signal with 4 samples per data record, and 16 bytes of annotations per data record.
struct Made {
  std::string kind = "EDF+C";
  std::string records = "2";
  std::string duration = "1";
  std::string signals = "2";
  std::string bytes = "768";
  std::string digital_min = "-100";
  std::string physical_max = "100";
  std::string samples = "4";
  std::vector<std::string> onsets{"+0", "+1"};

  std::string text() const {
    const auto field = [](std::string text, std::size_t width) {
      text.resize(width, ' ');
      return text;
    };
    std::string made = field("0", 8) + field("X X X X", 80) + field("Startdate X X X X", 80) + "01.01.85" +
                       "00.00.00" + field(bytes, 8) + field(kind, 44) + field(records, 8) +
                       field(duration, 8) + field(signals, 4);
    made += field("II", 16) + field("EDF Annotations", 16) + field("", 160) + field("mV", 16) +
            field("-100", 8) + field("-1", 8) + field(physical_max, 8) + field("1", 8) +
            field(digital_min, 8) + field("-32768", 8) + field("100", 8) + field("32767", 8) +
            field("", 160) + field(samples, 8) + field("8", 8) + field("", 64);
    for (std::size_t record = 0; record < onsets.size(); ++record) {
      for (int i = 0; i < 4; ++i) {
        made += std::string{static_cast<char>(4 * record + i), '\0'};
      }
      std::string list = onsets[record].empty() ? "" : onsets[record] + "\x14\x14";
      list.resize(16, '\0');
      made += list;
    }
    return made;
  }
};

void expect_refused(const Made& made, const std::string& message) {
  const TemporaryFolder folder;
  folder.write("r.edf", made.text());
  expect_error([&] { open_edf(folder / "r.edf")->annotations(); }, message);
}

TEST(Edf, GapsOfDiscontinuousFilesAreNaN) {
  const TemporaryFolder folder;
  Made made;
  made.kind = "EDF+D";
  made.records = "3";
  made.onsets = {"+0.5\x14\x14" + std::string(1, '\0') + "+.75\x14N", "+2", "+3"};
  folder.write("r.edf", made.text());
  const auto reader = open_edf(folder / "r.edf");
  const float n = NAN;
  ASSERT_EQ(reader->info().samples, 14);
  for (const std::int64_t step : {1, 3, 14}) {
    expect_same(read_all(*reader, step)[0], {0, 1, 2, 3, n, n, 4, 5, 6, 7, 8, 9, 10, 11}, 0);
  }
  EXPECT_EQ(reader->annotations(), (std::vector<Annotation>{{1, 1, 0, 0, 0, ""}}));
  made.onsets = {"+0", "+5", "+4"};
  expect_refused(made, "record 2 begins at 4 s, before the end of the previous record");
  made.onsets = {"+0", "", "+4"};
  expect_refused(made, "record 1 does not state when it begins");
}

TEST(Edf, TakesRecordsAsTheyAreWhereTheirNumberIsNotKnown) {
  const TemporaryFolder folder;
  Made made;
  made.records = "-1";
  folder.write("r.edf", made.text());
  EXPECT_EQ(open_edf(folder / "r.edf")->info().samples, 8);
}

TEST(Edf, NamesWhatIsWrong) {
  expect_refused({.records = "3"}, "r.edf: 2 records and 0 bytes, expected 3 whole records of 24 bytes");
  expect_refused({.records = "1"}, "r.edf: 2 records and 0 bytes, expected 1 whole records of 24 bytes");
  expect_refused({.records = "-1", .samples = "5"}, "1 records and 22 bytes");
  expect_refused({.records = "-2"}, "number of records is '-2', expected a whole number from -1 to 99999999");
  expect_refused({.records = "2147483"}, "2 records and 0 bytes, expected 2147483 whole records");
  expect_refused({.duration = "0"}, "r.edf: header: records of 4 frames that last 0 s each");
  expect_refused({.duration = "-1"}, "that last -1 s each");
  expect_refused({.duration = "nan"}, "duration of a record is 'nan', expected a number");
  expect_refused({.duration = "1e-300"}, "expected one between 1e-06 and 10000000 Hz");
  expect_refused({.signals = "9999"}, "expected a header of 2560000 for its 9999 signals");
  expect_refused({.signals = "-1"}, "number of signals is '-1', expected a whole number from 1 to 9999");
  expect_refused({.bytes = "512"}, "bytes of the header is '512', expected a whole number from 768 to 768");
  expect_refused({.digital_min = "101"}, "signal 0 (II): digital range from 101 to 100");
  expect_refused({.digital_min = "-99999"}, "signal 0 (II): digital minimum is '-99999'");
  expect_refused({.physical_max = "1,5"}, "signal 0 (II): physical maximum is '1,5', expected a number");
  expect_refused({.samples = "0"}, "signal 0 (II): samples in a record is '0'");
  expect_refused({.samples = "99999999"}, "0 records and 48 bytes, expected 2 whole records of 200000014");
  expect_refused({.onsets = {"0", "+1"}}, "record 0: an annotation's time");
  expect_refused({.onsets = {"+0", "+1e99"}}, "record 1: an annotation's time");
  expect_refused({.onsets = {"+0", "+1\x14text without end"}}, "record 1: an annotation without an end");
  expect_refused({.onsets = {"+0", std::string("+1\0", 3)}}, "record 1: an annotation that does not end");
  const TemporaryFolder folder;
  expect_error([&] { open_edf(folder / "none.edf"); }, "none.edf: cannot open: No such file");
  folder.write("r.edf", "0       short");
  expect_error([&] { open_edf(folder / "r.edf"); }, "13 bytes, expected an EDF header of at least 256");
  folder.write("r.edf",
               "\xff"
               "BIOSEMI" +
                   std::string(600, ' '));
  expect_error([&] { open_edf(folder / "r.edf"); }, "24-bit samples (BDF)");
}

TEST(Edf, EveryTruncationIsNoticed) {
  const TemporaryFolder folder;
  const std::string whole = content_of(golden / "pyedflib.edf");
  for (std::size_t size = 0; size < whole.size(); size += 101) {
    folder.write("r.edf", whole.substr(0, size));
    error_of([&] { open_edf(folder / "r.edf"); });
  }
}

TEST(Edf, SaysNumbersInEightCharacters) {
  EXPECT_EQ(edf_number(-168.96), "-168.96");
  EXPECT_EQ(edf_number(0), "0");
  EXPECT_EQ(edf_number(-0.0000001), "0");
  EXPECT_EQ(edf_number(100.0 / 3), "33.33333");
  EXPECT_EQ(edf_number(12345678), "12345678");
  EXPECT_EQ(edf_number(-12345678), "");
}

}  // namespace
}  // namespace sec::io
