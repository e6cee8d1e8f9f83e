// The lines of a run's log.jsonl, and the continuation of a log by a resumed run.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/loop/trainer.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// A line of log.jsonl, without the newline. Lines of the event "state" are of train/inspect/network_state.h.
std::string log_line(const StepReport& report);
std::string log_line(const EpochRecord& record, const std::vector<std::string>& classes);

// Truncates the log of a run that resumes after step `step` to the lines of steps up to `step`.
// Also restores the times of earlier epochs in `history`, which checkpoints do not hold.
// Drops unreadable lines, such as the last line of a killed run. Throws Error naming the file.
void continue_log(const std::filesystem::path& path, std::int64_t step, std::vector<EpochRecord>& history);

}  // namespace sec::train
