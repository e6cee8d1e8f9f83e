// A run's results as JSON, for programs, and as text, for people.
#pragma once

#include <string>

#include "train/data/splits.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// The contents of metrics.json: all scores, protocol, data, seed, history and times. Undefined values are
// null.
std::string metrics_json(const RunSummary& summary, const Splits& splits, const std::string& fingerprint);

// Accuracy, the confusion matrix and Se, +P, F1 of each class of every evaluation; AUC, calibration, and a
// line a patient. Intervals are of 95 %.
std::string results_text(const RunSummary& summary);

}  // namespace sec::train
