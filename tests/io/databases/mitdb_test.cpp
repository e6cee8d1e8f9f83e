#include "io/databases/mitdb.h"

#include <gtest/gtest.h>

#include <array>
#include <map>
#include <set>

#include "engine/parallel.h"
#include "io/recording/annotation_codes.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "tests/io/crc32.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

struct Golden {
  const char* record;
  std::int64_t samples;
  std::uint32_t crc[2];
  std::int64_t annotations;
  std::uint32_t annotation_crc;
  std::int64_t beats;
};

constexpr Golden golden[] = {
#include "tests/io/databases/golden_mitdb.inc"
};

TEST(Mitdb, RecordsAndSplits) {
  std::map<Split, int> counts;
  std::set<std::string_view> subjects;
  for (const MitdbRecord& record : mitdb_records()) {
    ++counts[record.split];
    subjects.insert(record.subject);
  }
  EXPECT_EQ(counts[Split::ds1], 22);
  EXPECT_EQ(counts[Split::ds2], 22);
  EXPECT_EQ(counts[Split::paced], 4);
  EXPECT_EQ(subjects.size(), 47U);
  EXPECT_EQ(mitdb_record("202").subject, mitdb_record("201").subject);
  EXPECT_EQ(mitdb_record("114").split, Split::ds1);
  EXPECT_EQ(mitdb_record("217").split, Split::paced);
  expect_error([] { mitdb_record("110"); }, "'110' is not a record of the MIT-BIH Arrhythmia Database");
}

TEST(Aami, ClassesOfAnnotationTypes) {
  const auto classes_of = [](BeatClass wanted) {
    std::set<std::string> symbols;
    for (const AnnotationCode& code : annotation_codes()) {
      if (beat_class_of(code.code) == wanted) {
        symbols.emplace(code.symbol);
      }
    }
    return symbols;
  };
  using Symbols = std::set<std::string>;
  EXPECT_EQ(classes_of(BeatClass::N), (Symbols{"N", "L", "R", "B", "e", "j", "n"}));
  EXPECT_EQ(classes_of(BeatClass::S), (Symbols{"A", "a", "J", "S"}));
  EXPECT_EQ(classes_of(BeatClass::V), (Symbols{"V", "E", "r"}));
  EXPECT_EQ(classes_of(BeatClass::F), (Symbols{"F"}));
  EXPECT_EQ(classes_of(BeatClass::Q), (Symbols{"/", "f", "Q", "?"}));
  for (const int code : {-5, 0, 15, 42, 50, 999}) {
    EXPECT_EQ(beat_class_of(code), std::nullopt);
  }
  EXPECT_EQ(text_of({1, 2, 3, 4, 5}), "N 1 S 2 V 3 F 4 Q 5");
}

TEST(Mitdb, CountsAreThoseOfTheMarkerOrThePublishedOnes) {
  const TemporaryFolder folder;
  EXPECT_FALSE(is_synthetic(folder.path()));
  EXPECT_EQ(expected_counts(folder.path()).ds1, (ClassCounts{45866, 944, 3788, 415, 8}));
  EXPECT_EQ(expected_counts(folder.path()).ds2, (ClassCounts{44259, 1837, 3221, 388, 7}));
  expect_error(
      [&] {
        check_counts(folder.path(), Split::ds2, {1, 2, 3, 4, 5});
      },
      "DS2 has beats N 1 S 2 V 3 F 4 Q 5, expected N 44259 S 1837 V 3221 F 388 Q 7");
  folder.write("SYNTHETIC.txt", "words\nDS1 N 1 S 2 V 3 F 4 Q 5\nDS2 N 6 S 7 V 8 F 9 Q 10\n");
  EXPECT_TRUE(is_synthetic(folder.path()));
  EXPECT_EQ(expected_counts(folder.path()), (MitdbCounts{{1, 2, 3, 4, 5}, {6, 7, 8, 9, 10}}));
  check_counts(folder.path(), Split::ds1, {1, 2, 3, 4, 5});
  folder.write("SYNTHETIC.txt", "DS1 N 1 S 2 V x F 4 Q 5\n");
  expect_error(
      [&] { expected_counts(folder.path()); },
      "SYNTHETIC.txt: 'DS1 N 1 S 2 V x F 4 Q 5', expected beat counts such as DS1 N 1 S 2 V 3 F 4 Q 5");
  folder.write("SYNTHETIC.txt", "DS1 N 1 S 2 V 3 F 4 Q 5\n");
  expect_error([&] { expected_counts(folder.path()); }, "SYNTHETIC.txt: no line with the beat counts of DS2");
}

