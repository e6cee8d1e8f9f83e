#include "train/scoring/predict.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "engine/error.h"
#include "engine/ranges.h"
#include "train/data/crops.h"

namespace sec::train {
namespace {

bool is_softmax(const Recipe& recipe) {
  return recipe.loss.kind == "cross_entropy";
}

void to_probabilities(std::span<const float> logits, bool softmax, std::span<float> out) {
  const double top = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const auto logit = static_cast<double>(logits[c]);
    const double value = softmax ? std::exp(logit - top) : 1 / (1 + std::exp(-logit));
    out[c] = static_cast<float>(value);
    sum += value;
  }
  for (float& value : out) {
    value = softmax ? static_cast<float>(static_cast<double>(value) / sum) : value;
  }
}

double log_sigmoid(double x) {
  return std::min(x, 0.0) - std::log1p(std::exp(-std::abs(x)));
}

double sample_loss(std::span<const float> logits, std::size_t label, const Recipe& recipe) {
  if (is_softmax(recipe)) {
    const double top = *std::max_element(logits.begin(), logits.end());
    double sum = 0;
    for (const float logit : logits) {
      sum += std::exp(static_cast<double>(logit) - top);
    }
    return top + std::log(sum) - static_cast<double>(logits[label]);
  }
  const bool focal = recipe.loss.kind == "focal";
  double loss = 0;
  for (std::size_t c = 0; c < logits.size(); ++c) {
    const double z = c == label ? logits[c] : -logits[c];  // a larger z means a smaller loss
    const double missing = 1 - std::exp(log_sigmoid(z));
    const double weight = c == label ? recipe.loss.focal_alpha : 1 - recipe.loss.focal_alpha;
    loss -= log_sigmoid(z) * (focal ? weight * std::pow(missing, recipe.loss.focal_gamma) : 1.0);
  }
  return focal ? loss : loss / static_cast<double>(logits.size());
}

}  // namespace

Tensor input_tensor(const Batch& batch, const Dataset& examples, Stream& stream) {
  const auto n = static_cast<std::int64_t>(batch.beats.size());
  return Tensor::from(stream, {n, examples.length(), examples.leads(), 1}, std::span(batch.x));
}

Tensor covariate_tensor(const Batch& batch, const Dataset& examples, Stream& stream) {
  if (examples.covariates() == 0) {
    return {};
  }
  const auto n = static_cast<std::int64_t>(batch.beats.size());
  return Tensor::from(stream, {n, examples.covariates()}, std::span(batch.covariates));
}

std::vector<float> logits_of(Classifier& classifier, std::span<const float> x,
                             std::span<const float> covariates, std::size_t n) {
  const Range range("predict");
  const model::NetworkOptions& options = classifier.network.options();
  const auto cells = static_cast<std::size_t>(options.length * options.leads);
  const auto k = static_cast<std::size_t>(options.covariates);
  require(x.size() == n * cells && covariates.size() == n * k,
          "{} beats with {} inputs and {} covariates: the network takes {} x {} and {} per beat", n, x.size(),
          covariates.size(), options.length, options.leads, options.covariates);
  const auto batch_size = static_cast<std::size_t>(classifier.recipe.train.evaluation_batch);
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < n; begin += batch_size) {
    const std::size_t count = std::min(batch_size, n - begin);
    const std::vector<float> values =
        classifier.forward->logits(static_cast<std::int64_t>(count), x.subspan(begin * cells, count * cells),
                                   covariates.subspan(begin * k, count * k));
    logits.insert(logits.end(), values.begin(), values.end());
  }
  return logits;
}

int decide(const Classifier& classifier, std::span<const float> logits) {
  if (!std::ranges::all_of(logits, [](float logit) { return std::isfinite(logit); })) {
    return not_classifiable;
  }
  std::vector<float> row(logits.begin(), logits.end());
  std::transform(row.begin(), row.end(), classifier.offsets.begin(), row.begin(), std::plus<>());
  return static_cast<int>(std::max_element(row.begin(), row.end()) - row.begin());
}

std::vector<float> probabilities_of(const Classifier& classifier, std::span<const float> logits) {
  std::vector<float> row(logits.begin(), logits.end());
  std::transform(row.begin(), row.end(), classifier.offsets.begin(), row.begin(), std::plus<>());
  std::vector<float> probabilities(row.size());
  to_probabilities(row, is_softmax(classifier.recipe), probabilities);
  return probabilities;
}

