// What all programs say and how they are asked: usage errors, lists in options, text from files on a terminal, names of
// the wrong thing.
#include <algorithm>

#include "io/files/utf8.h"
#include "io/wfdb/annotation.h"
#include "tests/tools/run_secinfer.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::TemporaryFolder;

Outcome run(const TemporaryFolder& folder, const std::string& command) {
  return run_program(command, folder.path());
}

bool is_one_line(const std::string& text) {
  return std::ranges::count(text, '\n') == 1 && text.ends_with('\n');
}

// No byte of the text makes a terminal do anything but print, begin a line or go to a column.
bool is_harmless(const std::string& text) {
  return io::for_terminal(text) == text;
}

TEST(Words, UsageErrorsAreOneLineWithTheProgramsName) {
  const TemporaryFolder folder;
  for (const auto& [program, command] : std::vector<std::pair<std::string, std::string>>{
           {"secdata", SECDATA}, {"secinfer", SECINFER}, {"secmodel", SECMODEL}, {"sectrain", SECTRAIN}}) {
    for (const char* arguments : {"", " --no-such-option", " onnx", " --threads many"}) {
      const Outcome outcome = run(folder, command + arguments);
      EXPECT_EQ(outcome.status, 2) << program << arguments;
      EXPECT_TRUE(is_one_line(outcome.error)) << outcome.error;
      EXPECT_TRUE(outcome.error.starts_with(program + ": ")) << outcome.error;
      EXPECT_NE(outcome.error.find("(see " + program + " "), std::string::npos) << outcome.error;
      EXPECT_EQ(outcome.out, "");
    }
    const Outcome help = run(folder, command + " --help");
    EXPECT_EQ(help.status, 0);
    EXPECT_NE(help.out.find("Examples:"), std::string::npos);
  }
}

TEST_F(Secinfer, ListsEndWithTheirArgument) {
  const Outcome inferred = secinfer("--json --quiet --leads MLII,V5 --qrs-leads MLII " + record("100"));
  EXPECT_EQ(inferred.status, 0) << inferred.error;
  EXPECT_EQ(inferred.out, secinfer("--json --quiet " + record("100") + " --leads MLII --leads V5").out);
  const auto data = [&](const std::string& arguments) {
    return run_program(SECDATA " " + arguments, folder_.path());
  };
  const Outcome dumped = data("dump --to s2 --leads V5 " + record("100"));
  EXPECT_EQ(dumped.status, 0) << dumped.error;
  EXPECT_TRUE(dumped.out.starts_with("V5\n")) << dumped.out;
  const Outcome scored =
      data("score --reference atr --test atr --start 0 --records 100,101 " + tiny_database().string());
  EXPECT_EQ(scored.status, 0) << scored.error;
  const Outcome made = data("synth --minutes 0.1 --records 100,103 " + path("db"));
  EXPECT_EQ(made.status, 0) << made.error;
  EXPECT_TRUE(fs::exists(folder_ / "db/103.hea"));
  EXPECT_EQ(data("synth --count 1 --minutes 0.1 --mix N=6,V=2 " + path("mixed")).status, 0);
  const Outcome converted = data("convert --leads V5 " + record("100") + " " + path("v1"));
  EXPECT_EQ(converted.status, 0) << converted.error;
  EXPECT_EQ(data("dump --to s1 " + path("v1")).out.substr(0, 3), "V5\n");
}

