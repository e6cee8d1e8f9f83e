#include "train/beats.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/parallel.h"
#include "io/aami.h"
#include "io/filters.h"
#include "io/resample.h"
#include "io/wfdb_annotation.h"
#include "io/wfdb_signal.h"
#include "train/metrics.h"

namespace sec::train {
namespace {

constexpr double high_pass_cutoff = 0.5;  // Hz: AHA's limit for monitoring

// Indices of the recording's leads, in the order of the recipe's.
std::vector<std::size_t> select_leads(const io::Recording& recording, const std::string& file,
                                      const std::vector<std::string>& wanted) {
  constexpr std::size_t open = SIZE_MAX;
  std::vector<std::size_t> chosen;
  const auto taken = [&](std::size_t i) {
    return std::find(chosen.begin(), chosen.end(), i) != chosen.end();
  };
  for (const std::string& name : wanted) {  // the named ones first: "other" takes what is left
    chosen.push_back(name == "other" ? open : io::lead_index(recording, name));
  }
  for (std::size_t& lead : chosen) {
    for (std::size_t i = 0; i < recording.leads.size() && lead == open; ++i) {
      lead = taken(i) ? open : i;
    }
    require(lead != open, "{}: data.leads asks for {} leads ({}), the record has {}", file, wanted.size(),
            fmt::join(wanted, ", "), recording.leads.size());
  }
  return chosen;
}

std::vector<float> prepare(std::vector<float> signal, const std::string& file, const io::Lead& lead,
                           double source_rate, const Recipe::Data& options) {
  const auto bad = std::find_if(signal.begin(), signal.end(), [](float v) { return !std::isfinite(v); });
  if (bad != signal.end()) {
    require(
        options.invalid_samples == "hold",
        "{}: sample {} of lead {} is not a number (marked invalid); data.invalid_samples = \"hold\" would "
        "repeat the last valid one",
        file, bad - signal.begin(), lead.name);
    io::hold_invalid(signal);
  }
  const io::RateRatio ratio = io::rate_ratio(source_rate, options.rate);
  if (ratio.up != ratio.down) {
    signal = io::resample(signal, ratio);
  }
  if (options.wander == "median") {
    io::subtract_median_baseline(signal, options.rate);
  } else if (options.wander == "highpass") {
    io::high_pass(signal, options.rate, high_pass_cutoff);
  }
  return signal;
}

}  // namespace

BeatRecord load_record(const std::filesystem::path& folder, const std::string& name, const Recipe& recipe) {
  io::Recording recording = io::read_record(folder, name);
  const std::string header = (folder / (name + ".hea")).string();
  const std::filesystem::path annotations = folder / (name + ".atr");
  BeatRecord record;
  record.name = name;
  record.source_rate = recording.rate;
  record.rate = recipe.data.rate;
  const io::RateRatio ratio = io::rate_ratio(recording.rate, recipe.data.rate);

  for (const io::Annotation& annotation : io::read_annotations(annotations, recording.rate)) {
    const std::optional<io::BeatClass> beat_class = io::beat_class_of(annotation.code);
    if (!beat_class) {
      continue;
    }
    require(annotation.sample < recording.samples(), "{}: a beat at sample {}, the record has {} samples",
            annotations.string(), annotation.sample, recording.samples());
    Beat beat{annotation.sample, io::resampled_position(annotation.sample, ratio),
              static_cast<int>(*beat_class)};
    const std::string& aami = aami_classes[static_cast<std::size_t>(beat.aami)];
    const auto label = std::find(recipe.classes.begin(), recipe.classes.end(), aami);
    beat.label = label == recipe.classes.end() ? -1 : static_cast<int>(label - recipe.classes.begin());
    record.beats.push_back(beat);
  }
  require(!record.beats.empty(), "{}: no beat is annotated", annotations.string());

  for (const std::size_t lead : select_leads(recording, header, recipe.data.leads)) {
    record.lead_names.push_back(recording.leads[lead].name);
    record.signals.push_back(prepare(std::move(recording.signals[lead]), header, recording.leads[lead],
                                     recording.rate, recipe.data));
  }
  describe_patient(record, recipe);
  return record;
}

std::vector<BeatRecord> load_records(const std::filesystem::path& folder, std::span<const std::string> names,
                                     const Recipe& recipe) {
  std::vector<BeatRecord> records(names.size());
  parallel_for(static_cast<std::int64_t>(names.size()), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    records[index] = load_record(folder, names[index], recipe);
  });
  return records;
}

}  // namespace sec::train