std::vector<float> logits_of(Classifier& classifier, const Dataset& examples,
                             std::span<const ExampleId> ids) {
  const auto batch_size = static_cast<std::size_t>(classifier.recipe.train.evaluation_batch);
  std::vector<float> logits;
  for (std::size_t begin = 0; begin < ids.size(); begin += batch_size) {
    const auto part = ids.subspan(begin, std::min(batch_size, ids.size() - begin));
    const Batch batch = make_batch(examples, {part.begin(), part.end()});
    const std::vector<float> values = logits_of(classifier, batch.x, batch.covariates, part.size());
    logits.insert(logits.end(), values.begin(), values.end());
  }
  return logits;
}

namespace {

// The mean or the largest of a column of logits (crops, classes), NaN if one of them is not finite.
float joined(std::span<const float> logits, std::size_t classes, std::size_t column, bool largest) {
  double sum = 0;
  double crops = 0;
  float most = logits[column];
  for (std::size_t i = column; i < logits.size(); i += classes) {
    if (!std::isfinite(logits[i])) {
      return std::numeric_limits<float>::quiet_NaN();
    }
    sum += static_cast<double>(logits[i]);
    ++crops;
    most = std::max(most, logits[i]);
  }
  return largest ? most : static_cast<float>(sum / crops);
}

}  // namespace

std::vector<float> logits_of(Classifier& classifier, std::span<const WholeRecording> recordings) {
  const Recipe& recipe = classifier.recipe;
  const model::NetworkOptions& options = classifier.network.options();
  const std::vector<std::int64_t> begins = crop_begins(recipe);
  const auto cells = static_cast<std::size_t>(options.length * options.leads);
  const auto classes = static_cast<std::size_t>(options.classes);
  const std::size_t at_once =
      std::max<std::size_t>(1, static_cast<std::size_t>(recipe.train.evaluation_batch) / begins.size());
  std::vector<float> result;
  for (std::size_t first = 0; first < recordings.size(); first += at_once) {
    const auto part = recordings.subspan(first, std::min(at_once, recordings.size() - first));
    std::vector<float> x;
    std::vector<float> covariates;
    for (const WholeRecording& recording : part) {
      for (const std::int64_t begin : begins) {
        const auto crop = recording.x.subspan(static_cast<std::size_t>(begin * options.leads), cells);
        x.insert(x.end(), crop.begin(), crop.end());
        covariates.insert(covariates.end(), recording.covariates.begin(), recording.covariates.end());
      }
    }
    const std::vector<float> logits = logits_of(classifier, x, covariates, part.size() * begins.size());
    const std::size_t each = begins.size() * classes;
    for (std::size_t i = 0; i < part.size(); ++i) {
      const auto crops = std::span<const float>(logits).subspan(i * each, each);
      for (std::size_t c = 0; c < classes; ++c) {
        result.push_back(begins.size() == 1 ? crops[c]
                                            : joined(crops, classes, c, recipe.decision.crops == "max"));
      }
    }
  }
  return result;
}

Prediction predict(Classifier& classifier, const BeatDataset& dataset, std::span<const ExampleId> beats) {
  const std::size_t classes = classifier.recipe.classes.size();
  Prediction result;
  result.logits = logits_of(classifier, dataset, beats);
  for (std::size_t i = 0; i < beats.size(); ++i) {
    const auto row = std::span(result.logits).subspan(i * classes, classes);
    const std::vector<float> probabilities = probabilities_of(classifier, row);
    result.probabilities.insert(result.probabilities.end(), probabilities.begin(), probabilities.end());
    const int label = decide(classifier, row);
    require(label != not_classifiable, "{}: the network's logits are not finite",
            dataset.text({&beats[i], 1}));
    result.labels.push_back(label);
  }
  return result;
}

double mean_loss(const Prediction& prediction, std::span<const ExampleId> beats, const BeatDataset& dataset,
                 const Recipe& recipe) {
  const std::size_t classes = recipe.classes.size();
  double sum = 0;
  for (std::size_t i = 0; i < beats.size(); ++i) {
    const auto label = static_cast<std::size_t>(dataset.beat(beats[i]).label);
    sum += sample_loss(std::span(prediction.logits).subspan(i * classes, classes), label, recipe);
  }
  return sum / static_cast<double>(beats.size());
}

}  // namespace sec::train
