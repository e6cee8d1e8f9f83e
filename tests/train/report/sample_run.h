// An invented run that contains everything that a report can show.
#pragma once

#include "train/scoring/run_summary.h"

namespace sec::train {

RunSummary sample_run();

}  // namespace sec::train
