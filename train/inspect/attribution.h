// Says which parts of an input made the network decide as it did: integrated gradients (Sundararajan et al. 2017),
// occlusion (Zeiler & Fergus 2014) and Grad-CAM (Selvaraju et al. 2017), and how far each picture can be trusted.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "train/inspect/observe.h"

namespace sec::train {

// The class whose logit is attributed.
struct Target {
  int chosen = 0;
  std::vector<float> weights;  // (classes): 1 for that class, else 0

  double of(std::span<const float> logits) const;  // the class's logit
};
Target target_for(int chosen, std::size_t classes);

struct Attribution {
  std::vector<float> x;           // (L, H): the share of each sample in the target
  std::vector<float> covariates;  // (K)
  double sum = 0;                 // of all shares
  double difference = 0;          // the target of the input minus that of the baseline
  int steps = 0;                  // points on the path (integrated gradients), or occluded patches

  // |sum - difference| / |difference|, or the absolute difference below 0.01.
  double completeness_error() const;
};

struct PathOptions {
  int steps = 64;           // points on the straight path from the baseline to the input
  int most_steps = 1024;    // they are doubled until the sum is right, at most to this number
  double tolerance = 0.01;  // relative error of the sum
};

// The gradient of the target by the input, averaged over a straight path from the baseline, times the distance.
// The shares sum to the difference, up to the number of steps. Input and baseline are single samples.
Attribution integrated_gradients(model::Network& network, Stream& stream, const NetworkInput& input,
                                 const NetworkInput& baseline, const Target& target,
                                 const PathOptions& options = {});

// How occlusion covers one channel: by patches of `width` samples, each `stride` after the one before.
struct Patches {
  std::int64_t width = 1, stride = 1;
};

// Replaces one patch of one channel, or one covariate, by the baseline's values and notes how much the target falls.
// A patch's fall is spread over its samples; where patches overlap, a sample has their mean.
Attribution occlusion(model::Network& network, Stream& stream, const NetworkInput& input,
                      const NetworkInput& baseline, const Target& target,
                      std::span<const Patches> patches);  // (H)

// The activations of a node with a time axis, weighted by the mean gradient of each channel; only what speaks for the
// target is kept. Stretched in time to the input: (L, H). A node without leads gives every lead the same picture.
std::vector<float> grad_cam(const Observation& observation, int node);

// The target while more and more of the input is replaced by the baseline: first what the attribution says is most
// important, or in a random order.
struct DeletionCurve {
  std::vector<double> fraction;  // of samples and covariates that are replaced: 0, 0.05, ..., 1
  std::vector<double> target;
  std::vector<double> random;  // the same in a random order, mean of three
};
DeletionCurve deletion_curve(model::Network& network, Stream& stream, const NetworkInput& input,
                             const NetworkInput& baseline, const Target& target,
                             const Attribution& attribution);

// Spearman's rank correlation; ties have their mean rank. 0 if one side is constant.
double rank_correlation(std::span<const float> a, std::span<const float> b);

// How much the picture of integrated gradients depends on what the network learned (Adebayo et al. 2018): the same
// for networks with newly drawn weights.
struct RandomisedWeights {
  Attribution first;       // of the first network
  double correlation = 0;  // with the picture of the trained network, mean over the networks
};
RandomisedWeights randomised_weights(const model::NetworkOptions& options, Stream& stream,
                                     const NetworkInput& input, const NetworkInput& baseline,
                                     const Target& target, const Attribution& trained, int networks);

}  // namespace sec::train
