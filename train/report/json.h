// Pieces of JSON that the results and the log of a run share.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

using json = nlohmann::ordered_json;

// Null for values that are not finite, which JSON cannot hold.
json number(double value);

json to_json(const EpochRecord& record, const std::vector<std::string>& classes);

}  // namespace sec::train