TEST(Mitdb, RecordNames) {
  const TemporaryFolder folder;
  expect_error([&] { read_record_names(folder.path()); }, "RECORDS: cannot open");
  folder.write("RECORDS", "100\r\n\n101 \r\n");
  EXPECT_EQ(read_record_names(folder.path()), (std::vector<std::string>{"100", "101"}));
  folder.write("RECORDS", "\n");
  expect_error([&] { read_record_names(folder.path()); }, "RECORDS: names no record");
  folder.write("RECORDS", "1\n2\n1\n");
  expect_error([&] { read_record_names(folder.path()); }, "RECORDS: '1' is named twice");
}

// Compares every sample and annotation with what Python's wfdb reads.
TEST(Mitdb, TheRealDatabaseReadsAsWithWfdb) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  const auto names = read_record_names(*folder);
  ASSERT_EQ(names.size(), std::size(golden));
  std::array<ClassCounts, std::size(golden)> counts{};
  parallel_for(std::ssize(golden), [&](std::int64_t i) {
    const Golden& expected = golden[i];
    const DigitalRecord record = read_digital(*folder, expected.record);
    ASSERT_EQ(record.signals.size(), 2U);
    for (std::size_t lead = 0; lead < 2; ++lead) {
      ASSERT_EQ(std::ssize(record.signals[lead]), expected.samples);
      std::string bytes;
      for (const std::int32_t sample : record.signals[lead]) {
        bytes += static_cast<char>(sample & 0xff);
        bytes += static_cast<char>(sample >> 8 & 0xff);
      }
      EXPECT_EQ(crc32(bytes), expected.crc[lead]) << expected.record << " lead " << lead;
    }
    const auto annotations = read_annotations(*folder / (std::string(expected.record) + ".atr"), 360);
    EXPECT_EQ(std::ssize(annotations), expected.annotations) << expected.record;
    std::string text;
    for (const Annotation& a : annotations) {
      text += fmt::format("{},{},{},{},{},{}\n", a.sample, symbol_of(a.code), a.subtype, a.channel, a.number,
                          a.aux);
    }
    EXPECT_EQ(crc32(text), expected.annotation_crc) << expected.record;
    counts[i] = count_beats(annotations);
    std::int64_t beats = 0;
    for (const std::int64_t count : counts[i]) {
      beats += count;
    }
    EXPECT_EQ(beats, expected.beats) << expected.record;
  });
  ClassCounts ds1{};
  ClassCounts ds2{};
  std::int64_t annotations = 0;
  std::int64_t beats = 0;
  for (std::size_t i = 0; i < std::size(golden); ++i) {
    annotations += golden[i].annotations;
    beats += golden[i].beats;
    const Split split = mitdb_record(golden[i].record).split;
    for (std::size_t c = 0; c < beat_classes && split != Split::paced; ++c) {
      (split == Split::ds1 ? ds1 : ds2)[c] += counts[i][c];
    }
  }
  EXPECT_EQ(annotations, 112'647);
  EXPECT_EQ(beats, 109'494);
  check_counts(*folder, Split::ds1, ds1);
  check_counts(*folder, Split::ds2, ds2);
}

// Writes and rereads all annotations of the real database.
TEST(Mitdb, TheRealAnnotationsRoundTrip) {
  const auto folder = real_data("mitdb");
  if (!folder) {
    GTEST_SKIP() << "SEC_DATA names no folder with mitdb";
  }
  const TemporaryFolder temporary;
  for (const MitdbRecord& record : mitdb_records()) {
    const auto annotations = read_annotations(*folder / (std::string(record.name) + ".atr"));
    write_annotations(temporary / "r.atr", annotations);
    ASSERT_EQ(read_annotations(temporary / "r.atr"), annotations) << record.name;
  }
}

}  // namespace
}  // namespace sec::io
