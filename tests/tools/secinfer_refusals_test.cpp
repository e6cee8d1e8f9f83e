// What secinfer refuses, warns of and survives: wrong usage, damaged recordings and models, lost outputs.
#include <cstdlib>
#include <random>

#include "io/databases/open_recording.h"
#include "io/edf/writer.h"
#include "io/models/safetensors.h"
#include "io/recording/annotation_codes.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_writer.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/header.h"
#include "tests/tools/run_secinfer.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::content_of;
using nlohmann::json;

TEST_F(Secinfer, RefusesWrongUsage) {
  for (const char* arguments :
       {"", "--no-such-option", "--device gpu 100", "--annotator a.b 100", "--live 100", "--live -", "-",
        "--live --rate 360 -", "--rate 360 100", "--precision f16 100",
        "--live --rate 360 --leads MLII,V1 --out x -", "--live --rate nan --leads MLII,V1 -",
        "--live --rate inf --leads MLII,V1 -", "--live --rate 360 --leads MLII,V1 --input i16 --gain nan -",
        "--live --rate 360 --leads MLII,V1 --wait nan -",
        "--live --rate 360 --leads MLII,V1 --wait -nan -"}) {
    EXPECT_EQ(secinfer(arguments).status, 2) << arguments;
  }
  expect_failure("--device cpu --tiles t " + record("100"), 1,
                 "--tiles t: the cpu device has no tiles to choose; cuda and simt have");
  expect_failure("--device simt --tiles /nowhere/t " + record("100"), 1, "/nowhere/t");
  expect_failure("--leads MLII " + record("100"), 2, "names 1 lead, the model reads 2");
  expect_failure("--qrs-leads V9 " + record("100"), 2, "--qrs-leads V9: not among the leads read");
}

TEST_F(Secinfer, NamesWhatIsWrongWithTheModel) {
  const auto with_model = [&](const std::string& model) {
    const Outcome run =
        run_program(std::string(SECINFER) + " --model " + model + " " + record("100"), folder_.path());
    EXPECT_EQ(run.status, 1);
    return run.error;
  };
  EXPECT_NE(with_model(path("none")).find("none: no such file: expected a run folder"), std::string::npos);
  EXPECT_NE(with_model(record("100.hea")).find("100.hea: "), std::string::npos);
  io::SafetensorsFile file = io::read_safetensors(folder_ / "best.safetensors");
  file.metadata["recipe"] = to_toml(tiny_recipe({"data.after=0.9"}));
  io::write_safetensors(folder_ / "other.safetensors", file);
  EXPECT_NE(with_model(path("other.safetensors")).find("its recipe describes"), std::string::npos);
}

TEST_F(Secinfer, NamesWhatIsWrongWithTheRecording) {
  expect_failure(record("999"), 1, "999.hea");
  expect_failure("--annotations nix " + record("100"), 1, "100.nix");
  expect_failure("--leads MLII " + record("100"), 2,
                 "--leads MLII: names 1 lead, the model reads 2 (MLII, other)");
  expect_failure("--leads MLII,V9 " + record("100"), 1, "no lead 'V9'; its leads: ");
  const std::vector<float> second(360, 0.0F);
  expect_failure(write_record("short", {second, second}), 1, "1.00 s long, the network's window is 2 s");
  expect_failure(write_record("single", {second}), 1,
                 "2 leads are asked for (MLII, other), the record has 1 (");
  write_record("cut", {std::vector<float>(3600), std::vector<float>(3600)});
  fs::resize_file(path("cut.dat"), 7000);
  expect_failure(path("cut"), 1, "truncated: 3600 samples per signal expected, 1750 found");
  std::vector<float> steps(3600);
  steps[0] = 0.5F;  // the checksum is 100
  std::string changed = content_of(write_record("changed", {steps, steps}) + ".dat");
  changed[5000] = 1;
  folder_.write("changed.dat", changed);
  expect_failure(path("changed"), 1, "checksum of the samples is 101, the header says 100");
  const Outcome unverified = secinfer("--no-verify --json --quiet " + path("changed"));
  EXPECT_EQ(unverified.status, 0) << unverified.error;
  EXPECT_EQ(unverified.error.find("checksum"), std::string::npos) << unverified.error;
}

