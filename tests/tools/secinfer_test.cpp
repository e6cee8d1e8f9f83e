// Runs secinfer as a user does: its output, files and errors, and its answers while samples arrive.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <thread>

#include "io/databases/open_recording.h"
#include "io/edf/writer.h"
#include "io/models/safetensors.h"
#include "io/recording/annotation_codes.h"
#include "io/tables/csv_writer.h"
#include "io/tables/npy_writer.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/header.h"
#include "io/wfdb/signal.h"
#include "tests/io/beat_match.h"
#include "tests/tools/run_secinfer.h"
#include "train/data/beat_splits.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// Annotated beats get the same logits as by prediction over the whole record in memory.
TEST_F(Secinfer, GivenBeatsAsInTraining) {
  const Outcome run = secinfer("--json --quiet --annotations atr " + record("100") + " " + record("208.hea"));
  ASSERT_EQ(run.status, 0) << run.error;
  EXPECT_EQ(run.error, "");
  const std::vector<json> lines = lines_of(run.out);
  Model model(folder_.path(), Device::cpu);
  Classifier classifier = model.classifier();
  const BeatDataset inputs(recipe_,
                           load_records(tiny_database(), std::vector<std::string>{"100", "208"}, recipe_));
  const std::vector<ExampleId> beats = inputs.beats(true);
  const Prediction prediction = predict(classifier, inputs, beats);
  ASSERT_EQ(lines.size(), beats.size());
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Beat& beat = inputs.beat(beats[i]);
    EXPECT_EQ(lines[i]["record"], inputs.record(beats[i]).name);
    EXPECT_EQ(lines[i]["sample"], beat.sample);
    EXPECT_NEAR(lines[i]["time_s"].get<double>(), static_cast<double>(beat.sample) / 360, 1e-9);
    EXPECT_EQ(lines[i]["label"], recipe_.classes[static_cast<std::size_t>(prediction.labels[i])]);
    for (std::size_t c = 0; c < 2; ++c) {
      EXPECT_EQ(lines[i]["logits"][c].get<float>(), prediction.logits[2 * i + c]);
    }
  }
}

// Annotations, JSON lines and both forms of the summary agree; results do not depend on the thread count.
TEST_F(Secinfer, OutputsAgree) {
  const Outcome beats = secinfer("--json --threads 1 " + record("106"));
  ASSERT_EQ(beats.status, 0) << beats.error;
  EXPECT_NE(beats.error.find("x real time"), std::string::npos);
  const Outcome written =
      secinfer("--quiet --threads 2 --out " + path("made/here") + " --annotator qrs " + record("106"));
  ASSERT_EQ(written.status, 0) << written.error;
  const std::vector<json> lines = lines_of(beats.out);
  const auto annotations = io::read_annotations(folder_ / "made/here/106.qrs");
  ASSERT_EQ(annotations.size(), lines.size());
  std::map<std::string, int> counts = {{"N", 0}, {"V", 0}};
  std::vector<std::int64_t> peaks;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    EXPECT_EQ(annotations[i].sample, lines[i]["sample"]);
    EXPECT_EQ(io::symbol_of(annotations[i].code), lines[i]["label"]);
    ++counts[lines[i]["label"]];
    peaks.push_back(annotations[i].sample);
  }
  const io::BeatMatch match = io::match_beats(io::read_annotations(record("106.atr")), peaks, 360, 0);
  EXPECT_GT(match.found, 40);
  EXPECT_LE(match.missed + match.extra, 2);

  const Outcome summary = secinfer("--json --summary --quiet " + record("106"));
  ASSERT_EQ(summary.status, 0);
  EXPECT_EQ(json::parse(summary.out)["record"], "106");
  EXPECT_EQ(json::parse(summary.out)["summary"]["beats"], json(counts));
  EXPECT_NE(
      written.out.find(fmt::format("all       {:>9}{:>9}{:>9}\n", counts["N"], counts["V"], lines.size())),
      std::string::npos)
      << written.out;

  expect_failure("--quiet --out " + path("made/here") + " --annotator qrs " + record("106"), 1,
                 "106.qrs: exists; --overwrite replaces it");
  EXPECT_EQ(
      secinfer("--quiet --overwrite --out " + path("made/here") + " --annotator qrs " + record("106")).status,
      0);
}

