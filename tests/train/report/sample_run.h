// A made-up run with everything in it that a report can show.
#pragma once

#include "train/scoring/run_summary.h"

namespace sec::train {

RunSummary sample_run();

}  // namespace sec::train