// Public data sets hold 0 where a checksum belongs. Such a header proves nothing and refuses nothing.
TEST_F(Secinfer, AChecksumOfZeroIsAPlaceholder) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  const std::string file = write_record("zero", {recording.signals[0], recording.signals[1]});
  const std::string good = secinfer("--json --quiet " + file).out;
  io::WfdbHeader header = io::read_wfdb_header(file + ".hea");
  std::string text = content_of(file + ".hea");
  for (const io::WfdbSignal& signal : header.signals) {
    const std::string sum = " " + std::to_string(*signal.checksum) + " ";
    ASSERT_NE(text.find(sum), std::string::npos) << text;
    text.replace(text.find(sum), sum.size(), " 0 ");
  }
  folder_.write("zero.hea", text);
  const Outcome run = secinfer("--json --quiet " + file);
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out, good);
  EXPECT_NE(run.error.find("warning: "), std::string::npos);
  EXPECT_NE(run.error.find("the header's checksum is 0, a placeholder"), std::string::npos) << run.error;
}

// Annotations after the last sample are passed over with a warning, as WFDB's programs do.
TEST_F(Secinfer, BeatsAfterTheLastSampleAreLeftOut) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  const std::string file = write_record("late", {recording.signals[0], recording.signals[1]});
  std::vector<io::Annotation> beats = io::read_annotations(tiny_database() / "100.atr", 360);
  io::write_annotations(file + ".atr", beats);
  const std::string all = secinfer("--annotations atr --json --quiet " + file).out;
  io::Annotation late = beats.back();
  late.sample = recording.samples() + 1;
  beats.push_back(late);
  io::write_annotations(file + ".atr", beats);
  const Outcome run = secinfer("--annotations atr --json --quiet " + file);
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out, all);
  EXPECT_NE(run.error.find("1 beat(s) annotated outside the record's 21600 samples are left out"),
            std::string::npos)
      << run.error;
}

// Progress that nobody can read does not end a program.
TEST_F(Secinfer, SurvivesAStandardErrorThatIsClosedOrFull) {
  const std::string good = secinfer("--json " + record("100")).out;
  for (const std::string how : {"2>&-", "2>/dev/full"}) {
    const Outcome run = run_program("sh -c '" SECINFER " --model " + folder_.path().string() + " --json " +
                                        record("100") + " " + how + "'",
                                    folder_.path());
    EXPECT_EQ(run.status, 0) << how;
    EXPECT_EQ(run.out, good) << how;
    const Outcome failed =
        run_program("sh -c '" SECINFER " --model nowhere " + record("100") + " " + how + "'", folder_.path());
    EXPECT_EQ(failed.status, 1) << how;
  }
}

// Leads without a signal are reported; if beats are detected in such a lead, none are found.
TEST_F(Secinfer, DeadLeads) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  const std::vector<float> alive = recording.signals[0];
  const std::vector<float> none(alive.size(), std::nanf(""));
  const std::vector<float> flat(alive.size(), 0.5F);
  const std::size_t beats = lines_of(secinfer("--json " + record("100")).out).size();

  Outcome run = secinfer("--json --quiet " + write_record("half", {alive, none}));
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.error, "warning: half: lead V1 has no valid sample\n");
  EXPECT_EQ(lines_of(run.out).size(), beats);
  for (const json& line : lines_of(run.out)) {
    EXPECT_TRUE(line["logits"][0].is_number());
  }
  run = secinfer("--json --quiet " + write_record("dead", {none, alive}));
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(run.error, "warning: dead: lead MLII has no valid sample\nwarning: dead: no beat was found\n");
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(lines_of(secinfer("--json --quiet --qrs-leads MLII,V1 " + path("dead")).out).size(), beats);
  run = secinfer("--quiet " + write_record("flat", {flat, flat}));
  EXPECT_EQ(run.status, 0);
  EXPECT_NE(run.error.find("lead MLII is flat"), std::string::npos);
  EXPECT_NE(run.error.find("no beat was found"), std::string::npos);
}

