// All that a report of one training run needs, as plain values.
#pragma once

#include <cmath>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "train/scoring/auc.h"
#include "train/scoring/bootstrap.h"
#include "train/scoring/calibration.h"
#include "train/scoring/metrics.h"
#include "train/scoring/multi_label.h"

namespace sec::train {

struct EpochRecord {
  int epoch = 0;             // counts from 1
  std::int64_t step = 0;     // optimizer steps taken by the end of the epoch
  double learning_rate = 0;  // at the epoch's last step
  double train_loss = 0;     // mean over the epoch's batches, augmentation and dropout on
  double validation_loss = 0;
  double validation_accuracy = 0;             // over the trained classes
  double validation_macro_f1 = 0;             // over the trained classes: what chooses the best epoch
  std::vector<double> validation_f1;          // by trained class; NaN where undefined
  double validation_micro_f1 = std::nan("");  // of recordings: the released code's, see multi_label.h
  double validation_auc = std::nan("");       // of recordings: macro
  double samples_per_second = 0;              // training alone
  double seconds = 0;                         // training and validation
  bool best = false;                          // the best so far
};

// One scoring of a set of beats, as 3-, 4- or 5-class problem.
struct Evaluation {
  std::string name;        // "DS2", "DS2 without 202", "validation"
  Scores scores;           // its class list says how many classes are scored
  std::string note;        // what happened to beats outside of the classes, or empty
  F1Intervals range = {};  // 95 %, patients drawn with replacement; empty: not known
};

// The AUC of each trained class against all the rest, over a whole set of records.
struct NamedAuc {
  std::string name;  // "DS2", "validation"
  Auc auc;
  AucIntervals range;  // 95 %, patients drawn with replacement
};

// How far probabilities can be believed, over a whole set of records.
struct NamedCalibration {
  std::string name;
  Calibration plain;
  std::optional<double> temperature;  // fitted on the validation records; nothing: not fitted
  Calibration tempered;               // of softmax(logits / temperature)
};

// One record's share of the test set: a row of the per-record table.
struct RecordScore {
  std::string record;
  Scores scores;             // 5 classes
  std::string patient = {};  // whose it is; empty: nobody else's
};

// The same of all of a patient's records together.
struct PatientScore {
  std::string patient;
  std::vector<std::string> records;
  Scores scores;
};

// A misread beat, with the signal around it.
struct MisreadBeat {
  std::string record;
  std::int64_t sample = 0;  // of the R peak, at the recording's own rate
  double time = 0;          // s from the start of the recording
  std::string truth;        // class names
  std::string predicted;
  double probability = 0;        // of the predicted class
  double truth_probability = 0;  // of the true class; 0 if the network has no such class
  double rate = 0;               // Hz, of the window
  double window_start = 0;       // s from the start of the recording, of the window's first sample
  std::vector<std::string> lead_names;
  std::vector<std::vector<float>> leads;                // [lead][sample], mV, wander removed
  std::vector<std::pair<double, std::string>> markers;  // other annotated beats in the window: s from the
                                                        // start of the recording, class; and this one
};

// The value of train.choose_by.
double chosen_score(const EpochRecord& record, const std::string& choose_by);

struct NamedSeconds {
  std::string name;
  double seconds = 0;
};

struct RunSummary {
  std::string title;        // "SE-ECGNet on MIT-BIH, inter-patient"
  std::string created;      // local time, ISO 8601
  std::string program;      // name and version
  std::string recipe_text;  // resolved TOML
  std::string data;         // what was read: folder, records, beats by class and side
  bool synthetic = false;   // generated signals: say so at the top, figures mean nothing clinically
  std::uint64_t seed = 0;
  std::string device;                 // "cpu, 2 threads"
  std::string protocol;               // which records train, choose and test; rules; known overlaps
  std::vector<std::string> warnings;  // for the top of the report
  std::vector<std::string> leaks;     // what the sides share: shown in red
  std::vector<std::string> classes;   // that the network was trained on
  std::vector<EpochRecord> history;
  int best_epoch = 0;
  std::vector<Evaluation> evaluations;
  std::vector<NamedAuc> aucs;
  std::vector<MultiLabelScores> recordings;  // task "recordings"; evaluations and aucs are then empty
  std::vector<NamedCalibration> calibrations;
  std::vector<RecordScore> records;
  std::vector<PatientScore> patients;
  std::vector<MisreadBeat> misread;  // a choice of them, the most confident first
  std::int64_t misread_total = 0;
  std::string network;               // the network's summary table
  std::vector<NamedSeconds> timing;  // "read data", "train", "test", "total", ...
};

}  // namespace sec::train
