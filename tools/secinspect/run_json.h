// The part of a page's data that says how a run went.
#pragma once

#include "io/files/json.h"
#include "tools/secinspect/run_files.h"

namespace sec::tools {

// {"name", "title", "task", "classes", "choose_by", "epochs", "steps", "states", "metrics"}: the log's epochs as they are,
// of the steps at most 1500 and of the network's states at most 100, evenly and with the last, and of metrics.json what pages show. Metrics are null before the end.
io::Json run_json(const RunFiles& run, const RunLog& log);

// The keys of recipes that differ between runs: [{"key", "values": [text by run]}]. "unset": a key that a run does not have.
io::Json recipe_differences(const std::vector<RunFiles>& runs);

}  // namespace sec::tools
