// The same input given to the networks of a run's kept epochs.
#pragma once

#include "io/files/json.h"
#include "tools/secinspect/model.h"
#include "train/inspect/window.h"

namespace sec::tools {

// Adds page["epochs"] if the run folder of the model has kept epochs (train.keep_epochs): of each its score, logits,
// probabilities, first filters, gates, and the attribution to the class `label` by input channel and covariate. Of a run
// with many epochs some are taken, evenly and with the last.
// Throws Error naming the file if kept weights are damaged, or are those of another network or run.
void add_kept_epochs(InspectedModel& model, Stream& stream, const train::InspectedInput& inspected, int label,
                     io::Json& page);

}  // namespace sec::tools
