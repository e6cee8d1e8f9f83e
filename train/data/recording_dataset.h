// The dataset of whole recordings: one split (training, validation or test).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"
#include "train/data/dataset.h"

namespace sec::train {

// A recording in memory, in the network's input format.
struct LoadedRecording {
  io::LabelledRecording about;
  std::vector<float> x;                    // (data.length, H)
  std::vector<float> covariates;           // (K)
  std::vector<std::uint64_t> hashes;       // see RecordingSignal
  std::vector<float> targets;              // (classes): 1 where the recording has the label
  double amplitude = 0;                    // see RecordingSignal
  double filled = 0;                       // see RecordingSignal
  std::vector<std::string> warnings = {};  // of what was found while reading, a line each
};

class RecordingDataset final : public Dataset {
 public:
  // `members` are indices into `all`, which holds the recordings of all splits.
  RecordingDataset(const Recipe& recipe, std::shared_ptr<const std::vector<LoadedRecording>> all,
                   std::vector<std::size_t> members);

  std::size_t size() const { return members_.size(); }
  const LoadedRecording& operator[](std::size_t i) const { return (*all_)[members_[i]]; }
  // (size, classes)
  std::vector<float> all_targets() const;

  std::int64_t length() const override { return length_; }
  std::int64_t leads() const override { return leads_; }
  std::int64_t covariates() const override { return covariates_; }
  std::vector<ExampleId> labelled() const override;  // all recordings: having no label is an answer too
  int label(ExampleId) const override { return 0; }
  std::span<const float> targets(ExampleId id) const override { return recording(id).targets; }
  void make(ExampleId id, std::span<float> x, std::span<float> covariates) const override;
  ExampleId drawn(ExampleId id, std::uint64_t seed, std::int64_t step, std::int64_t slot) const override;
  std::int64_t whole_length() const override { return whole_length_; }
  void make_whole(ExampleId id, std::span<float> x, std::span<float> covariates) const override;
  void augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
               std::span<float> x, std::span<float> covariates) const override;
  ExampleLayout layout(const Recipe& recipe) const override;
  std::string text(std::span<const ExampleId> ids) const override;

 private:
  const LoadedRecording& recording(ExampleId id) const {
    return (*this)[static_cast<std::size_t>(id.record)];
  }

  std::int64_t whole_length_;
  std::int64_t length_;
  std::int64_t leads_;
  std::int64_t covariates_;
  std::shared_ptr<const std::vector<LoadedRecording>> all_;
  std::vector<std::size_t> members_;
};

}  // namespace sec::train
