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
  std::vector<std::string> warnings;  // found while reading, one line each
  double amplitude = 0;  // mV in the file, median over seconds and leads (io/recording/amplitude.h)
  double filled = 0;     // share of data.seconds that the file lacks
  std::vector<std::uint64_t> hashes;  // signal_hash() of the file's samples by lead, without flat leads
};

// Reads the first data.seconds of the leads data.leads, found as io/recording/lead_names.h says.
// The signal is resampled to data.length with the Fourier transform,
// as in the released code, in the units of input.amplitudes. Missing limb leads are computed from I and II:
//   III = II - I, aVR = -(I + II) / 2, aVL = I - II / 2, aVF = II - I / 2
// The whole file is verified first (RecordingReader::verify) unless data.verify is false.
// Shorter recordings are padded with zeros, with a warning if that is more than half of the window. Amplitudes
// that no electrocardiogram has are a warning. Throws Error, naming the file, if it cannot be read, if a lead is neither in it nor computable, and on invalid samples unless data.invalid_samples is "hold".
RecordingSignal read_signal(const Recipe& recipe, const std::filesystem::path& path);

// Subtracts the mean and divides by the standard deviation, unless the signal is flat.
void standardise(std::vector<float>& signal);

// The covariates named in input.covariates: age as (years - 50) / 50, and sex as -1 (female) or 1 (male).
// Unknown values are 0.
std::vector<float> recording_covariates(const Recipe& recipe, const io::LabelledRecording& recording);

}  // namespace sec::train
