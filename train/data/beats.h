// Annotated recordings prepared for training: filtered and resampled signals, beats with their classes,
// and a description of the patient from the beats before each beat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "train/data/rhythm.h"
#include "train/recipe/recipe.h"

namespace sec::train {

struct Beat {
  std::int64_t sample = 0;  // annotated sample of the R peak, at the recording's rate
  std::int64_t centre = 0;  // sample of the R peak at the recipe's rate
  int aami = 0;             // index into io::beat_class_names
  int label = -1;           // index into the recipe's classes; -1: none of them
  bool in_split = true;     // false: the beat belongs to another split, and serves only as a neighbour here
};

struct BeatRecord {
  std::string name;
  double source_rate = 0;                   // sampling rate of the recording in Hz
  double rate = 0;                          // sampling rate of `signals` in Hz
  std::vector<std::string> lead_names;      // names of the selected leads
  std::vector<std::vector<float>> signals;  // [lead][sample] mV, wander removed
  std::vector<Beat> beats;                  // beats in order of time

  // One entry per beat, computed from the beats before it; the first beat is described by itself.
  std::vector<BeatRhythm> rhythm;
  std::vector<float> amplitudes;  // (beats, leads) mV, median peak-to-peak amplitude within 100 ms of R peaks
  std::vector<float> templates;   // (beats, leads, window) mV, median beat
};

// Selects the leads `wanted` (data.leads) of a file: indices into its lead `names`.
// "other" stands for the first lead that is not selected otherwise.
// Throws Error, naming `file` and its leads, if a lead is missing.
std::vector<std::size_t> select_leads(std::span<const std::string> names, const std::string& file,
                                      std::span<const std::string> wanted);

// Reads FOLDER/NAME.hea, .dat and .atr. Ignores annotations that are not beats.
// Throws Error if a file cannot be read, a lead is missing, no beat is annotated, or samples are not finite.
BeatRecord load_record(const std::filesystem::path& folder, const std::string& name, const Recipe& recipe);

// Reads several records in parallel, and returns them in the order of the names.
std::vector<BeatRecord> load_records(const std::filesystem::path& folder, std::span<const std::string> names,
                                     const Recipe& recipe);

// Computes a record's rhythm, amplitudes and templates from its signals and beats.
void describe_beats(BeatRecord& record, const Recipe& recipe);

}  // namespace sec::train
