// Annotated recordings, made ready for training: filtered and resampled signals, beats with their classes,
// and what is known of the patient from the beats so far.
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
  std::int64_t sample = 0;  // of the R peak, as annotated, at the recording's own rate
  std::int64_t centre = 0;  // the same at the recipe's rate
  int aami = 0;             // index into io::beat_class_names
  int label = -1;           // index into the recipe's classes; -1: not one of them
  bool on_side = true;      // false: known to be there, but its reading belongs to another side of the data
};

struct BeatRecord {
  std::string name;
  double source_rate = 0;                   // Hz, of the recording
  double rate = 0;                          // Hz, of `signals`
  std::vector<std::string> lead_names;      // as selected
  std::vector<std::vector<float>> signals;  // [lead][sample] mV, wander removed
  std::vector<Beat> beats;                  // in order of time
  std::vector<std::string> warnings = {};   // of what was found while reading, a line each

  // From the beats before each one; a record's first beat stands for its own past.
  std::vector<BeatRhythm> rhythm;
  std::vector<float> amplitudes;  // (beats, leads) mV: median peak-to-peak within 100 ms of the R peak
  std::vector<float> templates;   // (beats, leads, window) mV: the median beat
};

// Which lead serves as which of the recipe's (data.leads): indices into `names`. A name stands for the lead
// of that name, "other" for the first one not yet taken. Throws Error, naming `file` and the leads there are.
std::vector<std::size_t> select_leads(std::span<const std::string> names, const std::string& file,
                                      std::span<const std::string> wanted);

// Reads FOLDER/NAME.hea, .dat and .atr. Annotations that are no beats are left out. Throws Error naming file
// and place: what io/ finds wrong, a lead that is not there, samples that are not finite, no beats at all. A beat that is
// annotated outside the signal is left out with a warning, as WFDB's programs do.
BeatRecord load_record(const std::filesystem::path& folder, const std::string& name, const Recipe& recipe);

// The same for several records, in parallel, in the order of the names.
std::vector<BeatRecord> load_records(const std::filesystem::path& folder, std::span<const std::string> names,
                                     const Recipe& recipe);

// Fills rhythm, amplitudes and templates from signals and beats.
void describe_beats(BeatRecord& record, const Recipe& recipe);

}  // namespace sec::train
