// Everything that a run reports of heartbeats: evaluations, AUC, calibration, scores by record and patient,
// misread beats.
#pragma once

#include "train/data/beat_splits.h"
#include "train/scoring/predict.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// Scores the validation and the test records, and adds the results to `run`. A temperature is fitted on the
// validation records if the loss is the cross entropy.
void score_beats(RunSummary& run, Classifier& classifier, const BeatSplits& data);

}  // namespace sec::train
