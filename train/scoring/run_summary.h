// Everything that the report of a training run shows, as plain values.
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
#include "train/scoring/curves.h"
#include "train/scoring/metrics.h"
#include "train/scoring/multi_label.h"

namespace sec::train {

struct EpochRecord {
  int epoch = 0;             // counts from 1
  std::int64_t step = 0;     // optimizer steps taken by the end of the epoch
  double learning_rate = 0;  // learning rate at the epoch's last step
  double train_loss = 0;     // mean over the epoch's batches, with augmentation and dropout
  double validation_loss = 0;
  double validation_accuracy = 0;             // accuracy over the trained classes
  double validation_macro_f1 = 0;             // over the trained classes; chooses the best epoch by default
  std::vector<double> validation_f1;          // (classes), of the trained classes; NaN where undefined
  double validation_micro_f1 = std::nan("");  // recordings: the released code's metric, see multi_label.h
  double validation_auc = std::nan("");       // recordings: the macro AUC
  double samples_per_second = 0;              // training throughput, without validation
  double seconds = 0;                         // time of training and validation
  bool best = false;                          // whether this epoch has the best score so far
};

// The scores of a set of beats as a 3-, 4- or 5-class problem.
struct Evaluation {
  std::string name;        // "DS2", "DS2 without 202", "validation"
  Scores scores;           // scores of the 3, 4 or 5 classes
  std::string note;        // how beats of other classes were treated, or empty
  F1Intervals range = {};  // 95 % intervals, bootstrap over patients; empty: unknown
};

// The AUC of each trained class against all others, over a set of records.
struct NamedAuc {
  std::string name;  // "DS2", "validation"
  Auc auc;
  AucIntervals range;  // 95 % intervals, bootstrap over patients
};

// The calibration of predicted probabilities over a set of records.
struct NamedCalibration {
  std::string name;
  Calibration plain;                  // calibration of softmax(logits)
  std::optional<double> temperature;  // fitted on the validation records, if it was fitted
  Calibration tempered;               // calibration of softmax(logits / temperature)
};

// The scores of one test record: a row of the per-record table.
struct RecordScore {
  std::string record;
  Scores scores;              // scores of the 5 AAMI classes
  std::string patient = {};   // empty: the patient has only this record
  std::string database = {};  // of the record: "mitdb"
};

// The scores of all records of a patient together.
struct PatientScore {
  std::string patient;
  std::vector<std::string> records;
  Scores scores;
};

// The scores of all test records of a database together.
struct DatabaseScore {
  std::string database;
  std::vector<std::string> records;
  Scores scores;  // of the 5 AAMI classes
};

// A misclassified beat, with the signal around it.
struct MisreadBeat {
  std::string record;
  std::int64_t sample = 0;       // sample of the R peak, at the recording's rate
  double time = 0;               // time of the R peak, in s from the start of the recording
  std::string truth;             // name of the true class
  std::string predicted;         // name of the predicted class
  double probability = 0;        // probability of the predicted class
  double truth_probability = 0;  // probability of the true class; 0 if the network has no such class
  double rate = 0;               // sampling rate of the window in Hz
  double window_start = 0;       // time of the window's first sample, in s from the start of the recording
  std::vector<std::string> lead_names;
  std::vector<std::vector<float>> leads;  // [lead][sample], mV, wander removed
  // All annotated beats in the window, including this beat: s from the start of the recording, and class.
  std::vector<std::pair<double, std::string>> markers;
};

// The prediction for a beat or a whole recording: a row of predictions.csv.
struct ExamplePrediction {
  std::string split;  // "train", "validation" or "test"
  std::string recording;
  std::string database = {};          // empty: the recipe names no databases
  std::string patient;                // empty: not known
  std::int64_t sample = -1;           // of a beat: sample of its R peak; -1: a whole recording
  double time = 0;                    // of a beat: s from the start of the recording
  std::vector<std::string> truth;     // a beat's class, also one that was not trained; a recording's classes
  std::vector<std::string> decision;  // the predicted class or classes
  std::vector<float> probabilities;   // (classes)

  bool right() const { return truth == decision; }
};

// A whole recording with a wrong label, and its signal.
struct MisreadRecording {
  std::string recording;
  std::string patient;              // empty: not known
  std::vector<std::string> missed;  // classes that it has and that were not predicted, as "MI 0.12"
  std::vector<std::string> stated;  // classes that were predicted without reason, as "NORM 0.91"
  double confidence = 0;            // largest distance of a wrong logit from its threshold
  double rate = 0;                  // Hz
  std::vector<std::string> lead_names;
  std::vector<std::vector<float>> leads;  // [lead][sample], mV
};

// The validation score that train.choose_by names.
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
  std::string data;         // the data read: folder, records, and beats by class and split
  bool synthetic = false;   // generated signals: the report warns that the scores mean nothing clinically
  std::uint64_t seed = 0;
  std::string device;                 // "cpu, 2 threads"
  std::string instruction_set;        // of the cpu's kernels: "avx2"; empty on other devices
  std::string protocol;               // the records of each split, the rules, and known overlaps
  std::vector<std::string> warnings;  // shown at the top of the report
  std::vector<std::string> leaks;     // recordings or patients that splits share, shown in red
  std::vector<std::string> classes;   // the classes that the network was trained on
  std::vector<EpochRecord> history;
  int best_epoch = 0;
  std::vector<Evaluation> evaluations;
  std::vector<NamedAuc> aucs;
  std::vector<MultiLabelScores> recordings;  // task "recordings"; evaluations and aucs are then empty
  std::vector<NamedCalibration> calibrations;
  std::vector<RecordScore> records;
  std::vector<PatientScore> patients;
  std::vector<DatabaseScore> databases;  // task "beats", by name
  std::vector<MisreadBeat> misread;      // a selection, by falling confidence
  std::int64_t misread_total = 0;
  std::vector<NamedCurves> curves;                   // ROC and precision-recall curves
  std::vector<ExamplePrediction> predictions;        // of all splits, in the order train, validation, test
  std::vector<MisreadRecording> misread_recordings;  // a selection, by falling confidence
  std::int64_t misread_recordings_total = 0;
  std::string network;               // the network's summary table
  std::vector<NamedSeconds> timing;  // "read data", "train", "test", "total", ...
};

}  // namespace sec::train
