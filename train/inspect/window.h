// The input to be inspected: a beat of a recording, or a whole recording, as the network receives it, and the
// baselines with which attribution compares it.
#pragma once

#include <cmath>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/data/beat_dataset.h"
#include "train/inspect/attribution.h"
#include "train/inspect/observe.h"

namespace sec::train {

// One row of the network's input.
struct InputChannel {
  std::string name;  // "MLII", "V1 minus the usual beat", "rhythm"
  std::string kind;  // "signal", "difference", "rhythm"; of whole recordings "lead"
  int lead = -1;     // index into the leads read; -1: a rhythm strip

  bool is_rhythm() const { return lead < 0; }
};

struct InspectedInput {
  NetworkInput input;
  NetworkInput flat;                  // baseline: no signal, no rhythm, covariates 0
  std::optional<NetworkInput> usual;  // baseline: the patient's median beat at the patient's usual interval
  std::vector<InputChannel> channels;
  std::vector<std::string> covariates;  // what each covariate says
  std::vector<Patches> patches;         // for occlusion, by channel: 0.1 s, and the segments of rhythm strips
  double rate = 0;                      // Hz
  double begin = 0;                     // s from the start of the recording, of the first sample
  double beat = std::nan("");           // s, of the R peak; NaN: a whole recording
  std::string reference;                // the annotated class or classes; empty: none
};

// The beat of a record that is nearest to `seconds`.
// Throws Error, naming `file`, if that is outside the record, or no beat is within 2 s.
std::size_t beat_near(const BeatRecord& record, double seconds, const std::string& file);

// A beat of a dataset's record. Sequences of beats (input.beats) have it in their middle.
InspectedInput inspected_beat(const BeatDataset& dataset, ExampleId beat, const Recipe& recipe);

// A whole recording, read as training reads it, or with data.crop the crop whose middle is nearest to `at` (s).
InspectedInput inspected_recording(const std::filesystem::path& path, const Recipe& recipe, double at);

// The inputs of several examples.
NetworkInput inputs_of(const Dataset& dataset, std::span<const ExampleId> ids);

}  // namespace sec::train
