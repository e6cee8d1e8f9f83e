#include "train/streaming/stream_classifier.h"

#include <algorithm>

#include "engine/error.h"
#include "model/networks.h"
#include "train/loop/model_file.h"

namespace sec::train {
namespace {

const Recipe& beat_recipe(const Model& model) {
  require(!model.recipe().whole_recordings(), "{}: classifies whole recordings, not beats: use secinfer",
          model.file().string());
  return model.recipe();
}

}  // namespace

Model::Model(const std::filesystem::path& path, Device device, Precision precision, bool capture)
    : file_(weights_file(path)),
      info_(read_weights_info(file_)),
      stream_(device),
      network_(model::make_network(network_options(info_.recipe), stream_, 0)) {
  stream_.get().tf32 = allows_tf32(precision);
  forward_ = std::make_shared<GraphForward>(*network_, stream_, activations_in(precision), capture);
  load_weights(file_, *network_, stream_);
}

StreamClassifier::StreamClassifier(Model& model, const StreamOptions& options)
    : model_(model), options_(options), stream_(beat_recipe(model), options.rate) {
  if (options_.find_beats) {
    detector_.emplace(options_.rate, options_.qrs_leads.size());
  }
}

void StreamClassifier::push(std::span<const std::span<const float>> samples,
                            std::vector<ClassifiedBeat>& beats) {
  stream_.push(samples);
  received_ += samples.empty() ? 0 : std::ssize(samples[0]);
  if (detector_) {
    std::vector<std::span<const float>> looked_at;
    for (const std::size_t lead : options_.qrs_leads) {
      looked_at.push_back(samples[lead]);
    }
    detector_->push(looked_at, found_);
    for (const std::int64_t peak : found_) {
      stream_.add_beat(peak);
      last_peak_ = peak;
    }
    found_.clear();
  }
  if (options_.longest_wait &&
      static_cast<double>(received_ - last_peak_) > *options_.longest_wait * options_.rate) {
    stream_.conclude();
  }
  classify(options_.batch, beats);
}

std::optional<double> StreamClassifier::patience() const {
  if (!options_.longest_wait || !stream_.is_waiting()) {
    return std::nullopt;
  }
  return std::max(0.0, *options_.longest_wait - static_cast<double>(received_ - last_peak_) / options_.rate);
}

void StreamClassifier::conclude(std::vector<ClassifiedBeat>& beats) {
  stream_.conclude();
  classify(1, beats);
}

void StreamClassifier::finish(std::vector<ClassifiedBeat>& beats) {
  stream_.finish();
  if (detector_) {
    detector_->finish(found_);
    for (const std::int64_t peak : found_) {
      stream_.add_beat(peak);
    }
    found_.clear();
  }
  stream_.conclude();
  classify(1, beats);
}

void StreamClassifier::classify(std::size_t least, std::vector<ClassifiedBeat>& beats) {
  Classifier classifier = model_.classifier();
  const std::size_t classes = model_.recipe().classes.size();
  while (stream_.ready() >= least) {
    const BeatBatch batch = stream_.take(options_.batch);
    const std::vector<float> logits = logits_of(classifier, batch.x, batch.covariates, batch.samples.size());
    for (std::size_t i = 0; i < batch.samples.size(); ++i) {
      const auto row = std::span(logits).subspan(i * classes, classes);
      const int label = decide(classifier, row);
      const double probability =
          label < 0 ? 0 : probabilities_of(classifier, row)[static_cast<std::size_t>(label)];
      beats.push_back({batch.samples[i], label, {row.begin(), row.end()}, probability});
    }
  }
}

}  // namespace sec::train
