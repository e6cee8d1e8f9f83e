// The dataset of heartbeats: turns annotated beats into network inputs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/data/beats.h"
#include "train/data/dataset.h"

namespace sec::train {

// One row of the network's input, named in a recipe's input.channels. K counts data.leads from 1.
//   "leadK"                  the lead around the beat, in mV;
//                            with input.normalise, divided by the patient's usual QRS amplitude
//   "leadK-difference"       the lead minus the patient's median beat, in the same units
//   "rhythm"                 a strip: one constant stretch for each measure of input.rhythm, of equal lengths
struct Channel {
  enum class Kind { signal, difference, rhythm } kind = Kind::signal;
  int lead = -1;                             // index into data.leads; -1 for the rhythm strip
  std::vector<RhythmMeasure> measures = {};  // of a rhythm strip

  bool is_rhythm() const { return lead < 0; }
};

// The channels of input.channels.
// Throws Error on an unknown name and on a lead that data.leads does not have.
std::vector<Channel> parse_channels(const Recipe& recipe);

// The data of a beat from which its input rows are made.
struct BeatView {
  std::span<const float> windows;     // (leads, L) mV, around the beat's R peak
  std::span<const float> amplitudes;  // (leads) mV, median QRS amplitude of the patient's past beats
  std::span<const float> templates;   // (leads, L) mV, median of the patient's past beats
  const BeatRhythm& rhythm;
};

// Writes the input rows of one beat's window into x.
void present(const BeatView& beat, const Recipe::Input& options, const std::vector<Channel>& channels,
             std::span<float> x);  // (L, H)

// The beats of a set of records, as network inputs under a recipe.
class BeatDataset final : public Dataset {
 public:
  // Throws Error if the recipe asks for unknown channels or covariates.
  BeatDataset(const Recipe& recipe, std::vector<BeatRecord> records);

  const std::vector<BeatRecord>& records() const { return records_; }
  const std::vector<Channel>& channels() const { return channels_; }
  std::int64_t before() const { return before_; }         // samples of a window before its R peak
  std::int64_t window_length() const { return length_; }  // samples of one beat's window
  std::int64_t sequence() const {
    return options_.beats;
  }  // beats in an input; their windows are concatenated
  std::int64_t length() const override { return window_length() * sequence(); }
  std::int64_t leads() const override { return static_cast<std::int64_t>(channels_.size()); }
  std::int64_t covariates() const override { return covariates_; }

  // The labelled beats of this split by record, then by time. With `all`, beats without a label too.
  std::vector<ExampleId> beats(bool all = false) const;
  const BeatRecord& record(ExampleId id) const { return records_[static_cast<std::size_t>(id.record)]; }
  const Beat& beat(ExampleId id) const { return record(id).beats[static_cast<std::size_t>(id.beat)]; }

  // The beats of a sequence in order of time, with beat `id` in the middle: indices into its record's beats.
  // At the ends of the record the first or last beat is repeated.
  std::vector<std::size_t> sequence_of(ExampleId id) const;

  std::vector<ExampleId> labelled() const override { return beats(); }
  int label(ExampleId id) const override { return beat(id).label; }
  DrawPool pool(ExampleId id) const override { return record(id).pool; }
  std::span<const float> targets(ExampleId) const override { return {}; }
  void make(ExampleId id, std::span<float> x, std::span<float> covariates) const override;
  void augment(const Recipe& recipe, std::uint64_t seed, std::int64_t step, std::int64_t slot,
               std::span<float> x, std::span<float> covariates) const override;
  ExampleLayout layout(const Recipe& recipe) const override;
  std::string text(std::span<const ExampleId> ids) const override;

 private:
  void make_window(const BeatRecord& record, std::size_t index, std::span<float> x) const;  // (window, H)

  Recipe::Input options_;
  std::int64_t before_;
  std::int64_t length_;
  std::int64_t covariates_;
  std::vector<RhythmMeasure> measures_;
  std::vector<Channel> channels_;
  std::vector<BeatRecord> records_;
};

}  // namespace sec::train