// A recording gets the same beats and logits from EDF+ as from WFDB, with beats detected or given. Beats
// written as EDF+ equal those written as WFDB annotations.
TEST_F(Secinfer, ReadsAndWritesEdf) {
  const auto source = io::open_recording(record("106"));
  io::write_edf(folder_ / "106.edf", *source, source->annotations());
  for (const std::string given : {"", "--annotations "}) {
    const Outcome wfdb = secinfer("--json " + given + (given.empty() ? "" : "atr ") + record("106"));
    const Outcome edf = secinfer("--json " + given + (given.empty() ? "" : "edf ") + path("106.edf"));
    ASSERT_EQ(edf.status, 0) << edf.error;
    EXPECT_GT(lines_of(edf.out).size(), 40U);
    EXPECT_EQ(edf.out, wfdb.out);
  }

  ASSERT_EQ(secinfer("--quiet --out " + path("made") + " " + record("106")).status, 0);
  ASSERT_EQ(secinfer("--quiet --out " + path("made") + " --format edf " + path("106.edf")).status, 0);
  const auto annotations = io::read_annotations(folder_ / "made/106.sec");
  const auto edf = io::open_recording(folder_ / "made/106.sec.edf");
  EXPECT_TRUE(edf->info().leads.empty());
  const auto in_edf = edf->annotations();
  ASSERT_EQ(in_edf.size(), annotations.size());
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    EXPECT_EQ(in_edf[i].code, annotations[i].code);
    // EDF files without signals have no sampling rate, so their reader counts milliseconds.
    EXPECT_EQ(in_edf[i].sample, std::llround(static_cast<double>(annotations[i].sample) / 0.36));
  }
  expect_failure("--quiet --out " + path("made") + " --format edf " + path("106.edf"), 1,
                 "106.sec.edf: exists; --overwrite replaces it");
  expect_failure(path("made/106.sec.edf"), 1, "106.sec.edf: a record without signals");
  expect_failure("--format edf " + record("106"), 2, "--format is that of the files --out writes");
}

TEST_F(Secinfer, ReadsTablesAndArrays) {
  const auto source = io::open_recording(record("106"));
  io::write_csv(folder_ / "106.csv", *source);
  io::write_npy(folder_ / "106.npy", *source);
  const Outcome wfdb = secinfer("--json " + record("106"));
  for (const char* name : {"106.csv", "106.npy"}) {
    const Outcome other = secinfer("--json " + path(name));
    EXPECT_EQ(other.status, 0) << other.error;
    EXPECT_EQ(other.out, wfdb.out) << name;
  }
}

// A lead with a higher sampling rate than others is used at its full rate.
TEST_F(Secinfer, LeadsMayHaveRatesOfTheirOwn) {
  class WithBreath final : public io::RecordingReader {
   public:
    explicit WithBreath(const std::string& record) : source_(io::open_recording(record)) {
      info_ = source_->info();
      info_.rate = 1;
      info_.samples /= 360;
      info_.samples_per_frame.assign(info_.leads.size(), 360);
      info_.annotation_rate = 360;
      info_.leads.push_back({"RESP", "l", 1000, 0, 12});
      info_.samples_per_frame.push_back(1);
    }
    const io::ReaderInfo& info() const override { return info_; }
    void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
      source_->read(begin * 360, count * 360, leads.first(leads.size() - 1));
      std::ranges::fill(leads.back(), 0.5F);
    }
    std::vector<io::Annotation> annotations() override { return {}; }

   private:
    std::unique_ptr<io::RecordingReader> source_;
    io::ReaderInfo info_;
  };
  WithBreath source(record("106"));
  io::write_edf(folder_ / "106.edf", source, source.annotations());
  const Outcome wfdb = secinfer("--json " + record("106"));
  const Outcome edf = secinfer("--json --quiet --out " + path("made") + " " + path("106.edf"));
  ASSERT_EQ(edf.status, 0) << edf.error;
  EXPECT_EQ(edf.out, wfdb.out);
  const io::AnnotationFile annotations = io::read_annotation_file(folder_ / "made/106.sec");
  EXPECT_EQ(annotations.resolution, 360);
  EXPECT_EQ(annotations.annotations.at(0).sample, lines_of(wfdb.out).at(0)["sample"]);
  expect_failure("--leads MLII,RESP " + path("106.edf"), 1,
                 "leads MLII and RESP have 360 and 1 samples a second, the network wants them alike");
}