// Leads that show something, but no electrocardiogram, are reported, from a file and from a pipe.
TEST_F(Secinfer, LeadsWithoutAnElectrocardiogram) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  std::vector<float> late = recording.signals[0];
  std::fill(late.begin(), late.begin() + std::ssize(late) / 5, 0.1F);
  std::vector<float> noise(late.size());
  std::mt19937 random(1);
  for (float& value : noise) {
    value = static_cast<float>(random() % 1000) / 1000;
  }
  std::vector<float> cut = recording.signals[1];
  for (float& value : cut) {
    value = std::clamp(value, -0.2F, 0.2F);
  }
  const Outcome run = secinfer("--quiet " + write_record("late", {late, noise}));
  EXPECT_EQ(run.status, 0);
  EXPECT_EQ(
      run.error,
      "warning: late: lead MLII is flat for 20 % of the time\nwarning: late: lead V1 shows no QRS complexes that "
      "stand out for 100 % of the time: noise, or ventricular flutter\n");
  const std::string error = secinfer("--quiet " + write_record("cut", {recording.signals[0], cut})).error;
  EXPECT_NE(error.find("lead V1 is saturated: "), std::string::npos) << error;
  std::string frames;
  for (std::size_t i = 0; i < late.size(); ++i) {
    frames += fmt::format("{},{}\n", recording.signals[0][i], noise[i]);
  }
  folder_.write("frames", frames);
  const Outcome live = secinfer("--quiet --live --rate 360 --leads MLII,V1 - <" + path("frames"));
  EXPECT_EQ(
      live.error,
      "warning: standard input: lead V1 shows no QRS complexes that stand out for 100 % of the time: noise, or "
      "ventricular flutter\n");
}

