#include "train/data/beats.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "engine/failure.h"
#include "engine/parallel.h"
#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/files/utf8.h"
#include "io/recording/amplitude.h"
#include "io/recording/annotation_codes.h"
#include "io/recording/lead_names.h"
#include "io/scoring/aami.h"
#include "io/signal/qrs_detector.h"
#include "io/signal/resample.h"
#include "io/tables/annotation_table.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/signal.h"
#include "train/data/lead_filter.h"
#include "train/data/patient.h"

namespace sec::train {
namespace {

std::vector<float> prepare(std::span<const float> signal, const std::string& file, const io::Lead& lead,
                           double source_rate, const Recipe::Data& options) {
  const auto bad = std::find_if(signal.begin(), signal.end(), [](float v) { return !std::isfinite(v); });
  if (bad != signal.end()) {
    require(
        options.invalid_samples == "hold",
        "{}: sample {} of lead {} is not a number (marked invalid); data.invalid_samples = \"hold\" would "
        "repeat the last valid one",
        file, bad - signal.begin(), lead.name);
  }
  LeadFilter filter(options, source_rate);
  std::vector<float> filtered;
  filtered.reserve(static_cast<std::size_t>(static_cast<double>(signal.size()) * options.rate / source_rate) +
                   1);
  filter.push(signal, filtered);
  filter.finish(filtered);
  return filtered;
}

// A recording with the selected leads, of which other leads' signals may be empty, and its annotations.
struct AnnotatedRecording {
  io::Recording recording;
  std::int64_t samples = 0;
  std::vector<std::size_t> leads;  // data.leads as indices into the recording's leads
  std::vector<io::Annotation> annotations;
  std::string file;             // for messages
  std::string annotation_file;  // likewise
};

// Sample numbers at `rate` instead of at `counted`.
void convert_times(std::vector<io::Annotation>& annotations, double counted, double rate) {
  if (counted != rate) {
    for (io::Annotation& annotation : annotations) {
      annotation.sample = std::llround(static_cast<double>(annotation.sample) / counted * rate);
    }
  }
}

AnnotatedRecording open_wfdb_record(const std::filesystem::path& folder, const std::string& name,
                                    const Recipe& recipe) {
  AnnotatedRecording result;
  result.recording = io::read_record(folder, name, recipe.data.verify);
  result.samples = result.recording.samples();
  result.file = (folder / (name + ".hea")).string();
  const std::filesystem::path annotations = io::annotations_found_in(folder / name);
  result.annotation_file = annotations.string();
  if (io::is_annotation_table(annotations)) {
    result.annotations = io::read_annotation_table(annotations, result.recording.rate);
  } else {  // its times count frames
    const int each = result.recording.samples_per_frame;
    result.annotations = io::read_annotations(annotations, result.recording.rate / each);
    for (io::Annotation& annotation : result.annotations) {
      annotation.sample *= each;
    }
  }
  result.leads = io::select_leads(io::names_of(result.recording.leads), result.file, recipe.data.leads);
  return result;
}

AnnotatedRecording open_other(const std::filesystem::path& path, const Recipe& recipe) {
  const auto reader = io::open_recording(path);
  const io::ReaderInfo& info = reader->info();
  AnnotatedRecording result;
  result.file = path.string();
  result.leads = io::select_leads(io::names_of(info.leads), result.file, recipe.data.leads);
  if (recipe.data.verify) {
    result.recording.warnings = reader->verify();
  }
  const int per_frame = info.samples_per_frame[result.leads.front()];
  result.samples = info.samples * per_frame;
  result.recording.rate = info.rate * per_frame;
  result.recording.leads = info.leads;
  result.recording.signals.resize(info.leads.size());
  std::vector<std::span<float>> into(info.leads.size());
  for (const std::size_t lead : result.leads) {
    require(info.samples_per_frame[lead] == per_frame,
            "{}: leads {} and {} have {} and {} samples a second, the network wants them alike", result.file,
            info.leads[result.leads.front()].name, info.leads[lead].name, result.recording.rate,
            info.rate * info.samples_per_frame[lead]);
    result.recording.signals[lead].resize(static_cast<std::size_t>(result.samples));
    into[lead] = result.recording.signals[lead];
  }
  reader->read(0, info.samples, into);
  result.annotation_file = io::annotations_found_in(path).string();
  if (auto found = io::annotations_of(path, *reader)) {
    result.annotations = std::move(found->annotations);
    convert_times(result.annotations, found->resolution, result.recording.rate);
  }
  return result;
}

// What is annotated instead of beats, for a message: ": 12 x PVC, 3 x noise".
std::string other_annotations(const std::vector<io::Annotation>& annotations) {
  constexpr std::size_t shown = 4;
  std::map<std::string, int> texts;
  for (const io::Annotation& annotation : annotations) {
    ++texts[annotation.aux.empty() ? io::symbol_of(annotation.code) : annotation.aux];
  }
  std::string list;
  std::size_t listed = 0;
  for (const auto& [text, count] : texts) {
    list += listed < shown
                ? fmt::format("{}{} x {}", list.empty() ? "; there are " : ", ", count, io::for_message(text))
                : "";
    ++listed;
  }
  return list +
         (list.empty() ? "" : "; beats have symbols of the MIT format: N, S, V, F, Q, L, R, A and others");
}

// Fills in the record's beats: those that are annotated.
void take_annotated_beats(const AnnotatedRecording& opened, const Recipe& recipe, BeatRecord& record) {
  std::int64_t outside = 0;
  const io::RateRatio ratio = io::rate_ratio(record.source_rate, recipe.data.rate);
  for (const io::Annotation& annotation : opened.annotations) {
    const std::optional<io::BeatClass> beat_class = io::beat_class_of(annotation.code);
    if (!beat_class) {
      continue;
    }
    if (annotation.sample < 0 || annotation.sample >= opened.samples) {
      ++outside;
      continue;
    }
    Beat beat{annotation.sample, io::resampled_position(annotation.sample, ratio),
              static_cast<int>(*beat_class)};
    const std::string& aami = io::beat_class_names[static_cast<std::size_t>(beat.aami)];
    const auto label = std::find(recipe.classes.begin(), recipe.classes.end(), aami);
    beat.label = label == recipe.classes.end() ? -1 : static_cast<int>(label - recipe.classes.begin());
    record.beats.push_back(beat);
  }
  require(!record.beats.empty(), "{}: no beat is annotated{}{}", opened.annotation_file,
          outside > 0 ? " within the signal" : "", outside > 0 ? "" : other_annotations(opened.annotations));
  if (outside > 0) {
    record.warnings.push_back(
        fmt::format("{}: {} beat(s) annotated outside the record's {} samples are left out",
                    opened.annotation_file, outside, opened.samples));
  }
}

// Fills in the record's beats: those that the QRS detector finds.
void find_beats_of(const AnnotatedRecording& opened, const Recipe& recipe, BeatRecord& record) {
  const io::RateRatio ratio = io::rate_ratio(record.source_rate, recipe.data.rate);
  const std::vector<float>& lead = opened.recording.signals[opened.leads.front()];
  for (const std::int64_t peak : io::find_qrs(lead, record.source_rate)) {
    record.beats.push_back({peak, io::resampled_position(peak, ratio), -1, -1});
  }
  require(!record.beats.empty(), "{}: no beat was found in lead {}", opened.file,
          opened.recording.leads[opened.leads.front()].name);
}

BeatRecord prepare_record(const std::string& name, const AnnotatedRecording& opened, const Recipe& recipe,
                          bool find_beats) {
  const io::Recording& recording = opened.recording;
  BeatRecord record;
  record.name = name;
  record.warnings = recording.warnings;
  record.source_rate = recording.rate;
  record.rate = recipe.data.rate;
  if (find_beats) {
    find_beats_of(opened, recipe, record);
  } else {
    take_annotated_beats(opened, recipe, record);
  }
  std::vector<double> amplitudes;
  for (const std::size_t lead : opened.leads) {
    record.lead_names.push_back(recording.leads[lead].name);
    if (recording.leads[lead].units == "mV") {
      io::AmplitudeMeter meter(recording.rate);
      meter.add(recording.signals[lead]);
      amplitudes.push_back(meter.amplitude());
    }
    record.signals.push_back(
        prepare(recording.signals[lead], opened.file, recording.leads[lead], recording.rate, recipe.data));
  }
  record.amplitude = io::median_of(amplitudes);
  if (const std::string fault = io::amplitude_fault(record.amplitude); !fault.empty()) {
    record.warnings.push_back(fmt::format("{}: {}", opened.file, fault));
  }
  describe_beats(record, recipe);
  return record;
}

}  // namespace

BeatRecord load_record(const std::filesystem::path& folder, const std::string& name, const Recipe& recipe) {
  const AnnotatedRecording opened =
      io::is_wfdb_record(name) ? open_wfdb_record(folder, name, recipe) : open_other(folder / name, recipe);
  return prepare_record(name, opened, recipe, false);
}

BeatRecord load_any_record(const std::filesystem::path& path, const Recipe& recipe, bool find_beats) {
  const AnnotatedRecording opened = open_other(path, recipe);
  const bool annotated = std::ranges::any_of(opened.annotations, [](const io::Annotation& annotation) {
    return io::beat_class_of(annotation.code).has_value();
  });
  return prepare_record(path.filename().string(), opened, recipe, find_beats || !annotated);
}

io::ClassCounts annotated_beats(const std::filesystem::path& folder, const std::string& name) {
  if (!io::is_wfdb_record(name)) {
    const auto reader = io::open_recording(folder / name);
    const auto found = io::annotations_of(folder / name, *reader);
    return found ? io::count_beats(found->annotations) : io::ClassCounts{};
  }
  const std::filesystem::path file = io::annotations_found_in(folder / name);
  return io::count_beats(io::is_annotation_table(file) ? io::read_annotation_table(file, 1)
                                                       : io::read_annotations(file));
}

void describe_beats(BeatRecord& record, const Recipe& recipe) {
  std::vector<double> times;
  for (const Beat& beat : record.beats) {
    times.push_back(static_cast<double>(beat.sample) / record.source_rate);
  }
  record.rhythm = rhythm_of(times);

  const std::size_t leads = record.signals.size();
  const auto length = static_cast<std::size_t>(recipe.window_length());
  const std::size_t count = record.beats.size();
  std::vector<float> windows(count * leads * length);  // (beats, leads, window)
  std::vector<float> amplitudes(count * leads);        // (beats, leads), of each beat alone
  std::vector<PastBeat> beats;
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t centre = record.beats[i].centre;
    for (std::size_t lead = 0; lead < leads; ++lead) {
      const std::size_t cell = i * leads + lead;
      cut_window(record.signals[lead], centre - recipe.window_before(), {&windows[cell * length], length});
      amplitudes[cell] = qrs_amplitude(record.signals[lead], centre, record.rate);
    }
    beats.push_back({record.rhythm[i].interval,
                     {&windows[i * leads * length], leads * length},
                     {&amplitudes[i * leads], leads}});
  }
  record.amplitudes.resize(amplitudes.size());
  record.templates.resize(windows.size());
  parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    const std::size_t first = i - std::min(i, static_cast<std::size_t>(recipe.input.past_beats));
    const auto past = i == 0 ? std::span(beats).first(1) : std::span(beats).subspan(first, i - first);
    describe_patient(past, recipe.input, {&record.amplitudes[i * leads], leads},
                     {&record.templates[i * leads * length], leads * length});
  });
}

std::vector<BeatRecord> load_records(const std::filesystem::path& folder, std::span<const std::string> names,
                                     const Recipe& recipe) {
  std::vector<BeatRecord> records(names.size());
  parallel_for(static_cast<std::int64_t>(names.size()), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    records[index] = with_memory_for((folder / names[index]).string(),
                                     [&] { return load_record(folder, names[index], recipe); });
  });
  std::vector<double> amplitudes;
  for (const BeatRecord& record : records) {
    amplitudes.push_back(record.amplitude);
  }
  const double amplitude = io::median_of(amplitudes);
  require(!io::is_too_high(amplitude), "{}: its records have {}; state the unit in their headers",
          folder.string(), io::amplitude_fault(amplitude));
  return records;
}

}  // namespace sec::train
