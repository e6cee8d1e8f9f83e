// Readers of labelled recordings: valid input, and one-line errors for invalid input.
#include "io/databases/labelled_recordings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "io/databases/cinc.h"
#include "io/databases/label_table.h"
#include "io/databases/ptbxl.h"
#include "io/databases/tianchi_labels.h"
#include "io/files/text_table.h"
#include "io/files/utf8.h"
#include "tests/io/files.h"

namespace sec::io {
namespace {

using Labels = std::vector<std::string>;
using Recordings = std::vector<LabelledRecording>;

TEST(Utf8, TellsTextFromDamage) {
  for (const char* good : {"", "abc", "\xC3\xA9", "\xE7\xAA\xA6", "\xF0\x9F\x98\x80"}) {
    EXPECT_TRUE(is_utf8(good)) << good;
  }
  // A stray continuation byte, a truncated character, overlong forms, a surrogate, and beyond U+10FFFF.
  for (const char* bad :
       {"\x80", "\xE7\xAA", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad));
  }
  EXPECT_EQ(for_message("a\nb\x7F"), "a?b?");
  EXPECT_EQ(for_message("\xFF"), "(not UTF-8)");
  EXPECT_EQ(for_message(std::string(59, 'x') + "\xE7\xAA\xA6"), std::string(59, 'x'));
}

TEST(TextTable, ReadsQuotedFields) {
  const TextTable table = parse_text_table(
      "\xEF\xBB\xBF"
      "a,b,c\r\n\r\n1,\"x, \"\"y\"\"\nz\",\r\n,,3",
      ',', "t");
  EXPECT_EQ(table.heading, (Labels{"a", "b", "c"}));
  ASSERT_EQ(table.rows.size(), 2U);
  EXPECT_EQ(table.rows[0].fields, (Labels{"1", "x, \"y\"\nz", ""}));
  EXPECT_EQ(table.rows[0].place, "t:3");
  EXPECT_EQ(table.rows[1].fields, (Labels{"", "", "3"}));
  EXPECT_EQ(table.rows[1].place, "t:5");
  EXPECT_EQ(table.column("b"), 1U);
  EXPECT_FALSE(table.optional_column("d"));
  expect_error([&] { table.column("d"); }, "t:1: no column d among a, b, c");
}

TEST(TextTable, RefusesDamage) {
  const std::pair<std::string, std::string> damaged[] = {
      {"", "is empty"},
      {"a,b\n", "no row"},
      {"a,a\n1,2\n", "t:1: column a appears twice"},
      {"a,b\n1\n", "t:2: 1 fields, the heading has 2"},
      {"a,b\n1,2,3\n", "t:2: 3 fields"},
      {"a,b\n1,\"2\n\n", "t:2: an unclosed quote"},
      {"a,b\n1,\"2\"x\n", "t:2: text after a quoted field"},
      {"a,b\n1,x\"2\"\n", "t:2: a quote within an unquoted field"},
      {"a,b\n1,\xFF\n", "not UTF-8"},
      {std::string("a,b\n1,\0\n", 8), "not UTF-8"},
      {std::string(20'000, ','), "more than"},
  };
  for (const auto& [text, says] : damaged) {
    expect_error([&, &t = text] { parse_text_table(t, ',', "t"); }, says);
  }
}

TEST(ScpCodes, AreAPythonDictionary) {
  EXPECT_TRUE(parse_scp_codes("{}", "p").empty());
  const auto codes = parse_scp_codes("{'NORM': 100.0, \"SR\":0, 'X' : 1e1 }", "p");
  ASSERT_EQ(codes.size(), 3U);
  EXPECT_EQ(codes[1].first, "SR");
  EXPECT_EQ(codes[2].second, 10);
  for (const char* bad : {"", "{", "{'A'", "{'A':", "{'A': 1", "{'A': 1,}", "{'A': 1} x", "{'A': nan}",
                          "{'A': x}", "{'A': 1 'B': 2}", "{A: 1}", "{'A': 1, 'A': 2}", "{'A\\'': 1}",
                          "{'A: 1}", "[]", "{'': 1}", "{'A': 1e999}", "{'A':\n1}"}) {
    expect_error([&] { parse_scp_codes(bad, "p"); }, "p: scp_codes: ");
  }
}

class PtbXl : public testing::Test {
 protected:
  void SetUp() override {
    folder_.write("scp_statements.csv",
                  ",description,diagnostic,diagnostic_class\nNORM,n,1.0,NORM\nIMI,i,1.0,MI\n"
                  "AMI,a,1.0,MI\nSR,s,,\n");
    folder_.write("1.hea", "");
    folder_.write("2.hea", "");
  }
  Recordings read(const std::string& rows, PtbxlLabels labels) const {
    folder_.write("ptbxl_database.csv",
                  "ecg_id,patient_id,age,sex,scp_codes,strat_fold,filename_hr,filename_lr\n" + rows);
    return read_ptbxl(folder_.path(), labels);
  }
  TemporaryFolder folder_;
};

TEST_F(PtbXl, GivesSuperclassesAndStatementsWhateverTheLikelihood) {
  const std::string rows =
      "1,15709.0,56.0,1,\"{'IMI': 0.0, 'AMI': 50.0, 'SR': 0.0}\",3,1,x\n2,,300.0,0,{'SR': 0.0},10,2,x\n";
  const Recordings super = read(rows, PtbxlLabels::superclass);
  ASSERT_EQ(super.size(), 2U);
  EXPECT_EQ(super[0].id, "1");
  EXPECT_EQ(super[0].labels, Labels{"MI"});
  EXPECT_EQ(super[0].patient, "15709");
  EXPECT_EQ(super[0].fold, 3);
  EXPECT_EQ(super[0].age, 56);
  EXPECT_EQ(super[0].sex, Sex::female);
  EXPECT_TRUE(super[1].labels.empty());
  EXPECT_EQ(super[1].patient, "");
  EXPECT_EQ(super[1].age, 90);
  EXPECT_EQ(super[1].sex, Sex::male);
  EXPECT_EQ(read(rows, PtbxlLabels::statements)[0].labels, (Labels{"IMI", "AMI", "SR"}));
}

TEST_F(PtbXl, RefusesDamage) {
  const std::pair<std::string, std::string> damaged[] = {
      {"1,1,5,0,{'XX': 1},3,1,x\n", "ptbxl_database.csv:2: statement 'XX' is not in scp_statements.csv"},
      {"1,1,5,0,{},11,1,x\n", "strat_fold '11'"},
      {"1,1,5,2,{},3,1,x\n", "sex (0 male, 1 female) '2'"},
      {"1,1,-5,0,{},3,1,x\n", "age '-5'"},
      {"1,1e9,5,0,{},3,1,x\n", "patient_id '1e9'"},
      {"1,1,5,0,{},3,3,x\n", "names recording '3', but there is no"},
      {"1,1,5,0,{},3,../1,x\n", "leads out of the folder"},
      {"1,1,5,0,{},3,/1,x\n", "leads out of the folder"},
      {"1,1,5,0,{},3,1,x\n1,1,5,0,{},3,1,x\n", "recording 1 is listed twice"},
  };
  for (const auto& [rows, says] : damaged) {
    expect_error([&, &r = rows] { read(r, PtbxlLabels::superclass); }, says);
  }
  folder_.write("ptbxl_database.csv", "ecg_id,patient_id\n1,2\n");
  expect_error([&] { read_ptbxl(folder_.path(), PtbxlLabels::superclass); }, "no column age");
}

// The counts in the data's README, which were computed with another program.
TEST(PtbXlData, HasThePublishedCounts) {
  const auto data = real_data("ptbxl-500");
  if (!data) {
    GTEST_SKIP() << "NOT TESTED on PTB-XL: SEC_DATA is not set";
  }
  const Recordings recordings = read_ptbxl(*data, PtbxlLabels::superclass);
  ASSERT_EQ(recordings.size(), 500U);
  std::map<std::string, int> counts;
  std::map<std::string, int> patient_folds;
  for (const LabelledRecording& r : recordings) {
    for (const std::string& label : r.labels) {
      ++counts[label];
    }
    // All recordings of a patient are in one fold.
    EXPECT_EQ(patient_folds.try_emplace(r.patient, r.fold).first->second, r.fold);
  }
  EXPECT_EQ(counts,
            (std::map<std::string, int>{{"NORM", 297}, {"STTC", 96}, {"CD", 78}, {"MI", 73}, {"HYP", 40}}));
  EXPECT_EQ(patient_folds.size(), 466U);
}

TEST(TianchiLabels, ReadsWhatTheContestHas) {
  const TemporaryFolder folder;
  folder.write("1.txt", "");
  folder.write("2.txt", "");
  folder.write("3.txt", "");
  const auto labels =
      folder.write("labels", "1.txt\t\t\t\xE7\xAA\xA6\tQRS\t\t\t\r\n\n2.txt\t127\tMALE\tQRS\tQRS\t\n3.txt");
  const Recordings recordings = read_tianchi_labels(labels, folder.path());
  ASSERT_EQ(recordings.size(), 3U);
  EXPECT_EQ(recordings[0].id, "1");
  EXPECT_TRUE(std::isnan(recordings[0].age));
  EXPECT_EQ(recordings[0].sex, Sex::unknown);
  EXPECT_EQ(recordings[0].labels, (Labels{"\xE7\xAA\xA6", "QRS"}));
  EXPECT_EQ(recordings[1].age, 127);
  EXPECT_EQ(recordings[1].sex, Sex::male);
  EXPECT_EQ(recordings[1].labels, Labels{"QRS"});
  EXPECT_TRUE(recordings[2].labels.empty());
}

TEST(TianchiLabels, RefusesDamage) {
  const TemporaryFolder folder;
  folder.write("1.txt", "");
  const std::pair<std::string, std::string> damaged[] = {
      {"", "names no recording"},
      {"1.txt\t5\n2.txt\t7\n", "labels:2: names recording '2.txt', but there is no"},
      {"1.txt\n1.txt\n", "recording 1 is listed twice"},
      {"\t5\tMALE\tQRS\n", "labels:1: recording ''"},
      {"../1.txt\n", "leads out of the folder"},
      {"1.txt\tx\n", "labels:1: age 'x'"},
      {"1.txt\t5\tCAT\n", "labels:1: sex 'CAT'"},
      {"1.txt\t5\tMALE\t\tQRS\n", "labels:1: label ''"},
      {"1.txt\t5\tMALE\tQ\x01\n", "labels:1: label 'Q?'"},
      {"1.txt\t5\tMALE\t\xE7\xAA\n", "not UTF-8"},
  };
  for (const auto& [text, says] : damaged) {
    const auto labels = folder.write("labels", text);
    expect_error([&] { read_tianchi_labels(labels, folder.path()); }, says);
  }
  EXPECT_EQ(read_class_list(folder.write("classes", "A\n\n B \r\n")), (Labels{"A", "B"}));
  expect_error([&] { read_class_list(folder.write("classes", "A\nA\n")); },
               "classes:2: class A appears twice");
  expect_error([&] { read_class_list(folder.write("classes", "\n")); }, "names no class");
}

// Compares the contest's own label files with the published counts. Empty files stand in for the signals.
TEST(TianchiLabels, ReadsTheRealFiles) {
  const auto data = real_data("tianchi-hefei/labels");
  if (!data) {
    GTEST_SKIP() << "NOT TESTED on the contest's labels: SEC_DATA is not set";
  }
  EXPECT_EQ(read_class_list(*data / "hf_round2_arrythmia.txt").size(), 34U);
  const TemporaryFolder folder;
  std::ifstream lines(*data / "hf_round2_train.txt");
  std::string some;
  for (std::string line; some.size() < 20'000 && std::getline(lines, line);) {
    folder.write(line.substr(0, line.find('\t')), "");
    some += line + "\n";
  }
  const auto count = static_cast<std::size_t>(std::ranges::count(some, '\n'));
  EXPECT_EQ(read_tianchi_labels(folder.write("some", some), folder.path()).size(), count);
  expect_error([&] { read_tianchi_labels(*data / "hf_round2_train.txt", folder.path()); }, "but there is no");
}

TEST(Cinc, ReadsHeadersOfBothForms) {
  const TemporaryFolder folder;
  std::filesystem::create_directories(folder / "g1");
  const std::string lead = "A 1 500 5000\nA.mat 16+24 1000/mV 16 0 28 -1716 0 I\n";
  folder.write("g1/B.hea", lead + "#Age: 74\n#Sex: Male\n#Dx: 426783006,164865005\n#Rx: Unknown\n");
  folder.write("A.hea", lead + "# Age: NaN\n# Sex: Female\n# Dx: 270492004\n");
  const Recordings recordings = read_cinc(folder.path());
  ASSERT_EQ(recordings.size(), 2U);
  EXPECT_EQ(recordings[0].id, "A");
  EXPECT_TRUE(std::isnan(recordings[0].age));
  EXPECT_EQ(recordings[0].sex, Sex::female);
  EXPECT_EQ(recordings[0].labels, Labels{"270492004"});
  EXPECT_EQ(recordings[1].id, "g1/B");
  EXPECT_EQ(recordings[1].age, 74);
  EXPECT_EQ(recordings[1].labels, (Labels{"426783006", "164865005"}));
  for (const auto& [comments, says] :
       std::vector<std::pair<std::string, std::string>>{{"#Age: 74\n", "C.hea: no comment '#Dx:'"},
                                                        {"#Dx:\n", "C.hea: Dx: ''"},
                                                        {"#Dx: 1,,2\n", "C.hea: Dx: ''"},
                                                        {"#Dx: AF\n", "C.hea: Dx: 'AF'"},
                                                        {"#Dx: 1\n#Dx: 2\n", "C.hea: Dx appears twice"},
                                                        {"#Dx: 1\n#Age: old\n", "C.hea: age 'old'"},
                                                        {"#Dx: 1\n#Sex: 3\n", "C.hea: sex '3'"}}) {
    folder.write("C.hea", lead + comments);
    expect_error([&] { read_cinc(folder.path()); }, says);
  }
  expect_error([] { read_cinc("/nowhere"); }, "/nowhere: cannot read the folder");
}

// What spreadsheets of different countries write: separators, a byte order mark, capitals, decimal commas.
TEST(LabelTable, ReadsWhatSpreadsheetsWrite) {
  const TemporaryFolder folder;
  folder.write("a.csv", "");
  folder.write("b.csv", "");
  for (const char* text :
       {"\xEF\xBB\xBF"
        "file;labels;age;sex\r\na.csv;NORM;56,5;F\r\nb.csv;MI|CD;19,0;M\r\n",
        "File,Labels,Age,Sex\na.csv,NORM,56.5,F\nb.csv,MI;CD,19,M\n",
        "FILE\t LABELS \tAGE\tSEX\na.csv\tNORM\t56,5\tf\nb.csv\tMI; CD\t19\tMale\n",
        "sex,age,note,labels,file\nF,56.5,\"a;b;c;d;e\",NORM,a.csv\nM,19.0,,MI|CD|MI,b.csv\n"}) {
    for (const char* name : {"t.csv", "t.txt"}) {
      const Recordings read = read_label_table(folder.write(name, text), folder.path());
      ASSERT_EQ(read.size(), 2U) << text;
      EXPECT_EQ(read[0].id, "a.csv") << text;
      EXPECT_EQ(read[0].labels, Labels{"NORM"}) << text;
      EXPECT_EQ(read[0].age, 56.5) << text;
      EXPECT_EQ(read[0].sex, Sex::female) << text;
      EXPECT_EQ(read[1].labels, (Labels{"MI", "CD"})) << text;
      EXPECT_EQ(read[1].age, 19) << text;
    }
  }
  // Where two names differ only in case, the one that is spelled as asked is meant.
  EXPECT_EQ(parse_text_table("File,file\nx,y\n", ',', "t").column("file"), 1U);
}

// The right answers follow from the rule: quoted text does not count, and numbers with decimal commas need another separator.
TEST(TextTable, TellsTheSeparator) {
  for (const auto& [line, separator] : std::vector<std::pair<std::string, char>>{{"file", ','},
                                                                                 {"a,b", ','},
                                                                                 {"a;b", ';'},
                                                                                 {"a\tb", '\t'},
                                                                                 {"a,\"b;c;d\",e", ','},
                                                                                 {"a,b;c,d", ','},
                                                                                 {"0,01;-0,5", ';'},
                                                                                 {"0,01;-0,5;1", ';'},
                                                                                 {"0,1\t2\t3,5e-1\r", '\t'},
                                                                                 {"time,s;I;II", ';'},
                                                                                 {"1,2,3;4", ','}}) {
    EXPECT_EQ(separator_of(line), separator) << line;
  }
}

TEST(LabelTable, ReadsWhatIsThere) {
  const TemporaryFolder folder;
  folder.write("a.hea", "");
  folder.write("b.csv", "");
  const Recordings full = read_label_table(
      folder.write("t.csv", "patient,file,labels,fold,age,sex,more\nP1,a,AF|PVC,3,50,F,x\n,b.csv,,,,,\n"),
      folder.path());
  ASSERT_EQ(full.size(), 2U);
  EXPECT_EQ(full[0].patient, "P1");
  EXPECT_EQ(full[0].labels, (Labels{"AF", "PVC"}));
  EXPECT_EQ(full[0].fold, 3);
  EXPECT_EQ(full[0].sex, Sex::female);
  EXPECT_TRUE(full[1].labels.empty());
  EXPECT_EQ(full[1].fold, 0);
  EXPECT_EQ(read_label_table(folder.write("t.tsv", "file\tlabels\na\tx y\n"), folder.path())[0].labels,
            Labels{"x y"});
  for (const auto& [rows, says] : std::vector<std::pair<std::string, std::string>>{
           {"file,x\na,b\n", "no column labels"},
           {"file,labels\na,AF|\n", "t.csv:2: label ''"},
           {"file,labels\na,\"AF,PVC\"\n",
            "t.csv:2: label 'AF,PVC' holds a comma, expected | or ; between labels"},
           {"file;labels\na;AF,PVC\n", "t.csv:2: label 'AF,PVC' holds a comma"},
           {"file,labels\na,AF\na,Caf\xe9\n", "t.csv:3: not UTF-8 text: spreadsheets write UTF-8 as"},
           {std::string("\xff\xfe"
                        "f\0i\0",
                        6),
            "t.csv: UTF-16 text, expected UTF-8"},
           {"file,labels\nc,AF\n", "t.csv:2: names recording 'c', but there is no"},
           {"file,labels\n\"a\nb\",AF\n", "t.csv:2: recording 'a?b'"},
           {"file,labels,fold\na,AF,0\n", "fold '0'"},
           {"file,labels,patient\na,AF,\"1\n2\"\n", "patient '1?2' holds control"}}) {
    expect_error([&, &r = rows] { read_label_table(folder.write("t.csv", r), folder.path()); }, says);
  }
}

}  // namespace
}  // namespace sec::io
