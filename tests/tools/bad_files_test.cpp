// Files that are refused before they are read, and errors of the system and of the C++ library: every program says in one
// line what is wrong.
#include <algorithm>

#include "tests/io/files.h"
#include "tests/run_program.h"
#include "tests/train/model_file.h"
#include "tests/train/tiny_run.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::content_of;

class BadFiles : public testing::Test {
 protected:
  void SetUp() override {
    for (const char* extension : {".hea", ".dat", ".atr"}) {
      fs::copy(tiny_database() / ("100" + std::string(extension)),
               folder_ / ("100" + std::string(extension)));
    }
    folder_.write("tiny.toml", tiny_recipe_text);
    write_model(folder_ / "model.safetensors", tiny_recipe(), {0, 0});
  }

  std::string path(const std::string& name) const { return (folder_ / name).string(); }

  // Runs a program with at most 2 GB of memory, so that it cannot read a file of 100 GB. Expects that it fails with one
  // line that begins with its name and contains `part`.
  void expect_refusal(const std::string& program, const std::string& arguments, const std::string& part,
                      int status = 1) const {
    const Outcome run = run_program("ulimit -v 2000000; " + program + " " + arguments, folder_.path());
    const std::string name = fs::path(program).filename();
    std::string error = run.error;
    while (error.starts_with("warning: ")) {
      error.erase(0, error.find('\n') + 1);
    }
    EXPECT_EQ(run.status, status) << arguments << ": " << run.error;
    EXPECT_TRUE(error.starts_with(name + ": ")) << arguments << ": " << run.error;
    EXPECT_EQ(std::ranges::count(error, '\n'), 1) << arguments << ": " << run.error;
    EXPECT_NE(error.find(part), std::string::npos) << arguments << ": " << run.error;
  }

