// From beats to what the network is given.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/data/beats.h"
#include "train/data/dataset.h"

namespace sec::train {

// One network input, named in a recipe's input.channels; K counts data.leads from 1:
//   "leadK"             the lead around the beat, in mV or, with input.normalise, in the patient's usual QRS
//                       amplitudes
//   "leadK-difference"  its difference from the patient's median beat
//   "measures", "tachogram"  the rhythm strips of train/data/rhythm.h
struct Channel {
  enum class Kind { signal, difference, measures, tachogram } kind = Kind::signal;
  int lead = -1;  // index into data.leads; -1 for the rhythm strips

  bool is_rhythm() const { return lead < 0; }
};

// Of a channel that is a rhythm strip.
StripKind strip_kind(const Channel& channel);

// Throws Error on an unknown name and on a lead that data.leads does not have.
std::vector<Channel> parse_channels(const Recipe& recipe);

// What is known of a beat when it is presented.
struct BeatView {
  std::span<const float> windows;     // (leads, L) mV, around its R peak
  std::span<const float> amplitudes;  // (leads) mV: how large the patient's QRS complexes usually are
  std::span<const float> templates;   // (leads, L) mV: the patient's usual beat
  const BeatRhythm& rhythm;
};

// Writes a beat's window as the network is given it.
void present(const BeatView& beat, const Recipe::Input& options, const std::vector<Channel>& channels,
             std::span<float> x);  // (L, H)

// A set of records under one recipe, and how to present their beats to the network.
class BeatDataset final : public Dataset {
 public:
  // Throws Error if the recipe asks for unknown channels or covariates.
  BeatDataset(const Recipe& recipe, std::vector<BeatRecord> records);

  const std::vector<BeatRecord>& records() const { return records_; }
  const std::vector<Channel>& channels() const { return channels_; }
  std::int64_t before() const { return before_; }           // samples of a window before the R peak's
  std::int64_t window_length() const { return length_; }    // of one beat
  std::int64_t sequence() const { return options_.beats; }  // beats, one window after the other
  std::int64_t length() const override { return window_length() * sequence(); }
  std::int64_t leads() const override { return static_cast<std::int64_t>(channels_.size()); }
  std::int64_t covariates() const override { return covariates_; }

  // Every beat of this side with a label, in the order of records and time; with `all`, those without one
  // too.
  std::vector<ExampleId> beats(bool all = false) const;
  const BeatRecord& record(ExampleId id) const { return records_[static_cast<std::size_t>(id.record)]; }
  const Beat& beat(ExampleId id) const { return record(id).beats[static_cast<std::size_t>(id.beat)]; }

  // The beats of its sequence, in order of time, itself in the middle: indices into its record's beats. At
  // the record's ends the first or last beat stands for those that are not there.
  std::vector<std::size_t> sequence_of(ExampleId id) const;

  std::vector<ExampleId> labelled() const override { return beats(); }
  int label(ExampleId id) const override { return beat(id).label; }
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
  std::vector<Channel> channels_;
  std::vector<BeatRecord> records_;
};

}  // namespace sec::train
