// From raw samples to classified beats, as they come: finds beats, or is given them, describes the patient
// from those before, and asks the network in batches. What secinfer and the C interface are made of.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "engine/precision.h"
#include "engine/stream.h"
#include "io/signal/qrs_detector.h"
#include "train/loop/checkpoint.h"
#include "train/scoring/predict.h"
#include "train/streaming/beat_stream.h"

namespace sec::train {

// A trained network with all that is needed to use it.
class Model {
 public:
  // From best.safetensors or the run folder that holds one. Throws Error, naming the file, if it is not there
  // or does not fit itself.
  // Without `capture` forward passes are no recordings: see train/scoring/graph_forward.h.
  Model(const std::filesystem::path& path, Device device, Precision precision = Precision::f32,
        bool capture = true);

  const Recipe& recipe() const { return info_.recipe; }
  const model::NetworkOptions& options() const { return network_->options(); }
  const std::filesystem::path& file() const { return file_; }
  Classifier classifier() { return {*network_, info_.recipe, info_.decision_offsets, stream_, forward_}; }

 private:
  std::filesystem::path file_;
  WeightsInfo info_;
  OwnedStream stream_;
  std::unique_ptr<model::Network> network_;
  std::shared_ptr<GraphForward> forward_;
};

struct ClassifiedBeat {
  std::int64_t sample = 0;    // of the R peak
  int label = 0;              // index into the recipe's classes
  std::vector<float> logits;  // (classes)
};

struct StreamOptions {
  double rate = 0;                           // Hz, of the samples
  bool find_beats = true;                    // else add_beat() tells them
  std::vector<std::size_t> qrs_leads = {0};  // in which of the leads pushed beats are looked for
  std::size_t batch = 256;                   // beats are classified when so many are ready
  std::optional<double> longest_wait;        // s after a beat's R peak for the next one
};

class StreamClassifier {
 public:
  // `model` must outlive the classifier. Throws Error if it classifies whole recordings.
  StreamClassifier(Model& model, const StreamOptions& options);

  // The next samples (mV) of each of the recipe's data.leads, as many of each; not finite: no sample. Appends
  // the beats classified by now, in order of time.
  void push(std::span<const std::span<const float>> samples, std::vector<ClassifiedBeat>& beats);
  void finish(std::vector<ClassifiedBeat>& beats);  // all that are left

  // The next beat's R peak, before the push() of its samples.
  void add_beat(std::int64_t sample) { stream_.add_beat(sample); }

 private:
  void classify(std::size_t least, std::vector<ClassifiedBeat>& beats);

  Model& model_;
  StreamOptions options_;
  BeatStream stream_;
  std::optional<io::QrsDetector> detector_;
  std::vector<std::int64_t> found_;
  std::int64_t received_ = 0;   // samples
  std::int64_t last_peak_ = 0;  // of the beat that waits for the next
};

}  // namespace sec::train
