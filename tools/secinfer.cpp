// secinfer: finds the beats of recordings of any length, classifies them with a trained network, and writes
// annotations, JSON lines or a summary; also from a pipe, while the recording goes on.

#include <fmt/ranges.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "engine/parallel.h"
#include "io/aami.h"
#include "io/annotation_codes.h"
#include "io/wfdb_annotation.h"
#include "tools/live_input.h"
#include "tools/recording_blocks.h"
#include "train/beat_summary.h"
#include "train/stream_classifier.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using namespace sec::train;

constexpr double block_seconds = 10;  // read at once
constexpr std::size_t runs_shown = 40;

struct Options {
  std::string model;
  std::vector<std::string> records;
  std::string annotations;
  std::vector<std::string> leads;
  std::vector<std::string> qrs_leads;
  std::string out;
  std::string annotator = "sec";
  bool overwrite = false;
  bool live = false;
  double rate = 0;
  std::string input = "csv";
  double gain = 200;
  double wait = 2;
  std::string device = "auto";
  std::string precision = "f32";
  int threads = 0;
  bool json = false;
  bool summary = false;
  bool quiet = false;
};

// Wrong usage that the command line's parser does not find by itself.
struct UsageError : Error {
  using Error::Error;
};

void say(const Options& options, const std::string& line) {
  if (!options.quiet) {
    fmt::print(stderr, "{}\n", line);
  }
}

void warn(const std::string& line) {
  fmt::print(stderr, "warning: {}\n", line);
}

void print(std::string_view text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  require(written, "standard output: cannot write: {}", std::strerror(errno));
}

void flush() {
  const bool written = std::fflush(stdout) == 0;
  require(written, "standard output: cannot write: {}", std::strerror(errno));
}

std::string json_string(const std::string& text) {
  return nlohmann::json(text).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// What becomes of the beats of a recording.
class Output {
 public:
  Output(const Options& options, const Recipe& recipe, std::string record, double rate)
      : options_(options),
        classes_(recipe.classes),
        record_(std::move(record)),
        quoted_record_(json_string(record_)),
        rate_(rate),
        summary_(recipe.classes) {}

  void add(const ClassifiedBeat& beat) {
    const double time = static_cast<double>(beat.sample) / rate_;
    const std::string& label = classes_[static_cast<std::size_t>(beat.label)];
    summary_.add(time, beat.label);
    ++beats_;
    if (!options_.out.empty()) {
      io::Annotation annotation;
      annotation.sample = beat.sample;
      annotation.code = io::code_of(label).value();  // a class's name is the symbol of its main type
      annotations_.push_back(std::move(annotation));
    }
    if (options_.json && !options_.summary) {
      print(fmt::format("{{\"record\":{},\"sample\":{},\"time_s\":{},\"label\":\"{}\",\"logits\":[{}]}}\n",
                        quoted_record_, beat.sample, time, label, fmt::join(beat.logits, ",")));
    } else if (options_.live && !options_.json && !options_.summary) {
      print(fmt::format("{} {}\n", clock_text(time), label));
    }
  }

  std::int64_t beats() const { return beats_; }

  void finish() {
    summary_.finish();
    if (!options_.out.empty()) {
      io::write_annotations(annotation_file(options_, record_), annotations_);
    }
    if (options_.json && options_.summary) {
      print(fmt::format("{{\"record\":{},\"summary\":{}}}\n", quoted_record_, json_of(summary_)));
    } else if (!options_.json) {
      print(fmt::format("{}\n{}", record_, text_of(summary_, runs_shown)));
    }
    flush();
  }

  static fs::path annotation_file(const Options& options, const std::string& record) {
    return fs::path(options.out) / (record + "." + options.annotator);
  }

 private:
  const Options& options_;
  std::vector<std::string> classes_;
  std::string record_;
  std::string quoted_record_;
  double rate_;
  BeatSummary summary_;
  std::vector<io::Annotation> annotations_;
  std::int64_t beats_ = 0;
};

// Which of a recording's leads the network reads, and in which of these beats are looked for.
struct Leads {
  std::vector<std::size_t> read;
  std::vector<std::string> names;
  std::vector<std::size_t> qrs;  // indices into `read`
};

Leads choose_leads(const Options& options, const Recipe& recipe, const std::vector<std::string>& there,
                   const std::string& file) {
  const std::vector<std::string>& wanted = options.leads.empty() ? recipe.data.leads : options.leads;
  if (wanted.size() != recipe.data.leads.size()) {
    throw UsageError(fmt::format("--leads {}: {} leads, the model reads {} ({})", fmt::join(wanted, ","),
                                 wanted.size(), recipe.data.leads.size(),
                                 fmt::join(recipe.data.leads, ", ")));
  }
  Leads leads;
  leads.read = select_leads(there, file, wanted);
  for (const std::size_t lead : leads.read) {
    leads.names.push_back(there[lead]);
  }
  for (const std::string& name : options.qrs_leads) {
    const auto found = std::find(leads.names.begin(), leads.names.end(), name);
    if (found == leads.names.end()) {
      throw UsageError(
          fmt::format("--qrs-leads {}: not among the leads read: {}", name, fmt::join(leads.names, ", ")));
    }
    leads.qrs.push_back(static_cast<std::size_t>(found - leads.names.begin()));
  }
  if (leads.qrs.empty()) {
    leads.qrs = {0};
  }
  return leads;
}

// Whether there is anything in a lead.
struct LeadCheck {
  std::int64_t valid = 0;
  float low = INFINITY;
  float high = -INFINITY;

  void add(std::span<const float> samples) {
    for (const float sample : samples) {
      if (std::isfinite(sample)) {
        ++valid;
        low = std::min(low, sample);
        high = std::max(high, sample);
      }
    }
  }
};

void warn_of_leads(const std::string& record, const Leads& leads, const std::vector<LeadCheck>& checks) {
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (checks[i].valid == 0) {
      warn(fmt::format("{}: lead {} has no valid sample", record, leads.names[i]));
    } else if (checks[i].low == checks[i].high) {
      warn(fmt::format("{}: lead {} is flat", record, leads.names[i]));
    }
  }
}

