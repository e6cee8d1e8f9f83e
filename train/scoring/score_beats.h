// All scores of heartbeats that a run reports:
// evaluations, AUC, calibration, scores by record and by patient, and misread beats.
#pragma once

#include "train/data/beat_splits.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// Scores the validation and the test records, and adds the results to `run`.
// If the loss is the cross entropy, it also fits a temperature on the validation records.
void score_beats(RunSummary& run, Classifier& classifier, const BeatSplits& data);

}  // namespace sec::train
