// The running description of a patient: how large and of what shape his beats have been so far. Causal and
// free of labels, so that it can be computed for a patient never seen. Training asks for it beat by beat of
// a whole record, inference of a stream; both get it here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/recipe/recipe.h"

namespace sec::train {

// The samples [begin, begin + out.size()) of a signal whose first sample has number `first`; beyond its ends,
// its first or last sample.
void cut_window(std::span<const float> signal, std::int64_t begin, std::span<float> out,
                std::int64_t first = 0);

// Peak to peak within 100 ms of the R peak at sample `centre`, in the signal's units.
float qrs_amplitude(std::span<const float> signal, std::int64_t centre, double rate, std::int64_t first = 0);

// A beat of the past.
struct PastBeat {
  double interval = 0;                // s from the beat before
  std::span<const float> windows;     // (leads, window) mV, around its R peak
  std::span<const float> amplitudes;  // (leads) mV, of its QRS complex
};

// From the at most input.past_beats beats before one, in order of time; for a record's first beat, from
// itself.
void describe_patient(std::span<const PastBeat> past, const Recipe::Input& options,
                      std::span<float> amplitudes,  // (leads) mV: their median
                      std::span<float> templates);  // (leads, window) mV: the median beat

}  // namespace sec::train