TEST_F(Secinfer, FullDisk) {
  const int status = std::system((std::string(SECINFER) + " --model " + folder_.path().string() +
                                  " --json --quiet " + record("100") + " >/dev/full 2>" + path("stderr"))
                                     .c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_NE(content_of(path("stderr")).find("standard output: cannot write: No space left"),
            std::string::npos);
  const Outcome run =
      secinfer("--quiet --out " + path("full") + " " + record("100") + " " + record("106"), "ulimit -f 0; ");
  EXPECT_NE(run.status, 0);
  EXPECT_FALSE(fs::exists(folder_ / "full" / "100.sec"));
}

// The rule of names is that of training, and of every other program.
TEST_F(Secinfer, FindsLeadsByAnyOfTheirNames) {
  const Outcome named = secinfer("--json --quiet --leads MLII,V5 " + record("100"));
  ASSERT_EQ(named.status, 0) << named.error;
  const Outcome other =
      secinfer("--json --quiet --leads 'ecg mlii,V5-REF' --qrs-leads mlii " + record("100"));
  EXPECT_EQ(other.out, named.out) << other.error;
  expect_failure("--leads MLII,mlii " + record("100"), 1, "lead mlii is asked for twice");
  // The only lead of a recording may stand for both of the model's, with a warning.
  const auto first = io::read_record(tiny_database(), "100").signals[0];
  const Outcome alone = secinfer("--json --quiet --leads mlii,MLII " + write_record("alone", {first}));
  ASSERT_EQ(alone.status, 0) << alone.error;
  EXPECT_NE(alone.error.find("warning: " + path("alone") +
                             ".hea: lead MLII stands for 2 leads of the model (MLII, other)"),
            std::string::npos)
      << alone.error;
  const Outcome copied = secinfer("--json --quiet " + write_record("copied", {first, first}));
  const auto decisions = [&](const Outcome& run) {
    auto lines = lines_of(run.out);
    for (auto& line : lines) {
      line.erase("record");
    }
    return lines;
  };
  EXPECT_EQ(decisions(alone), decisions(copied));
  const auto source = io::open_recording(record("100"));
  io::write_csv(folder_ / "twice.csv", *source);
  std::string table = content_of(folder_ / "twice.csv");
  table.replace(table.find("MLII,V5"), 7, "MLII,Lead MLII");
  folder_.write("twice.csv", table);
  EXPECT_EQ(secinfer("--json --quiet --leads MLII,mlii#2 " + path("twice.csv")).status, 0);
  expect_failure("--leads mlii,other " + path("twice.csv"), 1, "2 leads are called 'mlii' (MLII, Lead MLII)");
  folder_.write("frames", "V5,MLII\n1,2\n");
  expect_failure("--live --rate 360 --leads MLII,V5 - <" + path("frames"), 1,
                 "line 1: column 1 is V5, but --leads names it as column 2");
}

// A table without units holds mV. One in microvolts is a thousand times too large.
TEST_F(Secinfer, WarnsOfMicrovoltsTakenForMillivolts) {
  const auto source = io::open_recording(record("100"));
  std::vector<std::vector<float>> signals(source->info().leads.size());
  std::vector<std::span<float>> spans;
  for (std::vector<float>& signal : signals) {
    signal.resize(static_cast<std::size_t>(source->info().samples));
    spans.emplace_back(signal);
  }
  source->read(0, source->info().samples, spans);
  std::string table = "MLII,V1\n";
  for (std::size_t i = 0; i < signals[0].size(); ++i) {
    table += fmt::format("{:.0f},{:.0f}\n", 1000 * signals[0][i], 1000 * signals[1][i]);
  }
  folder_.write("wrong.csv", table);
  folder_.write("wrong.csv.json", R"({"rate": 360})");
  const Outcome wrong = secinfer("--json --quiet " + path("wrong.csv"));
  EXPECT_EQ(wrong.status, 0);
  EXPECT_NE(wrong.error.find("warning: wrong: an amplitude of "), std::string::npos) << wrong.error;
  EXPECT_NE(wrong.error.find("probably uV"), std::string::npos) << wrong.error;
  const Outcome live = secinfer("--json --quiet --live --rate 360 --leads MLII,V1 - <" + path("wrong.csv"));
  EXPECT_NE(live.error.find("warning: standard input: an amplitude of "), std::string::npos) << live.error;
  folder_.write("right.csv", table);
  folder_.write("right.csv.json", R"({"rate": 360, "units": "uV"})");
  EXPECT_EQ(secinfer("--json --quiet " + path("right.csv")).error, "");
}

TEST_F(Secinfer, RecordingsOfOneNameDoNotReplaceEachOther) {
  for (const char* extension : {".hea", ".dat", ".atr"}) {
    fs::copy_file(record("100") + extension, folder_ / (std::string("100") + extension));
  }
  const Outcome run =
      secinfer("--quiet --overwrite --out " + path("both") + " " + record("100") + " " + path("100"));
  EXPECT_EQ(run.status, 1);
  EXPECT_NE(run.error.find("100.sec: is that of another recording of this run"), std::string::npos)
      << run.error;
}

// A recording that cannot be read does not keep the others from being classified; what failed is listed at the end.
TEST_F(Secinfer, GoesOnAfterARecordingThatFails) {
  const std::string good = secinfer("--quiet --json " + record("100") + " " + record("101")).out;
  folder_.write("damaged.csv", "time_s,MLII,V1\n0,1,2\n0.01,x,2\n");
  const std::string several =
      record("100") + " " + path("none") + " " + record("101") + " " + path("damaged.csv");
  const Outcome run = secinfer("--quiet --json " + several);
  EXPECT_EQ(run.status, 1);
  EXPECT_EQ(run.out, good);
  EXPECT_EQ(std::ranges::count(run.error, '\n'), 3) << run.error;
  EXPECT_NE(run.error.find("none.hea: "), std::string::npos) << run.error;
  EXPECT_TRUE(run.error.ends_with("secinfer: 2 of 4 recordings failed: " + path("none") + ", " +
                                  path("damaged.csv") + "\n"))
      << run.error;
  // The output of good recordings is whole, that of bad ones is not there.
  const Outcome files = secinfer("--quiet --out " + path("found") + " " + several);
  EXPECT_EQ(files.status, 1);
  EXPECT_TRUE(fs::exists(path("found") + "/101.sec"));
  EXPECT_FALSE(fs::exists(path("found") + "/damaged.sec"));
  // Output that cannot be written ends the run.
  const Outcome full = run_program("sh -c '" SECINFER " --model " + folder_.path().string() +
                                       " --quiet --json " + several + " >/dev/full'",
                                   folder_.path());
  EXPECT_EQ(full.status, 1);
  EXPECT_EQ(full.error.find("recordings failed"), std::string::npos) << full.error;
  // Wrong usage stays wrong usage.
  EXPECT_EQ(secinfer("--qrs-leads V9 " + several).status, 2);
}

// Beats that a table beside the recording marks, instead of beats that are looked for.
TEST_F(Secinfer, ClassifiesTheBeatsOfAnAnnotationTable) {
  const std::string as_annotated = secinfer("--quiet --json --annotations atr " + record("100")).out;
  std::string table = "sample,symbol\n";
  for (const io::Annotation& annotation : io::read_annotations(record("100") + ".atr")) {
    table += std::to_string(annotation.sample) + "," + io::symbol_of(annotation.code) + "\n";
  }
  for (const char* extension : {".hea", ".dat"}) {
    fs::copy_file(record("100") + extension, folder_ / (std::string("100") + extension));
  }
  folder_.write("100.annotations.csv", table);
  const Outcome run = secinfer("--quiet --json --annotations annotations.csv " + path("100"));
  EXPECT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.out, as_annotated);
}