  // Makes the file 100 GB long. It stays small on the disk, as the added part has no blocks.
  void make_absurd(const std::string& name) const { fs::resize_file(folder_ / name, 100'000'000'000); }

  std::string training(const std::string& more) const {
    return "--quiet --threads 1 --data " + tiny_database().string() + " --out " + path("run") + " " + more;
  }

  io::TemporaryFolder folder_;
};

TEST_F(BadFiles, AnnotationsOfAbsurdSizeAreRefused) {
  make_absurd("100.atr");
  const std::string says = "100.atr: 100000000000 bytes, expected at most 64000000";
  const std::string record = path("100");
  expect_refusal(SECDATA, "info " + record, says);
  expect_refusal(SECDATA, "dump --annotations " + record, says);
  expect_refusal(SECDATA, "verify --json " + record, says);
  expect_refusal(SECDATA, "convert " + record + " " + path("x.edf"), says);
  expect_refusal(SECDATA, "score " + record + ".atr " + record + ".atr", says);
  expect_refusal(SECINFER, "--model " + path("model.safetensors") + " --annotations atr " + record, says);
  fs::copy(tiny_database(), folder_ / "db");
  make_absurd("db/101.atr");
  expect_refusal(SECTRAIN,
                 "--quiet --config " + path("tiny.toml") + " --data " + path("db") + " --out " + path("run"),
                 "101.atr: 100000000000 bytes, expected at most 64000000");
}

TEST_F(BadFiles, RecipesAndListsOfAbsurdSizeAreRefused) {
  folder_.write("outer.toml", "base = \"tiny.toml\"\n");
  folder_.write("split.csv", "101,train\n");
  folder_.write("tiles.toml", "device = \"simt\"\n");
  make_absurd("split.csv");
  make_absurd("tiles.toml");
  expect_refusal(SECTRAIN,
                 training("--config " + path("tiny.toml") +
                          " --set data.protocol=file --set data.split_file=" + path("split.csv")),
                 "split.csv: 100000000000 bytes, expected at most 1000000");
  expect_refusal(SECINFER,
                 "--model " + path("model.safetensors") + " --device simt --tiles " + path("tiles.toml") +
                     " " + path("100"),
                 "tiles.toml: 100000000000 bytes, expected at most");
  make_absurd("tiny.toml");
  for (const char* recipe : {"tiny.toml", "outer.toml"}) {
    expect_refusal(SECTRAIN, training("--config " + path(recipe)),
                   "tiny.toml: 100000000000 bytes, expected at most 4000000");
  }
  folder_.write("RECORDS", "100\n");
  make_absurd("RECORDS");
  expect_refusal(SECDATA, "verify " + folder_.path().string(),
                 "RECORDS: 100000000000 bytes, expected at most");
}

TEST_F(BadFiles, ModelsAndRunsOfAbsurdSizeAreRefused) {
  const std::string says = ".safetensors: 100000000000 bytes, expected at most 16000000000";
  const std::string model = path("model.safetensors");
  const std::string start = training("--config " + path("tiny.toml") + " --set train.epochs=1 ");
  ASSERT_EQ(run_program(SECTRAIN " " + start, folder_.path()).status, 0);
  make_absurd("model.safetensors");
  expect_refusal(SECINFER, "--model " + model + " " + path("100"), says);
  for (const char* command : {"import ", "export ", "onnx "}) {
    expect_refusal(SECMODEL, command + model + " --out " + path("out"), says);
  }
  expect_refusal(SECMODEL, "summary " + model, says);
  expect_refusal(SECMODEL, "predict " + path("run/best.safetensors") + " " + model, says);
  expect_refusal(SECTRAIN, start + "--overwrite --init " + model, says);
  make_absurd("run/log.jsonl");
  expect_refusal(SECTRAIN, training("--resume"),
                 "log.jsonl: 100000000000 bytes, expected at most 2000000000");
  make_absurd("run/best.safetensors");
  expect_refusal(SECTRAIN, training("--resume"), "best" + says);
  make_absurd("run/last.safetensors");
  expect_refusal(SECTRAIN, training("--resume"), "last" + says);
}

TEST_F(BadFiles, ErrorsOfTheSystemAndOfLibrariesAreClear) {
  fs::create_symlink("loop.npy", folder_ / "loop.npy");
  expect_refusal(SECDATA, "verify " + path("loop.npy"),
                 path("loop.npy") + ": Too many levels of symbolic links");
  const std::string header = R"({"x":{"dtype":"F32","shape":[1e999],"data_offsets":[0,4]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(header.size());
  folder_.write("x.safetensors", bytes + header + "1234");
  expect_refusal(SECMODEL, "summary " + path("x.safetensors") + " --length 64",
                 path("x.safetensors") + ": header has a number that is too large");
}

TEST_F(BadFiles, BytesOfFilesDoNotReachTheTerminal) {
  const std::string header = content_of(folder_ / "100.hea");
  folder_.write("100.hea", "100 2 36\xFF\x1b[31m0 21600\n" + header.substr(header.find('\n') + 1));
  expect_refusal(SECDATA, "info " + path("100"), "sampling rate is '36??[31m0'");
  folder_.write("100.hea", "100 2 " + std::string(100'000, '3') + "x 21600\n");
  const Outcome run = run_program(SECDATA " info " + path("100"), folder_.path());
  EXPECT_LT(run.error.size(), 2000U);
  EXPECT_NE(run.error.find("3x', expected"), std::string::npos) << run.error;
  folder_.write("100.hea", header);
  folder_.write("RECORDS", "no\x1bne\xFF\n");
  const Outcome verify = run_program(SECDATA " verify " + folder_.path().string(), folder_.path());
  EXPECT_EQ(verify.status, 1);
  EXPECT_NE((verify.out + verify.error).find("names 'no?ne?', which is not there"), std::string::npos)
      << verify.out << verify.error;
}

// An error that cannot be told is still an exit status, and not a death by a signal.
TEST_F(BadFiles, EveryProgramSurvivesAStandardErrorThatIsClosedOrFull) {
  const std::pair<std::string, int> commands[] = {
      {std::string(SECDATA) + " info " + path("none"), 1},
      {std::string(SECMODEL) + " summary " + path("none"), 1},
      {std::string(SECINFER) + " --model " + path("none") + " " + path("100"), 1},
      {std::string(SECTRAIN) + " " + training("--config " + path("none")), 1},
      {std::string(SECTRAIN) + " --none", 2},
      {std::string(SECTRAIN) + " --threads 1 --set train.epochs=1 --data " + tiny_database().string() +
           " --config " + path("tiny.toml") + " --out " + path("run"),
       0}};
  for (const auto& [command, expected] : commands) {
    for (const std::string how : {" 2>&-", " 2>/dev/full"}) {
      std::filesystem::remove_all(folder_ / "run");
      const int status = std::system((command + " >" + path("out") + how).c_str());
      EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == expected) << command << how << ": " << status;
    }
  }
}

TEST_F(BadFiles, WrongUsageIsOneLine) {
  for (const char* program : {SECTRAIN, SECINFER, SECDATA, SECMODEL}) {
    for (const char* arguments : {"--none", "", "--threads x"}) {
      expect_refusal(program, arguments, " --help)", 2);
    }
  }
  expect_refusal(SECMODEL, "onnx", "MODEL is required (see secmodel onnx --help)", 2);
}

}  // namespace
}  // namespace sec::train