// The R peaks of an annotation file beside the record.
std::vector<std::int64_t> given_beats(const Options& options, const tools::RecordingBlocks& recording) {
  std::vector<std::int64_t> beats;
  const fs::path file = fs::path(recording.file).replace_extension(options.annotations);
  for (const io::Annotation& annotation : io::read_annotations(file, recording.rate)) {
    if (io::beat_class_of(annotation.code)) {
      beats.push_back(annotation.sample);
    }
  }
  require(!beats.empty(), "{}: no beat is annotated", file.string());
  return beats;
}

void infer_record(const Options& options, Model& model, const std::string& path) {
  const auto started = std::chrono::steady_clock::now();
  const tools::RecordingBlocks recording = tools::open_blocks(path, block_seconds);
  const Recipe& recipe = model.recipe();
  const Leads leads = choose_leads(options, recipe, recording.leads, recording.file);
  std::vector<std::int64_t> given;
  if (!options.annotations.empty()) {
    given = given_beats(options, recording);
  }
  if (!options.out.empty()) {
    const fs::path file = Output::annotation_file(options, recording.name);
    require(options.overwrite || !fs::exists(file), "{}: exists; --overwrite replaces it", file.string());
  }
  StreamOptions stream;
  stream.rate = recording.rate;
  stream.find_beats = options.annotations.empty();
  stream.qrs_leads = leads.qrs;
  stream.batch = static_cast<std::size_t>(recipe.train.evaluation_batch);
  StreamClassifier classifier(model, stream);
  Output output(options, recipe, recording.name, recording.rate);
  std::vector<LeadCheck> checks(leads.read.size());
  std::vector<ClassifiedBeat> beats;
  std::vector<std::vector<float>> block;
  std::int64_t samples = 0;
  std::size_t next_given = 0;
  const auto hand_on = [&] {
    for (const ClassifiedBeat& beat : beats) {
      output.add(beat);
    }
    beats.clear();
  };
  while (recording.next(block)) {
    std::vector<std::span<const float>> read;
    for (const std::size_t lead : leads.read) {
      checks[read.size()].add(block[lead]);
      read.emplace_back(block[lead]);
    }
    samples += std::ssize(read[0]);
    for (; next_given < given.size() && given[next_given] < samples; ++next_given) {
      classifier.add_beat(given[next_given]);
    }
    classifier.push(read, beats);
    hand_on();
  }
  const double seconds = static_cast<double>(samples) / recording.rate;
  require(next_given == given.size(), "{}: a beat at sample {}, the record has {} samples",
          fs::path(recording.file).replace_extension(options.annotations).string(),
          next_given < given.size() ? given[next_given] : 0, samples);
  require(seconds >= recipe.data.before + recipe.data.after,
          "{}: {:.2f} s long, the network's window is {} s", recording.file, seconds,
          recipe.data.before + recipe.data.after);
  classifier.finish(beats);
  hand_on();
  warn_of_leads(recording.name, leads, checks);
  if (output.beats() == 0) {
    warn(fmt::format("{}: no beat was found", recording.name));
  }
  output.finish();
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  say(options, fmt::format("{}: {} beats of {} in {:.2f} s, {:.0f} x real time", recording.name,
                           output.beats(), clock_text(seconds), taken, seconds / taken));
}