// The folder of --out may be that of the recording.
TEST_F(Secinfer, APartOfTheRecordingIsNotReplaced) {
  for (const char* extension : {".hea", ".dat", ".atr"}) {
    fs::copy_file(record("100") + extension, folder_ / (std::string("100") + extension));
  }
  fs::create_directory(folder_ / "out");
  fs::create_symlink(folder_ / "100.dat", folder_ / "out/100.sec");
  const std::string samples = content_of(folder_ / "100.dat");
  expect_failure("--quiet --overwrite --out " + path("out") + " " + path("100"), 1,
                 "100.sec: is a part of the recording");
  expect_failure("--quiet --overwrite --annotator atr --out " + folder_.path().string() + " " + path("100"),
                 1, "100.atr: is a part of the recording");
  EXPECT_EQ(secinfer("--quiet --overwrite --annotator dat --out " + path("out") + " " + path("100")).status,
            2);
  EXPECT_TRUE(content_of(folder_ / "100.dat") == samples);
}

TEST_F(Secinfer, RefusesFramesThatItCannotRead) {
  const auto fed = [&](const std::string& input, const std::string& more, const std::string& part) {
    folder_.write("frames", input);
    expect_failure("--live --rate 360 --leads MLII,V1 " + more + " - <" + path("frames"), 1, part);
  };
  fed("MLII,V1\n1,2\n1\n", "", "line 3: 1 numbers, expected 2");
  fed("1,2\n1,x\n", "", "line 2: '1,x' is no list of numbers");
  fed(std::string(7, 'a'), "--input f32", "ends within a frame of 2 leads");
  fed(std::string(100000, '1'), "", "line 1: longer than 65536 bytes");
}

}  // namespace
}  // namespace sec::train