// bf16 logits differ from f32 logits by about the rounding error.
TEST_F(Secinfer, ComputesInThePrecisionAskedFor) {
  const auto logits = [&](const std::string& precision) {
    const Outcome run =
        secinfer("--json --quiet --device simt --annotations atr " + precision + record("106"));
    EXPECT_EQ(run.status, 0) << run.error;
    std::vector<double> all;
    for (const json& line : lines_of(run.out)) {
      all.insert(all.end(), line["logits"].begin(), line["logits"].end());
    }
    return all;
  };
  const std::vector<double> expected = logits("");
  EXPECT_EQ(logits("--precision f32 "), expected);
  const std::vector<double> got = logits("--precision bf16 ");
  ASSERT_EQ(got.size(), expected.size());
  double difference = 0, length = 0;
  for (std::size_t i = 0; i < got.size(); ++i) {
    difference += std::pow(got[i] - expected[i], 2);
    length += std::pow(expected[i], 2);
  }
  const double distance = std::sqrt(difference / length);
  EXPECT_LT(distance, 0.1);  // a hundred roundings of up to 2^-8 add up to 0.04 (as squares)
  EXPECT_GT(distance, 0x1p-11);
  expect_failure("--device cpu --precision bf16 " + record("100"), 2,
                 "--precision bf16: the cpu device computes in f32");
}

// Captured graphs and --eager give the same results; the last batch is smaller than the others.
TEST_F(Secinfer, EagerAnswersAreTheSame) {
  write_model(folder_ / "best.safetensors",
              tiny_recipe({"input.covariates=[\"rhythm\",\"irregularity\"]", "train.evaluation_batch=16"}),
              {0.3F, -0.3F});
  const std::string arguments = "--json --quiet --device simt --annotations atr " + record("106");
  const Outcome recorded = secinfer(arguments);
  const Outcome eager = secinfer("--eager " + arguments);
  ASSERT_EQ(eager.status, 0) << eager.error;
  EXPECT_EQ(recorded.out, eager.out);
  EXPECT_GT(lines_of(eager.out).size(), 40U);
}

// A running secinfer --live, connected by two pipes.
class Live {
 public:
  Live(const std::string& model, const std::string& arguments) {
    int in[2], out[2];
    EXPECT_EQ(pipe2(in, O_CLOEXEC), 0);
    EXPECT_EQ(pipe2(out, O_CLOEXEC), 0);
    child_ = fork();
    if (child_ == 0) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
      const std::string command = std::string("exec ") + SECINFER + " --model " + model +
                                  " --live --rate 360 --leads MLII,V1 " + arguments + " -";
      execl("/bin/sh", "sh", "-c", command.c_str(), nullptr);
      _exit(127);
    }
    close(in[0]);
    close(out[1]);
    in_ = in[1];
    out_ = out[0];
  }
  ~Live() { end(); }
  Live(const Live&) = delete;
  Live& operator=(const Live&) = delete;

  void send(std::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t count = write(in_, bytes.data(), bytes.size());
      ASSERT_GT(count, 0);
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
  }

  // The next line of output; empty at the end of output or after half a minute without a line.
  std::string line() {
    std::size_t end = 0;
    while ((end = buffer_.find('\n')) == std::string::npos) {
      pollfd waiting = {out_, POLLIN, 0};
      char bytes[4096];
      const ssize_t count = poll(&waiting, 1, 30000) == 1 ? read(out_, bytes, sizeof bytes) : 0;
      if (count <= 0) {
        return "";
      }
      buffer_.append(bytes, static_cast<std::size_t>(count));
    }
    std::string text = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return text;
  }

  void close_input() {
    if (in_ >= 0) {
      close(std::exchange(in_, -1));
    }
  }

  int end() {
    close_input();
    if (child_ <= 0) {
      return -1;
    }
    while (!line().empty()) {
    }
    close(out_);
    int status = 0;
    waitpid(std::exchange(child_, 0), &status, 0);
    return WEXITSTATUS(status);
  }

 private:
  pid_t child_ = 0;
  int in_ = -1;
  int out_ = -1;
  std::string buffer_;
};

