#include "train/inspect/window.h"

#include <algorithm>

#include "engine/error.h"
#include "io/databases/cinc.h"
#include "train/data/crops.h"
#include "train/data/recording_signal.h"

namespace sec::train {
namespace {

constexpr double patch_seconds = 0.1;            // about the length of a QRS complex
constexpr double recording_patch_seconds = 0.2;  // of whole recordings, whose forward pass takes longer
constexpr double farthest_beat = 2;              // s from the time asked for

// A signal channel is covered by patches that overlap by half; a rhythm strip by its segments.
Patches signal_patches(double rate) {
  const std::int64_t width = std::max<std::int64_t>(2, std::llround(patch_seconds * rate));
  return {width, std::max<std::int64_t>(1, width / 2)};
}

// The indices of a sequence of beats around one, as BeatDataset::sequence_of.
std::vector<std::size_t> sequence_around(std::size_t index, std::int64_t beats, std::size_t count) {
  std::vector<std::size_t> indices;
  const auto first = static_cast<std::int64_t>(index) - beats / 2;
  for (std::int64_t i = first; i < first + beats; ++i) {
    indices.push_back(
        static_cast<std::size_t>(std::clamp<std::int64_t>(i, 0, static_cast<std::int64_t>(count) - 1)));
  }
  return indices;
}

// The same beats of an undisturbed patient: each is the median beat at the usual interval.
NetworkInput usual_input(const BeatRecord& record, std::size_t index, const Recipe& recipe,
                         const std::vector<Channel>& channels) {
  const auto length = static_cast<std::size_t>(recipe.window_length());
  const std::size_t leads = record.signals.size();
  NetworkInput result{1, {}, {}};
  std::vector<BeatRhythm> rhythm;
  for (const std::size_t i : sequence_around(index, recipe.input.beats, record.beats.size())) {
    rhythm.push_back(undisturbed(record.rhythm[i]));
    const std::span<const float> templates(&record.templates[i * leads * length], leads * length);
    std::vector<float> x(length * channels.size());
    present({templates, {&record.amplitudes[i * leads], leads}, templates, rhythm.back()}, recipe.input,
            channels, x);
    result.x.insert(result.x.end(), x.begin(), x.end());
  }
  result.covariates = covariates_of(rhythm, recipe.input.covariates, parse_measures(recipe.input.rhythm));
  return result;
}

InputChannel described(const Channel& channel, const std::vector<std::string>& leads) {
  switch (channel.kind) {
    case Channel::Kind::signal:
      return {leads[static_cast<std::size_t>(channel.lead)], "signal", channel.lead};
    case Channel::Kind::difference:
      return {leads[static_cast<std::size_t>(channel.lead)] + " minus the usual beat", "difference",
              channel.lead};
    case Channel::Kind::rhythm:
      return {"rhythm", "rhythm", -1};
  }
  return {};
}

NetworkInput zeros_like(const NetworkInput& input) {
  return {input.n, std::vector<float>(input.x.size()), std::vector<float>(input.covariates.size())};
}

}  // namespace

std::size_t beat_near(const BeatRecord& record, double seconds, const std::string& file) {
  const double end = static_cast<double>(record.signals.front().size()) / record.rate;
  require(seconds >= 0 && seconds <= end, "{}: {:.6g} s is outside the recording, which has {:.6g} s", file,
          seconds, end);
  const auto distance = [&](const Beat& beat) {
    return std::abs(static_cast<double>(beat.sample) / record.source_rate - seconds);
  };
  const auto nearest = std::ranges::min_element(record.beats, {}, distance);
  require(distance(*nearest) <= farthest_beat,
          "{}: no beat within {:.6g} s of {:.6g} s, the nearest is at {:.6g} s", file, farthest_beat, seconds,
          static_cast<double>(nearest->sample) / record.source_rate);
  return static_cast<std::size_t>(nearest - record.beats.begin());
}

NetworkInput inputs_of(const Dataset& dataset, std::span<const ExampleId> ids) {
  const auto cells = static_cast<std::size_t>(dataset.length() * dataset.leads());
  const auto k = static_cast<std::size_t>(dataset.covariates());
  NetworkInput result{std::ssize(ids), std::vector<float>(ids.size() * cells),
                      std::vector<float>(ids.size() * k)};
  for (std::size_t i = 0; i < ids.size(); ++i) {
    dataset.make(ids[i], std::span(result.x).subspan(i * cells, cells),
                 std::span(result.covariates).subspan(i * k, k));
  }
  return result;
}

InspectedInput inspected_beat(const BeatDataset& dataset, ExampleId id, const Recipe& recipe) {
  const std::vector<Channel>& channels = dataset.channels();
  const BeatRecord& record = dataset.record(id);
  const auto index = static_cast<std::size_t>(id.beat);
  InspectedInput result;
  result.input = inputs_of(dataset, {&id, 1});
  result.flat = zeros_like(result.input);
  result.usual = usual_input(record, index, recipe, channels);
  for (const Channel& channel : channels) {
    result.channels.push_back(described(channel, record.lead_names));
    const std::int64_t segment =
        channel.is_rhythm() ? recipe.window_length() / std::ssize(channel.measures) : 0;
    result.patches.push_back(segment > 0 ? Patches{segment, segment} : signal_patches(recipe.data.rate));
  }
  result.covariates = covariate_names(recipe.input.covariates, recipe.input.rhythm, recipe.input.beats);
  const Beat& beat = record.beats[index];
  result.rate = recipe.data.rate;
  result.beat = static_cast<double>(beat.sample) / record.source_rate;
  const std::int64_t before = recipe.window_before() + recipe.input.beats / 2 * recipe.window_length();
  result.begin = static_cast<double>(beat.centre - before) / recipe.data.rate;
  if (beat.aami >= 0) {
    result.reference = io::beat_class_names[static_cast<std::size_t>(beat.aami)];
  }
  return result;
}

InspectedInput inspected_recording(const std::filesystem::path& path, const Recipe& recipe, double at) {
  const RecordingSignal signal = read_signal(recipe, path);
  io::LabelledRecording about;
  if (!recipe.input.covariates.empty()) {
    io::read_age_and_sex(signal.comments, path.string(), about);
  }
  InspectedInput result;
  result.rate = recipe.recording_rate();
  const std::int64_t length = recipe.crop_length();
  const auto distance = [&](std::int64_t begin) {
    return std::abs((static_cast<double>(begin) + static_cast<double>(length) / 2) / result.rate - at);
  };
  const std::vector<std::int64_t> begins = crop_begins(recipe);
  const std::int64_t begin = *std::ranges::min_element(begins, {}, distance);
  const auto leads = std::ssize(recipe.data.leads);
  const auto first = signal.x.begin() + begin * leads;
  result.begin = static_cast<double>(begin) / result.rate;
  result.input = {1, {first, first + length * leads}, recording_covariates(recipe, about)};
  result.flat = zeros_like(result.input);
  for (std::size_t lead = 0; lead < recipe.data.leads.size(); ++lead) {
    result.channels.push_back({recipe.data.leads[lead], "lead", static_cast<int>(lead)});
    const std::int64_t width = std::max<std::int64_t>(1, std::llround(recording_patch_seconds * result.rate));
    result.patches.push_back({width, width});
  }
  result.covariates = recipe.input.covariates;
  return result;
}

}  // namespace sec::train
