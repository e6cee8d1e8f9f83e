// Scores a trained network on records that it was not trained on.
#pragma once

#include <string>
#include <vector>

#include "train/data/splits.h"
#include "train/scoring/auc.h"
#include "train/scoring/bootstrap.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

struct TestResult {
  std::vector<RecordScore> records;  // one entry per record, in the dataset's order
  std::vector<ExamplePrediction> predictions;
  NamedCurves curves;
  std::vector<MisreadBeat> misread;  // the most confidently misread beats
  std::int64_t misread_total = 0;
  Auc auc;                           // AUC of the trained classes, over all beats
  AucIntervals auc_range;            // bootstrap over patients
  std::vector<float> probabilities;  // (beats, classes)
  std::vector<float> logits;         // (beats, classes), with the decision offsets added
  std::vector<std::int32_t> labels;  // (beats); -1: none of the trained classes
};

// Classifies every annotated beat.
// Beats of classes that the network was not trained on always count as misread.
// Keeps at most `shown` misread beats: the most probable ones, spread over records and pairs of classes.
// `splits` maps records to patients.
TestResult evaluate(Classifier& classifier, const BeatDataset& dataset, std::size_t shown,
                    const Splits& splits = {});

// The predictions for the beats of a dataset, in its order, for predictions.csv. The split is left empty.
std::vector<ExamplePrediction> predicted_beats(Classifier& classifier, const BeatDataset& dataset,
                                               const Splits& splits);

// The calibration of a set of records.
// If there is a temperature, fitted on other records, it adds the calibration of tempered probabilities.
NamedCalibration calibrate(const std::string& name, const TestResult& result, std::size_t classes,
                           std::optional<double> temperature);

// Adds up the confusion matrices of each patient's records. Patients are in order of appearance.
std::vector<PatientScore> by_patient(const std::vector<RecordScore>& records);

// Adds up the confusion matrices of each database's records. Databases are sorted by name.
std::vector<DatabaseScore> by_database(const std::vector<RecordScore>& records);

// Scores the sum of the records' confusion matrices as a 3-, 4- and 5-class problem.
// The records `without` are left out.
// `name` is the name of the set of records; `seed` is the seed of the bootstrap over patients.
std::vector<Evaluation> evaluations(const std::string& name, const std::vector<RecordScore>& records,
                                    std::int64_t seed, const std::vector<std::string>& without = {});

}  // namespace sec::train
