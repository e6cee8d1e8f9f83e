// The running description of a patient: the amplitude and shape of the patient's beats so far.
// It uses only past beats and no labels, so it can be computed for unknown patients.
// Training computes it for each beat of a whole record, inference for each beat of a stream.
// Both training and inference use these functions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe/recipe.h"

namespace sec::train {

// Copies the samples [begin, begin + out.size()) of a signal whose first sample has number `first`.
// Beyond the ends of the signal its first or last sample is repeated.
void cut_window(std::span<const float> signal, std::int64_t begin, std::span<float> out,
                std::int64_t first = 0);

// The peak-to-peak amplitude within 100 ms of the R peak at sample `centre`, in the signal's units.
float qrs_amplitude(std::span<const float> signal, std::int64_t centre, double rate, std::int64_t first = 0);

// A beat that precedes the beat to be described.
struct PastBeat {
  double interval = 0;                // s since the beat before it
  std::span<const float> windows;     // (leads, window) mV, around its R peak
  std::span<const float> amplitudes;  // (leads) mV, of its QRS complex
};

// Computes the median amplitude and median beat of the past beats, given in order of time:
// at most input.past_beats beats before the described one. The first beat of a record is described by itself.
void describe_patient(std::span<const PastBeat> past, const Recipe::Input& options,
                      std::span<float> amplitudes,  // (leads) mV, median amplitudes
                      std::span<float> templates);  // (leads, window) mV, median beat

}  // namespace sec::train
