// Other beats beside the one that is shown: what the gates usually do for each class, the beats with the nearest
// features, and the run's most confident mistakes.
#pragma once

#include <vector>

#include "io/files/json.h"
#include "tools/secinspect/model.h"
#include "train/data/beat_dataset.h"
#include "train/inspect/page_data.h"

namespace sec::tools {

// Beats of the same recording, evenly over its classes and time, without the one that is shown.
struct ReferenceBeats {
  std::vector<train::ExampleId> ids;
  std::vector<int> labels;   // annotated classes; where there are none, the network's
  std::vector<int> decided;  // the network's classes
  train::GatesAndFeatures values;
  std::vector<train::UsualGates> usual;  // by class
};
ReferenceBeats reference_beats(const train::BeatDataset& dataset, train::ExampleId shown,
                               InspectedModel& model, Stream& stream);

// Adds "neighbours" and "neighbours_from" to the page: with --data and a run folder beats of the run's training
// records, else of the same recording. With --data it adds "mistakes", the most confident wrong predictions on the
// run's validation or test records. Records are named only with --identify.
// Throws Error naming the file if --data lacks a record of the run.
void add_similar_beats(const Options& options, InspectedModel& model, Stream& stream,
                       const train::BeatDataset& dataset, train::ExampleId shown,
                       const ReferenceBeats& reference, io::Json& page);

}  // namespace sec::tools
