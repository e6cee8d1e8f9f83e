// A run's results as JSON, for programs, and as text, for people.
#pragma once

#include <string>

#include "train/progress.h"
#include "train/run_summary.h"
#include "train/trainer.h"

namespace sec::train {

// The contents of metrics.json: all scores, protocol, data, seed, history and times. Undefined values are
// null.
std::string metrics_json(const RunSummary& summary, const Sides& sides, const std::string& fingerprint);

// Accuracy, the confusion matrix and Se, +P, F1 of each class of every evaluation; AUC, calibration, and a
// line a patient. Intervals are of 95 %.
std::string results_text(const RunSummary& summary);

// Lines of log.jsonl, without the line end.
std::string log_line(const StepReport& report);
std::string log_line(const EpochRecord& record, const std::vector<std::string>& classes);

// Cuts a log to the lines of steps up to `step`, for a run that goes on from there; and puts the times of
// earlier epochs, which checkpoints do not hold, back into the history. Unreadable lines at the end, as a
// kill leaves them, are dropped. Throws Error naming the file.
void continue_log(const std::filesystem::path& path, std::int64_t step, std::vector<EpochRecord>& history);

}  // namespace sec::train
