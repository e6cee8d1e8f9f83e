// Conversions to JSON for the results and the log of a run.
#pragma once

#include <string>
#include <vector>

#include "io/files/json.h"
#include "train/scoring/run_summary.h"

namespace sec::train {

using json = io::Json;

// The value, or null if it is not finite, as JSON has no such numbers.
json number(double value);

json to_json(const EpochRecord& record, const std::vector<std::string>& classes);

}  // namespace sec::train
