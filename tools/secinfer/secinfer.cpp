// secinfer: finds the beats of recordings of any length and classifies them with a trained network.
// Writes annotations, JSON lines or a summary. Also reads live samples from a pipe.

#include <fmt/ranges.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "engine/failure.h"
#include "engine/parallel.h"
#include "engine/utf8.h"
#include "io/databases/open_recording.h"
#include "io/files/standard_streams.h"
#include "io/recording/amplitude.h"
#include "io/recording/lead_names.h"
#include "io/scoring/aami.h"
#include "io/signal/lead_quality.h"
#include "io/tables/annotation_table.h"
#include "io/wfdb/annotation.h"
#include "tools/secinfer/holter_files.h"
#include "tools/secinfer/live_input.h"
#include "tools/secinfer/options.h"
#include "tools/secinfer/output.h"
#include "tools/secinfer/recording_blocks.h"
#include "tools/secinfer/whole.h"
#include "train/loop/tile_file.h"
#include "train/streaming/beat_summary.h"
#include "train/streaming/stream_classifier.h"

namespace {

namespace fs = std::filesystem;
using namespace sec;
using namespace sec::tools;
using namespace sec::train;

constexpr double block_seconds = 10;            // read at once
constexpr std::int64_t amplitude_seconds = 10;  // of a pipe, after which its leads are judged

// A usage error that the command line's parser does not detect.
struct UsageError : Error {
  using Error::Error;
};

void say(const Options& options, const std::string& line) {
  if (!options.quiet) {
    io::tell("{}\n", line);
  }
}

void warn(const std::string& line) {
  io::tell("warning: {}\n", one_line(line));
}

// The leads of a recording that the network reads, and the leads in which the detector searches for beats.
struct Leads {
  std::vector<std::size_t> read;
  std::vector<std::string> names;
  std::vector<std::size_t> qrs;  // indices into `read`
};

// The leads that the network reads, in its order: those of --leads, or else those of the recipe.
const std::vector<std::string>& wanted_leads(const Options& options, const Recipe& recipe) {
  const std::vector<std::string>& wanted = options.leads.empty() ? recipe.data.leads : options.leads;
  if (wanted.size() != recipe.data.leads.size()) {
    throw UsageError(fmt::format("--leads {}: names {} {}, the model reads {} ({})", fmt::join(wanted, ","),
                                 wanted.size(), wanted.size() == 1 ? "lead" : "leads",
                                 recipe.data.leads.size(), fmt::join(recipe.data.leads, ", ")));
  }
  return wanted;
}

// Finds the leads of the recipe: those of data.leads, or else those that stand for them in one of its databases.
std::vector<std::size_t> find_leads(const Recipe& recipe, const std::vector<std::string>& there,
                                    const std::string& file) {
  try {
    return io::select_leads(there, file, recipe.data.leads);
  } catch (const Error&) {
    for (const auto& [name, database] : recipe.data.databases) {
      const bool all =
          !database.leads.empty() && std::ranges::all_of(database.leads, [&](const std::string& lead) {
            return lead == "other" || io::find_lead(there, lead, file).has_value();
          });
      if (all) {
        return io::select_leads(there, file, database.leads);
      }
    }
    throw;
  }
}

Leads choose_leads(const Options& options, const Recipe& recipe, const std::vector<std::string>& there,
                   const std::string& file) {
  const std::vector<std::string>& wanted = wanted_leads(options, recipe);
  Leads leads;
  // The only lead of a recording may stand for all leads of the model, if --leads says so.
  const bool repeats = there.size() == 1 && !options.leads.empty() &&
                       std::ranges::all_of(wanted, [&](const std::string& name) {
                         return io::find_lead(there, name, file).has_value();
                       });
  if (repeats) {
    leads.read.assign(wanted.size(), 0);
  } else {
    leads.read =
        options.leads.empty() ? find_leads(recipe, there, file) : io::select_leads(there, file, wanted);
  }
  if (repeats && wanted.size() > 1) {
    warn(fmt::format("{}: lead {} stands for {} leads of the model ({})", file, there[0], wanted.size(),
                     fmt::join(recipe.data.leads, ", ")));
  }
  for (const std::size_t lead : leads.read) {
    leads.names.push_back(there[lead]);
  }
  for (const std::string& name : options.qrs_leads) {
    const std::optional<std::size_t> found = io::find_lead(leads.names, name, file);
    if (!found) {
      throw UsageError(
          fmt::format("--qrs-leads {}: not among the leads read: {}", name, fmt::join(leads.names, ", ")));
    }
    if (std::ranges::find(leads.qrs, *found) != leads.qrs.end()) {
      throw UsageError(fmt::format("--qrs-leads {}: one is named twice", fmt::join(options.qrs_leads, ",")));
    }
    leads.qrs.push_back(*found);
  }
  if (leads.qrs.empty()) {
    leads.qrs = {0};
  }
  return leads;
}

// What the samples of a lead look like.
struct LeadCheck {
  LeadCheck(double rate, bool millivolts) : meter(rate), in_millivolts(millivolts), quality(rate) {}