std::string frames_of(const io::Recording& recording, std::size_t begin, std::size_t end,
                      const std::string& format) {
  std::string text;
  for (std::size_t i = begin; i < end; ++i) {
    const float frame[] = {recording.signals[0][i], recording.signals[1][i]};
    if (format == "csv") {
      text += fmt::format("{},{}\n", frame[0], frame[1]);
    } else if (format == "f32") {
      text.append(reinterpret_cast<const char*>(frame), sizeof frame);
    } else {
      for (const float value : frame) {
        const auto units = static_cast<std::int16_t>(std::lround(value * 200));
        text.append(reinterpret_cast<const char*>(&units), sizeof units);
      }
    }
  }
  return text;
}

// Sends no further samples until the due beat has been answered: at the latest one second after the next
// beat's R peak. The test does not depend on the machine's speed.
TEST_F(Secinfer, AnswersWhileSamplesCome) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  const std::vector<json> expected = lines_of(secinfer("--json " + record("100")).out);
  ASSERT_GT(expected.size(), 40U);
  for (const char* format : {"csv", "i16", "f32"}) {
    Live live(folder_.path().string(), std::string("--json --wait 60 --input ") + format);
    std::size_t answered = 0, sent = 0;
    for (std::size_t i = 0; i + 1 < expected.size(); ++i) {
      const double next = expected[i + 1]["time_s"];
      const auto until =
          static_cast<std::size_t>((std::max(next, 3.0) + 1) * 360);  // the detector learns for 3 s
      for (; sent < std::min(until, recording.signals[0].size()); ++sent) {
        live.send(frames_of(recording, sent, sent + 1, format));
      }
      if (until > recording.signals[0].size()) {
        break;
      }
      const std::string line = live.line();  // waits without sending samples
      ASSERT_FALSE(line.empty()) << "beat " << i << " has not been answered with " << sent << " samples sent";
      const json beat = json::parse(line);
      EXPECT_EQ(beat["sample"], expected[i]["sample"]);
      EXPECT_EQ(beat["label"], expected[i]["label"]);
      EXPECT_EQ(beat["classes"], json(recipe_.classes));
      EXPECT_EQ(beat["logits"], expected[i]["logits"]);
      ++answered;
    }
    EXPECT_GT(answered, expected.size() - 5);
    live.send(frames_of(recording, sent, recording.signals[0].size(), format));
    live.close_input();
    for (; answered < expected.size(); ++answered) {
      EXPECT_EQ(json::parse(live.line())["sample"], expected[answered]["sample"]) << format;
    }
    EXPECT_EQ(live.end(), 0);
  }
}

