// The signal of a whole recording as a network is given it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "io/databases/labelled_recordings.h"
#include "train/recipe/recipe.h"

namespace sec::train {

struct RecordingSignal {
  std::vector<float> x;               // (L, H)
  std::vector<std::string> comments;  // of the file
  std::vector<std::string> warnings;  // of what was found while reading, a line each
  // Of the file's samples, by lead that the file has; flat ones are left out.
  std::vector<std::uint64_t> hashes;
};

// The first data.seconds of data.leads, by name whatever the case: resampled to data.length by the Fourier
// transform, as the released recipe does, in the units of input.amplitudes. Where a file lacks III, aVR, aVL
// or aVF they are computed from I and II:
//   III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2
// The whole recording is verified first (RecordingReader::verify) unless data.verify is false. A shorter recording is filled
// up with zeros, with a warning if more than half of the window is. Throws Error naming the file: what its reader finds, a lead
// that it neither has nor gives, invalid samples unless data.invalid_samples = "hold" repeats the last valid
// one.
RecordingSignal read_signal(const Recipe& recipe, const std::filesystem::path& path);

// The numbers that input.covariates names: age as (years - 50) / 50, sex as -1 (female) or 1 (male), 0 where
// not known.
std::vector<float> recording_covariates(const Recipe& recipe, const io::LabelledRecording& recording);

}  // namespace sec::train