void infer_live(const Options& options, Model& model) {
  const Leads leads = choose_leads(options, model.recipe(), options.leads, "standard input");
  StreamOptions stream;
  stream.rate = options.rate;
  stream.qrs_leads = leads.qrs;
  stream.batch = 1;
  stream.longest_wait = options.wait;
  StreamClassifier classifier(model, stream);
  tools::LiveInput input(tools::parse_live_format(options.input), options.leads.size(), options.gain);
  Output output(options, model.recipe(), "-", options.rate);
  std::vector<ClassifiedBeat> beats;
  const auto push = [&](std::vector<std::vector<float>>& samples) {
    std::vector<std::span<const float>> read;
    for (const std::size_t lead : leads.read) {
      read.emplace_back(samples[lead]);
    }
    classifier.push(read, beats);
    for (const ClassifiedBeat& beat : beats) {
      output.add(beat);
    }
    if (!beats.empty()) {
      flush();
    }
    beats.clear();
  };
  char bytes[4096];
  while (true) {
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    require(count >= 0, "standard input: cannot read: {}", std::strerror(errno));
    std::vector<std::vector<float>> samples(options.leads.size());
    if (count == 0) {
      input.finish(samples);
      push(samples);
      break;
    }
    input.push({bytes, static_cast<std::size_t>(count)}, samples);
    push(samples);
  }
  classifier.finish(beats);
  for (const ClassifiedBeat& beat : beats) {
    output.add(beat);
  }
  output.finish();
}

int run(const Options& options) {
  const auto wrong = [](bool is_wrong, const char* text) {
    if (is_wrong) {
      throw UsageError(text);
    }
  };
  const bool from_pipe = options.records == std::vector<std::string>{"-"};
  wrong(options.live != from_pipe, "--live reads standard input: name '-', and only that, as its record");
  wrong(options.live && !(options.rate > 0), "--live needs --rate");
  wrong(options.live && options.leads.empty(), "--live needs --leads: what the columns are");
  wrong(options.live && !options.annotations.empty(), "--annotations: a pipe has none");
  wrong(options.live && !options.out.empty(), "--out: from a pipe there are lines only");
  wrong(!options.live && options.rate > 0, "--rate is for --live: records state theirs");
  set_threads(options.threads);
  const Device device = parse_device(options.device);
  if (options.precision != "f32") {
    throw UsageError(
        fmt::format("--precision {}: the {} device computes in f32", options.precision, name_of(device)));
  }
  Model model(options.model, device);
  if (options.live) {
    infer_live(options, model);
    return 0;
  }
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    require(!error, "{}: cannot make the folder: {}", options.out, error.message());
  }
  for (const std::string& record : options.records) {
    infer_record(options, model, record);
  }
  return 0;
}

