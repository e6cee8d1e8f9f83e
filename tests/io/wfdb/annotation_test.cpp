#include "io/wfdb/annotation.h"

#include <gtest/gtest.h>

#include "io/recording/annotation_codes.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

std::string word(int type, int value) {
  const int bits = type << 10 | value;
  return {static_cast<char>(bits & 0xff), static_cast<char>(bits >> 8)};
}

const std::string end_mark(2, '\0');

TEST(WfdbAnnotation, ReadsEveryPseudoTypeLaidOutByHand) {
  const std::string bytes = word(28, 18) + word(63, 3) + std::string("(N\0\0", 4) +  // + at 18, AUX
                            word(1, 59) + word(61, 0x3ff) +                          // N at 77, SUB -1
                            word(62, 1) + word(60, 5) +                              // CHN 1, NUM 5 from here
                            word(5, 1023) +                                          // V at 1100
                            word(59, 0) + std::string("\x01\x00\x70\x11", 4) +  // SKIP 0x00011170 = 70000
                            word(8, 2) + word(60, 0) +                          // A at 71102, NUM 0
                            word(1, 0) + end_mark + "ignored";
  const auto annotations = parse_annotation_file(bytes, "r.atr").annotations;
  const std::vector<Annotation> expected = {
      {18, 28, 0, 0, 0, "(N"}, {77, 1, -1, 1, 5, ""},   {1100, 5, 0, 1, 5, ""},
      {71102, 8, 0, 1, 0, ""}, {71102, 1, 0, 1, 0, ""},
  };
  EXPECT_EQ(annotations, expected);
}