// Names and comments with commands of a terminal in them reach neither standard output nor standard error.
TEST_F(Secinfer, TextFromFilesCommandsNoTerminal) {
  write_record("r", {std::vector<float>(720, 0.1F), std::vector<float>(720, 0.2F)});
  std::string header = io::content_of(path("r.hea"));
  header.replace(header.find(" V1"), 3, " V1\x1b[31m\u009b2J");
  folder_.write("r.hea", header + "# age\x1b]0;title\x07 \x7f\x9b\n");
  io::write_annotations(folder_ / "r.atr", std::vector<io::Annotation>{{9, 22, 0, 0, 0, "\x1b[2Jx"}});
  for (const char* arguments : {"info", "info --json", "dump", "dump --annotations",
                                "dump --annotations --json", "verify", "verify --json", "dump --leads nix"}) {
    const Outcome outcome =
        run_program(SECDATA " " + std::string(arguments) + " " + path("r"), folder_.path());
    EXPECT_FALSE(outcome.out.empty() && outcome.error.empty()) << arguments;
    EXPECT_TRUE(is_harmless(outcome.out)) << arguments << ": " << outcome.out;
    EXPECT_TRUE(is_harmless(outcome.error)) << arguments << ": " << outcome.error;
  }
  const Outcome inferred = secinfer(path("r"));
  EXPECT_TRUE(is_harmless(inferred.out) && is_harmless(inferred.error)) << inferred.out << inferred.error;
  // JSON keeps the text, escaped.
  const Outcome info = run_program(SECDATA " info --json " + path("r"), folder_.path());
  EXPECT_EQ(nlohmann::json::parse(info.out)["leads"][1]["name"], "V1\x1b[31m\u009b2J");
}

TEST_F(Secinfer, FullOutputsNameTheReason) {
  for (const std::string& command :
       {std::string(SECDATA " info ") + record("100"), std::string(SECTRAIN " --keys"),
        std::string(SECINFER " --json --quiet --model ") + folder_.path().string() + " " + record("100")}) {
    const int status = std::system((command + " >/dev/full 2>" + path("stderr")).c_str());
    EXPECT_EQ(WEXITSTATUS(status), 1) << command;
    const std::string error = io::content_of(path("stderr"));
    EXPECT_NE(error.find("standard output: cannot write: No space left on device"), std::string::npos)
        << error;
  }
}

TEST_F(Secinfer, FoldersArchivesAndPartsAreNamed) {
  folder_.write("db.zip", "PK");
  expect_failure(tiny_database().string(), 1, ": a folder, expected a recording, such as " + record("100"));
  expect_failure(record("100.dat"), 1, "belongs to a WFDB record; name the record, " + record("100"));
  expect_failure(path("db.zip"), 1, "db.zip: an archive; unpack it");
  const Outcome verified = run_program(SECDATA " verify " + path("db.zip"), folder_.path());
  EXPECT_EQ(verified.status, 1);
  EXPECT_NE((verified.out + verified.error).find("an archive; unpack it"), std::string::npos) << verified.out;
}

// data.before = 0.8 and data.after = 0.4 add up to 1.2000000000000002 in binary.
TEST_F(Secinfer, NumbersInMessagesAreRounded) {
  write_model(folder_ / "best.safetensors",
              tiny_recipe({"input.covariates=[\"rhythm\",\"irregularity\"]", "data.before=0.8", "data.after=0.4"}),
              {0, 0});
  const std::vector<float> second(360, 0.0F);
  expect_failure(write_record("short", {second, second}), 1, "1.00 s long, the network's window is 1.2 s\n");
}

// A pipe as spreadsheets write it: a byte order mark, semicolons, decimal commas.
TEST_F(Secinfer, LiveInputMayHaveDecimalCommas) {
  const Outcome dumped = run_program(SECDATA " dump " + record("100"), folder_.path());
  std::string other = "\xef\xbb\xbf" + dumped.out;
  std::ranges::replace(other, ',', ';');
  std::ranges::replace(other, '.', ',');
  folder_.write("plain", dumped.out);
  folder_.write("other", other);
  const auto live = [&](const std::string& file) {
    return secinfer("--live --json --rate 360 --leads MLII,V1 - <" + path(file));
  };
  const Outcome plain = live("plain");
  EXPECT_EQ(plain.status, 0) << plain.error;
  EXPECT_FALSE(plain.out.empty());
  EXPECT_EQ(live("other").out, plain.out);
}

}  // namespace
}  // namespace sec::train