void declare(CLI::App& app, Options& o) {
  app.description(
      "Finds the beats of recordings, of any length, and classifies them with a network trained by "
      "sectrain.\n"
      "Prints beats by hour and runs of V and S beats, or with --json a line a beat; --out writes "
      "annotations.");
  app.footer(
      "Examples:\n"
      "  secinfer --model runs/inter data/mitdb/100\n"
      "  secinfer --model runs/inter --out annotations data/mitdb/100 data/mitdb/103     writes 100.sec, "
      "103.sec\n"
      "  secinfer --model runs/inter --annotations atr --json data/mitdb/100             beats as annotated\n"
      "  monitor | secinfer --model runs/inter --live --rate 360 --leads MLII,V5 -       while it goes on\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  const char* what = "What to do";
  app.add_option("RECORD", o.records, "WFDB records, as data/mitdb/100; '-' with --live")
      ->required()
      ->group(what);
  app.add_option("--model", o.model, "Run folder of sectrain, or its best.safetensors")
      ->required()
      ->type_name("PATH")
      ->group(what);
  app.add_option("--annotations", o.annotations,
                 "Classify the beats of this annotation file beside the record instead of looking for beats")
      ->type_name("EXTENSION")
      ->group(what);
  app.add_option("--leads", o.leads, "Leads to read as those of the recipe's data.leads, in that order")
      ->delimiter(',')
      ->type_name("NAME,...")
      ->group(what);
  app.add_option("--qrs-leads", o.qrs_leads,
                 "Leads in which beats are looked for; by default the first one read")
      ->delimiter(',')
      ->type_name("NAME,...")
      ->group(what);
  app.add_option("--out", o.out, "Folder to write annotation files to, made if it does not exist")
      ->type_name("DIR")
      ->group(what);
  app.add_option("--annotator", o.annotator, "Extension of these files")
      ->check([](const std::string& text) {
        const bool plain = !text.empty() && text.find_first_of("./\\") == std::string::npos;
        return plain ? std::string() : std::string("expected letters, without dots and slashes");
      })
      ->capture_default_str()
      ->group(what);
  app.add_flag("--overwrite", o.overwrite, "Replace annotation files")->group(what);
  const char* live = "From a pipe";
  app.add_flag("--live", o.live, "Read frames from standard input and answer as beats come")->group(live);
  app.add_option("--rate", o.rate, "Frames a second, Hz")->check(CLI::Range(50.0, 10000.0))->group(live);
  app.add_option("--input", o.input, "csv: a line a frame, in mV; i16, f32: little-endian frames")
      ->check(CLI::IsMember({"csv", "i16", "f32"}))
      ->capture_default_str()
      ->group(live);
  app.add_option("--gain", o.gain, "Units per mV of i16 input")
      ->check(CLI::Range(1e-6, 1e9))
      ->capture_default_str()
      ->group(live);
  app.add_option("--wait", o.wait, "Seconds after a beat to wait for the next one before answering")
      ->check(CLI::Range(0.5, 60.0))
      ->capture_default_str()
      ->group(live);
  const char* how = "How to run";
  app.add_option("--device", o.device, "Where to compute; auto: cuda where there is a GPU, else cpu")
      ->check(CLI::IsMember({"auto", "cpu", "cuda", "simt"}))
      ->capture_default_str()
      ->group(how);
  app.add_option("--precision", o.precision, "Arithmetic of the network")
      ->check(CLI::IsMember({"f32", "tf32", "bf16"}))
      ->capture_default_str()
      ->group(how);
  app.add_option("--threads", o.threads, "Compute threads; 0: one per core. Results do not depend on it")
      ->check(CLI::Range(0, 1024))
      ->capture_default_str()
      ->group(how);
  const char* show = "What to show";
  app.add_flag("--json", o.json,
               "A JSON object a line: for each beat record, sample, time_s, label and logits")
      ->group(show);
  app.add_flag("--summary", o.summary,
               "With --json, one object a record: beats by hour, and runs; with --live, "
               "only at the end")
      ->group(show);
  app.add_flag("--quiet", o.quiet, "No progress, only results, warnings and errors")->group(show);
  app.set_version_flag("--version", "secinfer " SEC_VERSION, "Print version and commit, and stop")
      ->group(show);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app;
  Options options;
  declare(app, options);
  std::signal(SIGXFSZ, SIG_IGN);  // a file size limit is an error of the write, like a full disk
  std::signal(SIGPIPE, SIG_IGN);  // so is a reader that went away
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;  // help is a result; anything else is wrong usage
  }
  try {
    return run(options);
  } catch (const UsageError& error) {
    fmt::print(stderr, "secinfer: {}\n", error.what());
    return 2;
  } catch (const std::exception& error) {
    fmt::print(stderr, "secinfer: {}\n", error.what());
    return 1;
  }
}
