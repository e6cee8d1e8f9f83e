// The results of a run as JSON for programs, and as text for people.
#pragma once

#include <string>

#include "train/data/splits.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// The contents of metrics.json: all scores, protocol, data, seed, history and times.
// Undefined values are null.
std::string metrics_json(const RunSummary& summary, const Splits& splits, const std::string& fingerprint);

// The results as text: accuracy, confusion matrix, and Se, +P and F1 of each class for each evaluation.
// AUC, calibration, and one line per patient follow.
// Intervals are 95 % intervals.
std::string results_text(const RunSummary& summary);

}  // namespace sec::train
