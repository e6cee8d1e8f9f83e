// Annotated recordings prepared for training: filtered and resampled signals, beats with their classes,
// and a description of the patient from the beats before each beat.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "io/scoring/aami.h"
#include "train/data/databases.h"
#include "train/data/dataset.h"
#include "train/data/rhythm.h"
#include "train/recipe/recipe.h"

namespace sec::train {

struct Beat {
  std::int64_t sample = 0;  // annotated sample of the R peak, at the recording's rate
  std::int64_t centre = 0;  // sample of the R peak at the recipe's rate
  int aami = 0;             // index into io::beat_class_names; -1: not annotated
  int label = -1;           // index into the recipe's classes; -1: none of them
  bool in_split = true;     // false: the beat belongs to another split, and serves only as a neighbour here
};

struct BeatRecord {
  std::string name;                         // as in the recipe: "100", or "svdb:800" of a further database
  double source_rate = 0;                   // sampling rate of the recording in Hz
  double rate = 0;                          // sampling rate of `signals` in Hz
  std::vector<std::string> lead_names;      // names of the selected leads
  std::vector<std::vector<float>> signals;  // [lead][sample] mV, wander removed
  std::vector<Beat> beats;                  // in order of time
  double amplitude = 0;  // mV in the file, median over seconds and leads (io/recording/amplitude.h)
  std::vector<std::string> warnings = {};  // of what was found while reading, a line each
  std::string database = {};               // for people: database_title()
  DrawPool pool = {};

  // One entry per beat, computed from the beats before it; the first beat is described by itself.
  std::vector<BeatRhythm> rhythm;
  std::vector<float> amplitudes;  // (beats, leads) mV, median peak-to-peak amplitude within 100 ms of R peaks
  std::vector<float> templates;   // (beats, leads, window) mV, median beat
};

// Reads a WFDB record (FOLDER/NAME.hea) or a recording of another format (FOLDER/NAME with its extension) and its
// annotations, as annotations_of() finds them. Ignores annotations that are not beats. Throws Error, naming file
// and place, if a file cannot be read, a lead is missing, samples are not finite, or no beat is annotated.
// A beat annotated outside the signal is left out with a warning, as in WFDB's programs.
// Signals whose header states no gain need the key `gain` of a further database.
BeatRecord load_record(const DataFolders& folders, const std::string& name, const Recipe& recipe);

// Reads any recording that io::open_recording knows. Its beats are those annotated beside it or, if there are no
// annotations or `find_beats` is set, those that the QRS detector finds in the first lead read: they have no class,
// and Beat::aami is -1. Throws as load_record() does, and if no beat is found.
BeatRecord load_any_record(const std::filesystem::path& path, const Recipe& recipe, bool find_beats = false);

// The number of beats of each class that a recording's annotations mark, without reading its signals.
io::ClassCounts annotated_beats(const RecordPlace& place);

// Reads several records in parallel, and returns them in the order of the names.
std::vector<BeatRecord> load_records(const DataFolders& folders, std::span<const std::string> names,
                                     const Recipe& recipe);

// Computes a record's rhythm, amplitudes and templates from its signals and beats.
void describe_beats(BeatRecord& record, const Recipe& recipe);

}  // namespace sec::train
