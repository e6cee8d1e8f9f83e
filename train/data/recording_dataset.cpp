#include "train/data/recording_dataset.h"

#include <algorithm>

#include "train/data/augment.h"
#include "train/data/crops.h"

namespace sec::train {
RecordingDataset::RecordingDataset(const Recipe& recipe,
                                   std::shared_ptr<const std::vector<LoadedRecording>> all,
                                   std::vector<std::size_t> members)
    : whole_length_(recipe.data.length),
      length_(recipe.crop_length()),
      leads_(std::ssize(recipe.data.leads)),
      covariates_(std::ssize(recipe.input.covariates)),
      all_(std::move(all)),
      members_(std::move(members)) {}

std::vector<float> RecordingDataset::all_targets() const {
  std::vector<float> targets;
  for (std::size_t i = 0; i < size(); ++i) {
    targets.insert(targets.end(), (*this)[i].targets.begin(), (*this)[i].targets.end());
  }
  return targets;
}

std::vector<ExampleId> RecordingDataset::labelled() const {
  std::vector<ExampleId> ids;
  for (std::size_t i = 0; i < size(); ++i) {
    ids.push_back({static_cast<std::int32_t>(i), 0});
  }
  return ids;
}

void RecordingDataset::make(ExampleId id, std::span<float> x, std::span<float> covariates) const {
  const std::span<const float> whole = recording(id).x;
  std::ranges::copy(whole.subspan(static_cast<std::size_t>(id.beat * leads_), x.size()), x.begin());
  std::ranges::copy(recording(id).covariates, covariates.begin());
}

ExampleId RecordingDataset::drawn(ExampleId id, std::uint64_t seed, std::int64_t step,
                                  std::int64_t slot) const {
  return {id.record, static_cast<std::int32_t>(drawn_crop(whole_length_, length_, seed, step, slot))};
}

void RecordingDataset::make_whole(ExampleId id, std::span<float> x, std::span<float> covariates) const {
  make({id.record, 0}, x, covariates);
}

void RecordingDataset::augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
                               std::span<float> x, std::span<float> covariates) const {
  augment_recording(recipe.augment, static_cast<std::size_t>(leads_), recipe.recording_rate(), seed, step,
                    slot, x, covariates);
}

ExampleLayout RecordingDataset::layout(const Recipe& recipe) const {
  ExampleLayout layout{.rate = recipe.recording_rate(), .channels = {}, .any_lead_drops = true};
  for (std::int32_t lead = 0; lead < static_cast<std::int32_t>(leads_); ++lead) {
    layout.channels.push_back({lead, 0});
  }
  return layout;
}

std::string RecordingDataset::text(std::span<const ExampleId> ids) const {
  std::string names;
  for (const ExampleId id : ids) {
    names += (names.empty() ? "" : ", ") + recording(id).about.id;
  }
  return names;
}

}  // namespace sec::train
