#include "train/data/beat_dataset.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <map>

#include "engine/error.h"
#include "train/data/augment.h"
#include "train/data/patient.h"

namespace sec::train {
namespace {

constexpr float least_amplitude =
    0.1F;  // mV; smallest divisor, so that flat leads are not amplified into noise

Channel parse_channel(const std::string& name, std::size_t leads,
                      const std::vector<RhythmMeasure>& measures) {
  if (name == "rhythm") {
    require(!measures.empty(), "input.channels: channel \"rhythm\" needs a measure in input.rhythm");
    return {Channel::Kind::rhythm, -1, measures};
  }
  for (std::size_t lead = 0; lead < leads; ++lead) {
    if (name == fmt::format("lead{}", lead + 1)) {
      return {Channel::Kind::signal, static_cast<int>(lead), {}};
    }
    if (name == fmt::format("lead{}-difference", lead + 1)) {
      return {Channel::Kind::difference, static_cast<int>(lead), {}};
    }
  }
  fail(
      "input.channels: unknown channel \"{}\"; with {} lead(s) known are lead1 to lead{}, each also with "
      "-difference, and rhythm",
      name, leads, leads);
}

}  // namespace

std::vector<Channel> parse_channels(const Recipe& recipe) {
  const std::vector<RhythmMeasure> measures = parse_measures(recipe.input.rhythm);
  std::vector<Channel> channels;
  for (const std::string& name : recipe.input.channels) {
    channels.push_back(parse_channel(name, recipe.data.leads.size(), measures));
  }
  return channels;
}

BeatDataset::BeatDataset(const Recipe& recipe, std::vector<BeatRecord> records)
    : options_(recipe.input),
      before_(recipe.window_before()),
      length_(recipe.window_length()),
      covariates_(covariate_count(recipe.input.covariates, recipe.input.rhythm.size(), recipe.input.beats)),
      measures_(parse_measures(recipe.input.rhythm)),
      channels_(parse_channels(recipe)),
      records_(std::move(records)) {}

std::vector<ExampleId> BeatDataset::beats(bool all) const {
  std::vector<ExampleId> ids;
  for (std::size_t r = 0; r < records_.size(); ++r) {
    for (std::size_t b = 0; b < records_[r].beats.size(); ++b) {
      const Beat& beat = records_[r].beats[b];
      if (beat.in_split && (all || beat.label >= 0)) {
        ids.push_back({static_cast<std::int32_t>(r), static_cast<std::int32_t>(b)});
      }
    }
  }
  return ids;
}

std::vector<std::size_t> BeatDataset::sequence_of(ExampleId id) const {
  const std::int64_t last = std::ssize(record(id).beats) - 1;
  const std::int64_t first = id.beat - sequence() / 2;
  std::vector<std::size_t> indices;
  for (std::int64_t i = first; i < first + sequence(); ++i) {
    indices.push_back(static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, last)));
  }
  return indices;
}

void BeatDataset::make(ExampleId id, std::span<float> x, std::span<float> covariates) const {
  const BeatRecord& record = this->record(id);
  const auto cells = static_cast<std::size_t>(length_ * leads());
  std::vector<BeatRhythm> rhythm;
  for (const std::size_t index : sequence_of(id)) {
    make_window(record, index, x.subspan(rhythm.size() * cells, cells));
    rhythm.push_back(record.rhythm[index]);
  }
  const std::vector<float> values = covariates_of(rhythm, options_.covariates, measures_);
  std::copy(values.begin(), values.end(), covariates.begin());
}

void BeatDataset::make_window(const BeatRecord& record, std::size_t index, std::span<float> x) const {
  const auto length = static_cast<std::size_t>(length_);
  const std::size_t leads = record.signals.size();
  std::vector<float> windows(leads * length);
  for (std::size_t lead = 0; lead < leads; ++lead) {
    cut_window(record.signals[lead], record.beats[index].centre - before_, {&windows[lead * length], length});
  }
  const std::size_t cell = index * leads;
  present({windows,
           {&record.amplitudes[cell], leads},
           {&record.templates[cell * length], leads * length},
           record.rhythm[index]},
          options_, channels_, x);
}

void BeatDataset::augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                          std::span<float> x, std::span<float> covariates) const {
  augment_beat(recipe.augment, channels_, sequence(), recipe.data.rate, seed, step, slot, x, covariates);
}

ExampleLayout BeatDataset::layout(const Recipe& recipe) const {
  ExampleLayout layout{.windows = sequence(), .rate = recipe.data.rate, .channels = {}};
  for (const Channel& channel : channels_) {
    layout.channels.push_back({channel.lead, static_cast<std::int32_t>(channel.measures.size())});
  }
  return layout;
}

std::string BeatDataset::text(std::span<const ExampleId> ids) const {
  std::map<std::string, std::vector<std::int64_t>> samples;
  for (const ExampleId id : ids) {
    samples[record(id).name].push_back(beat(id).sample);
  }
  std::vector<std::string> parts;
  for (const auto& [name, list] : samples) {
    parts.push_back(fmt::format("{} (sample{} {})", name, list.size() > 1 ? "s" : "", fmt::join(list, ", ")));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

void present(const BeatView& beat, const Recipe::Input& options, const std::vector<Channel>& channels,
             std::span<float> x) {
  const std::size_t heads = channels.size();
  const std::size_t length = x.size() / heads;
  std::vector<float> row(length);
  for (std::size_t h = 0; h < heads; ++h) {
    const Channel& channel = channels[h];
    if (channel.is_rhythm()) {
      std::vector<float> strip;
      for (const RhythmMeasure& measure : channel.measures) {
        strip.push_back(measure.of(beat.rhythm));
      }
      for (std::size_t t = 0; t < length; ++t) {
        row[t] = strip[t * strip.size() / length];
      }
    } else {
      const auto lead = static_cast<std::size_t>(channel.lead);
      const auto window = beat.windows.subspan(lead * length, length);
      std::copy(window.begin(), window.end(), row.begin());
      if (channel.kind == Channel::Kind::difference) {
        const float* median_beat = &beat.templates[lead * length];
        std::transform(row.begin(), row.end(), median_beat, row.begin(), std::minus<>());
      }
      const float unit = options.normalise ? std::max(beat.amplitudes[lead], least_amplitude) : 1.0F;
      const auto limit = static_cast<float>(options.clip);
      for (float& value : row) {
        value /= unit;
        value = limit > 0 ? std::clamp(value, -limit, limit) : value;
      }
    }
    for (std::size_t t = 0; t < length; ++t) {
      x[t * heads + h] = row[t];
    }
  }
}

}  // namespace sec::train
