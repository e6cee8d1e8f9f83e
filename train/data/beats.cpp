#include "train/data/beats.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/failure.h"
#include "engine/parallel.h"
#include "io/recording/amplitude.h"
#include "io/recording/lead_names.h"
#include "io/scoring/aami.h"
#include "io/signal/resample.h"
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

}  // namespace

BeatRecord load_record(const std::filesystem::path& folder, const std::string& name, const Recipe& recipe) {
  const io::Recording recording = io::read_record(folder, name, recipe.data.verify);
  const std::string header = (folder / (name + ".hea")).string();
  const std::filesystem::path annotations = folder / (name + ".atr");
  BeatRecord record;
  record.name = name;
  record.warnings = recording.warnings;
  std::int64_t outside = 0;
  record.source_rate = recording.rate;
  record.rate = recipe.data.rate;
  const io::RateRatio ratio = io::rate_ratio(recording.rate, recipe.data.rate);

  const int each = recording.samples_per_frame;
  for (io::Annotation& annotation : io::read_annotations(annotations, recording.rate / each)) {
    annotation.sample *= each;
    const std::optional<io::BeatClass> beat_class = io::beat_class_of(annotation.code);
    if (!beat_class) {
      continue;
    }
    if (annotation.sample < 0 || annotation.sample >= recording.samples()) {
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
  require(!record.beats.empty(), "{}: no beat is annotated{}", annotations.string(),
          outside > 0 ? " within the signal" : "");
  if (outside > 0) {
    record.warnings.push_back(
        fmt::format("{}: {} beat(s) annotated outside the record's {} samples are left out",
                    annotations.string(), outside, recording.samples()));
  }

  std::vector<double> amplitudes;
  for (const std::size_t lead : io::select_leads(io::names_of(recording.leads), header, recipe.data.leads)) {
    record.lead_names.push_back(recording.leads[lead].name);
    if (recording.leads[lead].units == "mV") {
      io::AmplitudeMeter meter(recording.rate);
      meter.add(recording.signals[lead]);
      amplitudes.push_back(meter.amplitude());
    }
    record.signals.push_back(
        prepare(recording.signals[lead], header, recording.leads[lead], recording.rate, recipe.data));
  }
  record.amplitude = io::median_of(amplitudes);
  if (const std::string fault = io::amplitude_fault(record.amplitude); !fault.empty()) {
    record.warnings.push_back(fmt::format("{}: {}", header, fault));
  }
  describe_beats(record, recipe);
  return record;
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