// Without a next beat, the last beat is answered after the time that --wait gives.
TEST_F(Secinfer, AnswersAfterTheWait) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  Live live(folder_.path().string(), "--wait 1.5");
  live.send("MLII,V1\n" + frames_of(recording, 0, 3600, "csv"));
  std::string pause;
  for (int i = 0; i < 3 * 360; ++i) {
    pause += i % 2 == 0 ? "0,0\n" : ",\n";  // a loose electrode
  }
  live.send(pause);
  std::size_t beats = 0;
  for (const io::Annotation& annotation : io::read_annotations(record("100.atr"))) {
    beats += io::beat_class_of(annotation.code) && annotation.sample < 3500 ? 1 : 0;
  }
  for (std::size_t i = 0; i < beats; ++i) {
    EXPECT_FALSE(live.line().empty()) << i << " of " << beats;
  }
  EXPECT_EQ(live.end(), 0);
}

// A source that stalls after its last beat: the beat is answered after --wait although no sample comes. The samples sent
// are too few to count the wait in, and enough for the window of the last beat and for the detector.
TEST_F(Secinfer, AStallHoldsNoBeatBack) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  Live live(folder_.path().string(), "--wait 4");
  live.send("MLII,V1\n" + frames_of(recording, 0, 3600, "csv"));
  std::string pause;
  for (int i = 0; i < 540; ++i) {
    pause += "0,0\n";
  }
  live.send(pause);
  std::size_t beats = 0;
  for (const io::Annotation& annotation : io::read_annotations(record("100.atr"))) {
    beats += io::beat_class_of(annotation.code) && annotation.sample < 3500 ? 1 : 0;
  }
  for (std::size_t i = 0; i < beats; ++i) {
    EXPECT_FALSE(live.line().empty())
        << i << " of " << beats;  // the input stays open, and nothing more is sent
  }
  EXPECT_EQ(live.end(), 0);
}

// All frames before a line that cannot be read are classified, as if the input ended there. Then the line is an error.
TEST_F(Secinfer, GoodFramesBeforeABadLineAreKept) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  const std::string live = "--json --quiet --live --rate 360 --leads MLII,V1 - <";
  for (const char* format : {"csv", "f32"}) {
    const std::string good = frames_of(recording, 0, 7200, format);
    const std::string how = std::string("--input ") + format + " " + live;
    folder_.write("good", good);
    const Outcome expected = secinfer(how + path("good"));
    ASSERT_EQ(expected.status, 0) << expected.error;
    ASSERT_GT(lines_of(expected.out).size(), 15U);
    folder_.write("bad", good + "1,x\n" + (format[0] == 'c' ? good : ""));
    const Outcome run = secinfer(how + path("bad"));
    EXPECT_EQ(run.status, 1);
    EXPECT_EQ(run.out, expected.out) << format;
    EXPECT_EQ(run.error, format[0] == 'c'
                             ? "secinfer: standard input: line 7201: '1,x' is no list of numbers\n"
                             : "secinfer: standard input: ends within a frame of 2 leads\n");
  }
}

// A clock that is no simple fraction of the recipe's rate, from a pipe and from a file.
TEST_F(Secinfer, AnySamplingRate) {
  const io::Recording recording = io::read_record(tiny_database(), "100");
  folder_.write("frames", frames_of(recording, 0, recording.signals[0].size(), "csv"));
  const auto samples = [&](const std::string& rate) {
    const Outcome run =
        secinfer("--json --quiet --live --rate " + rate + " --leads MLII,V1 - <" + path("frames"));
    EXPECT_EQ(run.status, 0) << run.error;
    std::vector<std::int64_t> found;
    for (const json& line : lines_of(run.out)) {
      found.push_back(line["sample"]);
    }
    return found;
  };
  const std::vector<std::int64_t> expected = samples("360");
  ASSERT_GT(expected.size(), 40U);
  for (const char* rate : {"360.01", "359.9876", "361.4142135623731"}) {
    const std::vector<std::int64_t> found = samples(rate);
    ASSERT_EQ(found.size(), expected.size()) << rate;
    for (std::size_t i = 0; i < found.size(); ++i) {
      EXPECT_NEAR(static_cast<double>(found[i]), static_cast<double>(expected[i]), 2) << rate;
    }
  }
}

}  // namespace
}  // namespace sec::train
