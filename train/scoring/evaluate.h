// Scoring a trained network on records that it has not seen.
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
  std::vector<RecordScore> records;  // in the order of the inputs' records
  std::vector<MisreadBeat> misread;  // the most confidently misread beats
  std::int64_t misread_total = 0;
  Auc auc;                           // of the trained classes, over all beats
  AucIntervals auc_range;            // by patient
  std::vector<float> probabilities;  // (beats, classes)
  std::vector<float> logits;         // (beats, classes): what the class was decided by
  std::vector<std::int32_t> labels;  // (beats); -1: of no trained class
};

// Reads every annotated beat, those of classes the network was not trained on included: these are misread,
// whatever the network says. At most `shown` misread beats are kept, by probability and spread over records
// and pairs of classes.
// `sides` says who was recorded.
TestResult evaluate(Classifier& classifier, const BeatDataset& inputs, std::size_t shown,
                    const Splits& splits = {});

// Of a set of records; with a temperature, which was fitted on others, also of the probabilities it gives.
NamedCalibration calibrate(const std::string& name, const TestResult& result, std::size_t classes,
                           std::optional<double> temperature);

// The records' scores added up by patient, in order of appearance.
std::vector<PatientScore> by_patient(const std::vector<RecordScore>& records);

// The sum of the records' confusions as a 3-, 4- and 5-class problem, leaving out `without`. `name` is that
// of the set of records; `seed` draws the patients for the intervals.
std::vector<Evaluation> evaluations(const std::string& name, const std::vector<RecordScore>& records,
                                    std::int64_t seed, const std::vector<std::string>& without = {});

}  // namespace sec::train