  io::AmplitudeMeter meter;
  bool in_millivolts;
  io::LeadQualityMeter quality;

  void add(std::span<const float> samples) {
    meter.add(samples);
    quality.add(samples);
  }
};

// What is wrong with the leads, a line each.
std::vector<std::string> faults_of(const Leads& leads, const std::vector<LeadCheck>& checks) {
  std::vector<std::string> faults;
  for (std::size_t i = 0; i < checks.size(); ++i) {
    if (const std::string fault = io::fault_of(checks[i].quality.quality()); !fault.empty()) {
      faults.push_back(fmt::format("lead {} {}", leads.names[i], fault));
    }
  }
  return faults;
}

void warn_of_amplitude(const std::string& record, const std::vector<LeadCheck>& checks) {
  std::vector<double> amplitudes;
  for (const LeadCheck& check : checks) {
    if (check.in_millivolts) {
      amplitudes.push_back(check.meter.amplitude());
    }
  }
  if (const std::string fault = io::amplitude_fault(io::median_of(amplitudes)); !fault.empty()) {
    warn(fmt::format("{}: {}", record, fault));
  }
}

void warn_of_leads(const std::string& record, const Leads& leads, const std::vector<LeadCheck>& checks) {
  for (const std::string& fault : faults_of(leads, checks)) {
    warn(fmt::format("{}: {}", record, fault));
  }
}

// The R peaks in an annotation file beside the record, as sample numbers at `rate`, that of the leads read.
std::vector<std::int64_t> given_beats(const Options& options, const RecordingBlocks& recording, double rate) {
  const fs::path file = fs::path(recording.file).replace_extension(options.annotations);
  std::vector<io::Annotation> annotations;
  double counted = recording.rate;
  if (io::is_annotation_table(file)) {
    annotations = io::read_annotation_table(file, counted);
  } else if (io::is_wfdb_record(file)) {
    annotations = io::read_annotations(file, counted);
  } else {  // an EDF+ file: the recording itself, or a file of annotations only
    const auto reader = io::open_recording(file);
    annotations = reader->annotations();
    counted = io::annotation_rate(reader->info());
  }
  std::vector<std::int64_t> beats;
  for (const io::Annotation& annotation : annotations) {
    if (io::beat_class_of(annotation.code)) {
      beats.push_back(counted == rate
                          ? annotation.sample
                          : std::llround(static_cast<double>(annotation.sample) / counted * rate));
    }
  }
  require(!beats.empty(), "{}: no beat is annotated", file.string());
  return beats;
}

// The sampling rate of the leads read, Hz.
double rate_of(const RecordingBlocks& recording, const Leads& leads) {
  const double rate = recording.rates[leads.read[0]];
  for (std::size_t i = 0; i < leads.read.size(); ++i) {
    require(recording.rates[leads.read[i]] == rate,
            "{}: leads {} and {} have {} and {} samples a second, the network wants them alike",
            recording.file, leads.names[0], leads.names[i], rate, recording.rates[leads.read[i]]);
  }
  return rate;
}

// `written` are the files that this run has written before.
void infer_record(const Options& options, Model& model, const std::string& path,
                  std::set<fs::path>& written) {
  const auto started = std::chrono::steady_clock::now();
  const RecordingBlocks recording = open_blocks(path, block_seconds, options.verify);
  for (const std::string& warning : recording.warnings) {
    warn(warning);
  }
  const Recipe& recipe = model.recipe();
  const Leads leads = choose_leads(options, recipe, recording.leads, recording.file);
  const double rate = rate_of(recording, leads);
  std::vector<std::int64_t> given;
  if (!options.annotations.empty()) {
    given = given_beats(options, recording, rate);
  }
  if (!options.out.empty()) {
    const fs::path file = Output::annotation_file(options, recording.name);
    io::require_not_read(file, path);
    std::error_code none;
    require(options.annotations.empty() ||
                !fs::equivalent(file, fs::path(recording.file).replace_extension(options.annotations), none),
            "{}: is the annotation file that is read, and is not replaced", file.string());
    require(written.insert(fs::weakly_canonical(file)).second,
            "{}: is that of another recording of this run, which is also called {}", file.string(),
            recording.name);
    require(options.overwrite || !fs::exists(file), "{}: exists; --overwrite replaces it", file.string());
  }
  StreamOptions stream;
  stream.rate = rate;
  stream.find_beats = options.annotations.empty();
  stream.qrs_leads = leads.qrs;
  stream.batch = static_cast<std::size_t>(recipe.train.evaluation_batch);
  StreamClassifier classifier(model, stream);
  Output output(options, recipe,
                {recording.name, rate, recording.rate, {recording.start_date, recording.start_time}});
  HolterFiles holter(options, recipe, recording, rate, leads.names, leads.qrs);
  std::vector<LeadCheck> checks;
  for (const std::size_t lead : leads.read) {
    checks.emplace_back(rate, recording.units[lead] == "mV");
  }
  std::vector<ClassifiedBeat> beats;
  std::vector<std::vector<float>> block;
  std::int64_t samples = 0;
  std::size_t next_given = 0;
  const auto hand_on = [&] {
    for (const ClassifiedBeat& beat : beats) {
      output.add(beat);
      holter.add(beat);
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
    holter.push(read);
    classifier.push(read, beats);
    hand_on();
  }
  const double seconds = static_cast<double>(samples) / rate;
  if (next_given < given.size()) {
    warn(fmt::format("{}: {} beat(s) annotated outside the record's {} samples are left out",
                     fs::path(recording.file).replace_extension(options.annotations).string(),
                     given.size() - next_given, samples));
  }
  require(seconds >= recipe.data.before + recipe.data.after,
          "{}: {:.2f} s long, the network's window is {:.6g} s", recording.file, seconds,
          recipe.data.before + recipe.data.after);
  classifier.finish(beats);
  hand_on();
  warn_of_leads(recording.name, leads, checks);
  warn_of_amplitude(recording.name, checks);
  if (output.beats() == 0) {
    warn(fmt::format("{}: no beat was found", recording.name));
  }
  holter.finish(faults_of(leads, checks));
  output.finish();
  const double taken = std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  say(options, fmt::format("{}: {} beats of {} in {:.2f} s, {:.0f} x real time", recording.name,
                           output.beats(), clock_text(seconds), taken, seconds / taken));
}

// Waits for standard input at most until `deadline`; without one, endlessly. Returns whether there is something to read.
bool wait_for_input(std::optional<std::chrono::steady_clock::time_point> deadline) {
  while (true) {
    int timeout = -1;  // ms
    if (deadline) {
      const auto left =
          std::chrono::ceil<std::chrono::milliseconds>(*deadline - std::chrono::steady_clock::now());
      timeout = static_cast<int>(std::max<std::int64_t>(0, left.count()));
    }
    pollfd input{STDIN_FILENO, POLLIN, 0};
    const int count = ::poll(&input, 1, timeout);
    require(count >= 0 || errno == EINTR, "standard input: cannot wait for it: {}", std::strerror(errno));
    if (count >= 0) {
      return count > 0;
    }
  }
}

// The faults of the leads of standard input: told once the first seconds are there, and at the end if they have changed.
class LiveChecks {
 public:
  LiveChecks(const Leads& leads, double rate)
      : leads_(leads), checks_(leads.read.size(), LeadCheck(rate, true)) {}

  void add(const std::vector<std::vector<float>>& samples) {
    for (std::size_t i = 0; i < checks_.size(); ++i) {
      checks_[i].quality.add(samples[leads_.read[i]]);
      if (!told_) {
        checks_[i].meter.add(samples[leads_.read[i]]);
      }
    }
    if (!told_ && checks_.front().meter.seconds() >= amplitude_seconds) {
      tell();
    }
  }
  void finish() {
    if (!told_ || faults() != faults_) {
      tell();
    }
  }

 private:
  std::vector<std::string> faults() const {
    std::vector<std::string> texts;
    for (const LeadCheck& check : checks_) {
      texts.push_back(io::fault_of(check.quality.quality()));
    }
    return texts;
  }
  void tell() {
    warn_of_leads("standard input", leads_, checks_);
    if (!told_) {
      warn_of_amplitude("standard input", checks_);
    }
    told_ = true;
    faults_ = faults();
  }

  const Leads& leads_;
  std::vector<LeadCheck> checks_;
  std::vector<std::string> faults_;  // as told
  bool told_ = false;
};

// Classifies what standard input holds until it ends or cannot be read further. All frames before a fault are classified,
// then the fault is thrown as an Error.
void infer_live(const Options& options, Model& model) {
  const Leads leads = choose_leads(options, model.recipe(), options.leads, "standard input");
  StreamOptions stream;
  stream.rate = options.rate;
  stream.qrs_leads = leads.qrs;
  stream.batch = 1;
  stream.longest_wait = options.wait;
  StreamClassifier classifier(model, stream);
  LiveInput input(parse_live_format(options.input), options.leads, options.gain);
  Output output(options, model.recipe(), {"-", options.rate, options.rate, {}});
  LiveChecks checks(leads, options.rate);
  std::vector<ClassifiedBeat> beats;
  const auto hand_on = [&] {
    for (const ClassifiedBeat& beat : beats) {
      output.add(beat);
    }
    if (!beats.empty()) {
      io::flush_stdout();
    }
    beats.clear();
  };
  auto last_frame = std::chrono::steady_clock::now();
  std::int64_t frames = 0;
  std::string fault;
  char bytes[4096];
  for (bool ended = false; !ended;) {
    std::optional<std::chrono::steady_clock::time_point> deadline;
    if (const std::optional<double> patience = classifier.patience()) {
      deadline = last_frame + std::chrono::ceil<std::chrono::steady_clock::duration>(
                                  std::chrono::duration<double>(*patience));
    }
    if (!wait_for_input(deadline)) {
      classifier.conclude(beats);
      hand_on();
      continue;
    }
    const ssize_t count = ::read(STDIN_FILENO, bytes, sizeof bytes);
    if (count < 0 && errno == EINTR) {
      continue;
    }
    std::vector<std::vector<float>> samples(options.leads.size());
    try {
      require(count >= 0, "standard input: cannot read: {}", std::strerror(errno));
      if (count == 0) {
        ended = true;
        input.finish(samples);
      } else {
        input.push({bytes, static_cast<std::size_t>(count)}, samples);
      }
    } catch (const Error& error) {
      fault = error.what();
      ended = true;
    }
    if (!samples.front().empty()) {
      frames += std::ssize(samples.front());
      last_frame = std::chrono::steady_clock::now();
    }
    checks.add(samples);
    std::vector<std::span<const float>> read;
    for (const std::size_t lead : leads.read) {
      read.emplace_back(samples[lead]);
    }
    classifier.push(read, beats);
    hand_on();
  }
  require(fault.empty() || frames > 0, "{}", fault);
  checks.finish();
  classifier.finish(beats);
  hand_on();
  output.finish();
  require(fault.empty(), "{}", fault);
}

Precision precision_of(const Options& options, Device device) {
  try {
    return parse_precision(options.precision, device);
  } catch (const Error& error) {
    throw UsageError(fmt::format("--{}", error.what()));
  }
}

// Calls `infer` for each recording, also after one that fails. Returns the exit status: 1 if any failed. Stops at wrong
// usage, and when standard output cannot be written to.
template <typename Infer>
int for_each_record(const Options& options, Infer infer) {
  std::vector<std::string> failed;
  for (const std::string& record : options.records) {
    try {
      infer(record);
    } catch (const UsageError&) {
      throw;
    } catch (const std::exception& error) {
      if (options.records.size() == 1 || std::ferror(stdout) != 0) {
        throw;
      }
      io::tell("secinfer: {}\n", error.what());
      failed.push_back(record);
    }
  }
  if (!failed.empty()) {
    io::tell("secinfer: {} of {} recordings failed: {}\n", failed.size(), options.records.size(),
             fmt::join(failed, ", "));
  }
  return failed.empty() ? 0 : 1;
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
  wrong(options.format != "wfdb" && options.out.empty(), "--format is that of the files --out writes");
  wrong(!options.live && options.rate > 0, "--rate is for --live: records state theirs");
  const std::vector<fs::path> tables = holter_files(options);
  wrong(!tables.empty() && (options.live || options.records.size() != 1),
        "--report, --rr and --nn are about one recording, and not about a pipe");
  wrong(options.identify && options.report.empty(), "--identify is about the page that --report writes");
  wrong(std::set<fs::path>(tables.begin(), tables.end()).size() != tables.size(),
        "--report, --rr and --nn: two of them name the same file");
  set_threads(options.threads);
  const Device device = parse_device(options.device);
  if (!options.tiles.empty()) {
    use_tile_file(options.tiles, device);
  }
  Model model(options.model, device, precision_of(options, device), !options.eager);
  if (model.recipe().whole_recordings()) {
    wrong(options.live || !options.annotations.empty() || !options.out.empty() ||
              !options.qrs_leads.empty() || options.summary || !tables.empty(),
          "--model: classifies whole recordings; --live, --annotations, --out, --report, --rr, --nn, "
          "--qrs-leads and --summary are for beats");
    wanted_leads(options, model.recipe());
    return for_each_record(options, [&](const std::string& record) {
      with_memory_for(record, [&] { classify_whole(options, model, record); });
    });
  }
  if (options.live) {
    infer_live(options, model);
    return 0;
  }
  if (!options.out.empty()) {
    std::error_code error;
    fs::create_directories(options.out, error);
    require(!error, "{}: cannot make the folder: {}", options.out, error.message());
  }
  std::set<fs::path> written;
  return for_each_record(options, [&](const std::string& record) {
    with_memory_for(record, [&] { infer_record(options, model, record, written); });
  });
}

}  // namespace

int main(int argc, char** argv) {
  io::guard_standard_streams();
  Options options;
  if (const std::optional<int> status = parse_command_line(argc, argv, options)) {
    return *status;
  }
  try {
    return run(options);
  } catch (const UsageError& error) {
    io::tell_error("secinfer", error);
    return 2;
  } catch (const std::exception& error) {
    io::tell_error("secinfer", error);
    return 1;
  }
}
