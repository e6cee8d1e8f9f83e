// The lines of a run's log.jsonl, and a log that a resumed run continues.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "train/loop/trainer.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

// Lines of log.jsonl, without the line end.
std::string log_line(const StepReport& report);
std::string log_line(const EpochRecord& record, const std::vector<std::string>& classes);

// Cuts a log to the lines of steps up to `step`, for a run that goes on from there; and puts the times of
// earlier epochs, which checkpoints do not hold, back into the history. Unreadable lines at the end, as a
// kill leaves them, are dropped. Throws Error naming the file.
void continue_log(const std::filesystem::path& path, std::int64_t step, std::vector<EpochRecord>& history);

}  // namespace sec::train
