// Parts of a page's data as JSON: the network's nodes, its stem, scales and gates, and the attributions.
// The page in tools/secinspect/page reads them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "io/files/json.h"
#include "train/inspect/attribution.h"
#include "train/inspect/observe.h"

namespace sec::train {

// Every node. `rate` in Hz turns receptive fields into ms. Without `values` the shapes alone are told.
io::Json nodes_json(const Observation& observation, double rate, bool values);

// The bytes of live tensors after each forward operation, then at each step of the walk back.
io::Json memory_json(const Observation& observation);

// The filters of the first convolution, (C, taps), and their gain from 0 Hz to half the sampling rate. Of a convolution
// that reads several leads, each filter is that of the lead with the largest weights.
io::Json stem_json(const Observation& observation, Stream& stream, double rate);

// What each group of features adds to the logits of the one sample: the sums are the logits.
struct Contribution {
  std::string name;            // "3", "5", "7", "covariates", "bias", or "features"
  std::vector<double> logits;  // (classes)
};
std::vector<Contribution> contributions(const Observation& observation, Stream& stream);

// The gates of the sample, and their means over reference inputs of each class.
struct UsualGates {
  std::string name;                        // of the class
  std::vector<std::vector<float>> values;  // [gate](C)
};
// The means over the rows of `gates` whose label is `label`; nullopt without such a row.
std::optional<UsualGates> usual_gates(const GatesAndFeatures& reference, const std::vector<int>& labels,
                                      int label, const std::string& name);
io::Json gates_json(const Observation& observation, const std::vector<UsualGates>& usual);

// One picture. `baseline` is "flat" or "usual beat".
io::Json attribution_json(const std::string& method, const std::string& baseline, const Target& target,
                          const Attribution& attribution, const model::NetworkOptions& options);
io::Json deletion_json(const DeletionCurve& curve);

}  // namespace sec::train
