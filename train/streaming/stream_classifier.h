// Classifies beats of a continuous signal. It finds the beats or takes given ones, describes the patient by
// earlier beats, and runs the network in batches.
// secinfer and the C interface are built on it.
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

// A trained network and the data needed to use it.
class Model {
 public:
  // Loads best.safetensors, or the one in a run folder.
  // Throws Error, naming the file, if it does not exist or is inconsistent.
  // Without `capture` forward passes run kernel by kernel (train/scoring/graph_forward.h).
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
  std::int64_t sample = 0;    // sample number of the R peak
  int label = 0;              // index into the recipe's classes; or not_classifiable
  std::vector<float> logits;  // (classes)
  double probability = 0;     // of `label`, with the decision's offsets; 0 if not classifiable
};

struct StreamOptions {
  double rate = 0;                           // sampling rate in Hz
  bool find_beats = true;                    // find beats with the QRS detector; otherwise call add_beat()
  std::vector<std::size_t> qrs_leads = {0};  // indices of the leads in which beats are searched
  std::size_t batch = 256;                   // number of ready beats that are classified together
  std::optional<double> longest_wait;  // s after an R peak until its beat stops waiting for the next beat
};

class StreamClassifier {
 public:
  // `model` must outlive the classifier. Throws Error if the model classifies whole recordings.
  StreamClassifier(Model& model, const StreamOptions& options);

  // Adds the next samples (mV) of the leads data.leads, equally many for each lead.
  // Values that are not finite are missing samples.
  // Appends the beats that could be classified to `beats`, in order of time.
  void push(std::span<const std::span<const float>> samples, std::vector<ClassifiedBeat>& beats);
  void finish(std::vector<ClassifiedBeat>& beats);  // ends the signal, and appends all remaining beats

  // For a source that stalls, where longest_wait cannot be counted in samples. patience() returns the seconds after the
  // last sample until the last beat stops waiting for the next one; nullopt: no beat waits, or there is no longest_wait.
  // conclude() stops waiting, and appends the beats whose samples have all arrived.
  std::optional<double> patience() const;
  void conclude(std::vector<ClassifiedBeat>& beats);

  // Adds the next beat by the sample of its R peak. Call it before push() of the beat's samples.
  void add_beat(std::int64_t sample) { stream_.add_beat(sample); }

 private:
  void classify(std::size_t least, std::vector<ClassifiedBeat>& beats);

  Model& model_;
  StreamOptions options_;
  BeatStream stream_;
  std::optional<io::QrsDetector> detector_;
  std::vector<std::int64_t> found_;
  std::int64_t received_ = 0;   // number of samples received
  std::int64_t last_peak_ = 0;  // R peak of the last beat found
};

}  // namespace sec::train
