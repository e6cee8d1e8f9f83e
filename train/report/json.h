// Conversions to JSON for the results and the log of a run.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

using json = nlohmann::ordered_json;

// The value, or null if it is not finite, as JSON has no such numbers.
json number(double value);

json to_json(const EpochRecord& record, const std::vector<std::string>& classes);

}  // namespace sec::train