TEST(WfdbAnnotation, RoundTrip) {
  const TemporaryFolder folder;
  const std::vector<Annotation> annotations = {
      {0, 0, 0, 0, 0, ""},
      {0, 22, 0, 0, 0, "odd"},
      {1023, 1, 127, 255, 127, std::string(255, 'x')},
      {2047, 1, -128, 0, -128, "even"},
      {2047, 0, 0, 0, -128, ""},
      {70'000, 42, 0, 3, 0, ""},
      {INT64_C(5'000'000'000'000), 41, 1, 3, 0, "\xc2\xb5"},
  };
  write_annotations(folder / "r.atr", annotations);
  EXPECT_EQ(read_annotations(folder / "r.atr"), annotations);
  write_annotations(folder / "r.atr", {});
  EXPECT_EQ(content_of(folder / "r.atr"), end_mark);
  EXPECT_TRUE(read_annotations(folder / "r.atr").empty());
}

TEST(WfdbAnnotation, AnotherTimeResolutionIsConverted) {
  const TemporaryFolder folder;
  write_annotation_file(folder / "r.atr", {{}, 1000, {{500, 1, 0, 0, 0, ""}, {502, 1, 0, 0, 0, ""}}});
  EXPECT_EQ(read_annotations(folder / "r.atr", 360).at(0).sample, 180);
  EXPECT_EQ(read_annotations(folder / "r.atr", 360).at(1).sample, 181);  // 180.72
  EXPECT_EQ(read_annotations(folder / "r.atr", 1000).at(0).sample, 500);
  EXPECT_EQ(read_annotations(folder / "r.atr").at(0).sample, 500);
  EXPECT_EQ(read_annotation_file(folder / "r.atr").resolution, 1000);
  expect_error(
      [&] {
        write_annotation_file(folder / "r.atr", {{}, -1, {}});
      },
      "r.atr: time resolution is -1 Hz, expected more than 0");
  write_annotations(folder / "r.atr", std::vector<Annotation>{{0, 22, 0, 0, 0, "## time resolution: 0"}});
  expect_error([&] { read_annotations(folder / "r.atr", 360); },
               "r.atr: time resolution is '0', expected a rate in Hz");
}

TEST(WfdbAnnotation, AFileDefinesTypesOfItsOwn) {
  const TemporaryFolder folder;
  const AnnotationFile file = {
      {{42, "sp", "spindle (sleep stage 2)"}, {15, "K", "K complex"}, {5, "PVC", ""}},
      62.4725,
      {{0, 22, 0, 0, 0, "begin"}, {30, 42, 1, 2, 3, "a"}, {30, 15, 0, 2, 3, ""}, {31, 5, 0, 2, 3, ""}}};
  write_annotation_file(folder / "r.atr", file);
  const AnnotationFile back = read_annotation_file(folder / "r.atr");
  EXPECT_EQ(back.labels, file.labels);
  EXPECT_EQ(back.resolution, 62.4725);
  EXPECT_EQ(back.annotations, file.annotations);
  EXPECT_EQ(back.symbol_of(42), "sp");
  EXPECT_EQ(back.symbol_of(15), "K");
  EXPECT_EQ(back.symbol_of(5), "PVC");
  EXPECT_EQ(back.symbol_of(1), "N");
  // The layout that Python's wfdb writes.
  EXPECT_TRUE(content_of(folder / "r.atr")
                  .starts_with(word(22, 0) + word(63, 27) + "## time resolution: 62.4725" +
                               std::string(1, '\0') + word(22, 0) + word(63, 30) +
                               "## annotation type definitions" + word(22, 0) + word(63, 29) +
                               "42 sp spindle (sleep stage 2)"));
  const auto expect_refused = [&](const AnnotationLabel& label, const std::string& message) {
    expect_error(
        [&] {
          write_annotation_file(folder / "s.atr", {{label}, 0, {}});
        },
        "s.atr: annotation type " + message);
  };
  expect_refused({42, "a b", ""}, "'42 a b ' would not read back as given");
  expect_refused({42, "a", std::string(255, 'x')}, "'42 a xxx");
  expect_refused({42, "", "x"}, "'42  x' would not read back as given");
  expect_refused({50, "a", "x"},
                 "definition '50 a x', expected a number from 1 to 49, a symbol and a description");
  expect_error(
      [&] {
        write_annotation_file(folder / "s.atr", {{{42, "a", "x"}}, 0, {{1, 15, 0, 0, 0, ""}}});
      },
      "s.atr: annotation 0: type 15 is not defined");
  expect_error(
      [&] {
        write_annotations(folder / "s.atr",
                          std::vector<Annotation>{{0, 22, 0, 0, 0, "## annotation type definitions"}});
        read_annotations(folder / "s.atr");
      },
      "s.atr: annotation type definitions without an end mark");
}

struct BadFile {
  std::string name;
  std::string bytes;
  std::string message;
};

class BadAnnotations : public testing::TestWithParam<BadFile> {};

TEST_P(BadAnnotations, OneLineSaysWhy) {
  expect_error([] { parse_annotation_file(GetParam().bytes, "r.atr"); }, "r.atr: " + GetParam().message);
}

INSTANTIATE_TEST_SUITE_P(
    Files, BadAnnotations,
    testing::Values(
        BadFile{"Empty", "", "truncated: ends at byte 0 without an end mark"},
        BadFile{"OddByte", word(1, 5) + "\1", "truncated: ends at byte 3 without an end mark"},
        BadFile{"NoEndMark", word(1, 5), "truncated: ends at byte 2 without an end mark"},
        BadFile{"InSkip", word(59, 0) + "\1\1", "truncated: ends at byte 4 without an end mark"},
        BadFile{"InAux", word(1, 5) + word(63, 1023) + "abc",
                "truncated: ends at byte 7 without an end mark"},
        BadFile{"Undefined", word(1, 5) + word(15, 5) + end_mark,
                "byte 2: annotation type 15 is not defined"},
        BadFile{"Reserved", word(50, 5), "byte 0: annotation type 50 is not defined"},
        BadFile{"Backwards",
                word(1, 100) + word(59, 0) + std::string("\xff\xff\xf0\xff", 4) + word(1, 1) + end_mark,
                "byte 8: time runs backwards, from sample 100 to 85"},
        BadFile{"BeforeTheStart", word(59, 0) + std::string("\xff\xff\xf0\xff", 4) + word(1, 1) + end_mark,
                "byte 6: time runs backwards, from sample 0 to -15"},
        BadFile{"NothingToModify", word(62, 1) + end_mark, "byte 0: type 62 follows no annotation"}),
    [](const auto& test) { return test.param.name; });

TEST(WfdbAnnotation, TheWriterRefusesWhatTheFormatCannotHold) {
  const TemporaryFolder folder;
  const auto at = [](std::int64_t sample) { return Annotation{sample, 1, 0, 0, 0, ""}; };
  const auto expect_refused = [&](const std::vector<Annotation>& annotations, const std::string& message) {
    expect_error([&] { write_annotations(folder / "r.atr", annotations); }, "r.atr: annotation " + message);
    EXPECT_EQ(folder.entries(), 0U);
  };
  expect_refused({at(5), at(4)}, "1: sample 4 comes before 5");
  expect_refused({at(-1)}, "0: sample -1 comes before 0");
  expect_refused({{5, 15, 0, 0, 0, ""}}, "0: type 15 is not defined");
  expect_refused({{5, 1, 128, 0, 0, ""}}, "0: SUB 128 and NUM 0, expected -128 to 127");
  expect_refused({{5, 1, 0, 256, 0, ""}}, "0: CHN 256, expected 0 to 255");
  expect_refused({{5, 1, 0, 0, 0, std::string(256, 'x')}}, "0: AUX of 256 bytes, expected at most 255");
}

TEST(AnnotationCodes, SymbolsAndCodesMatch) {
  for (const AnnotationCode& code : annotation_codes()) {
    EXPECT_EQ(code_of(code.symbol), code.code);
    EXPECT_EQ(symbol_of(code.code), code.symbol);
  }
  EXPECT_EQ(symbol_of(45), "[45]");
  EXPECT_EQ(code_of("[45]"), 45);
  EXPECT_EQ(code_of("nonsense"), std::nullopt);
  for (const int code : {-1, 15, 17, 50, 63, 1000}) {
    EXPECT_FALSE(is_annotation_code(code));
  }
  EXPECT_EQ(symbol_of(15), "[15]");
  for (const int code : {-1, 50, 63, 1000}) {
    expect_error([&] { symbol_of(code); }, "is not defined");
  }
}

}  // namespace
}  // namespace sec::io
