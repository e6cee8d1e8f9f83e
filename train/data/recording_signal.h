// The signal of a whole recording in the network's input format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"
#include "train/recipe/recipe.h"

namespace sec::train {

struct RecordingSignal {
  std::vector<float> x;               // (L, H)
  std::vector<std::string> comments;  // comments in the file's header
  std::vector<std::uint64_t> hashes;  // signal_hash() of the file's samples by lead, without flat leads
};

// Reads the first data.seconds of the leads data.leads, whose names are not case-sensitive.
// Returns the leads in the units of input.amplitudes. As in the released code, the Fourier transform
// resamples them to data.length.
// Missing limb leads are computed from I and II:
//   III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2
// Shorter recordings are padded with zeros. Throws Error, naming the file, if it cannot be read,
// if a lead is neither in it nor computable, and on invalid samples unless data.invalid_samples is "hold".
RecordingSignal read_signal(const Recipe& recipe, const std::filesystem::path& path);

// The covariates named in input.covariates: age as (years - 50) / 50, and sex as -1 (female) or 1 (male).
// Unknown values are 0.
std::vector<float> recording_covariates(const Recipe& recipe, const io::LabelledRecording& recording);

}  // namespace sec::train
