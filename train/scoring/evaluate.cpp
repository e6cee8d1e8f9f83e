#include "train/scoring/evaluate.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "engine/error.h"
#include "io/scoring/aami.h"
#include "train/scoring/predict.h"

namespace sec::train {
namespace {

// s of signal shown around a misread beat: two strips fit side by side on A4 and Letter paper.
constexpr double shown_before = 1.75, shown_after = 1.75;

int aami_index(const std::string& name) {
  return static_cast<int>(std::find(io::beat_class_names.begin(), io::beat_class_names.end(), name) -
                          io::beat_class_names.begin());
}

MisreadBeat describe(const BeatDataset& dataset, ExampleId id, std::span<const float> probabilities,
                     int predicted, const Recipe& recipe) {
  const BeatRecord& record = dataset.record(id);
  const Beat& beat = dataset.beat(id);
  MisreadBeat misread;
  misread.record = record.name;
  misread.sample = beat.sample;
  misread.time = static_cast<double>(beat.sample) / record.source_rate;
  misread.truth = io::beat_class_names[static_cast<std::size_t>(beat.aami)];
  misread.predicted = recipe.classes[static_cast<std::size_t>(predicted)];
  misread.probability = probabilities[static_cast<std::size_t>(predicted)];
  misread.truth_probability = beat.label < 0 ? 0 : probabilities[static_cast<std::size_t>(beat.label)];
  return misread;
}

// Adds the signal around the beat, cut at the ends of the record, and the annotated beats in it.
void add_signal(MisreadBeat& misread, const BeatRecord& record) {
  const auto size = static_cast<std::int64_t>(record.signals.front().size());
  const auto sample_at = [&](double time) {
    return std::clamp<std::int64_t>(static_cast<std::int64_t>(time * record.rate), 0, size);
  };
  const std::int64_t begin = sample_at(std::max(0.0, misread.time - shown_before));
  const std::int64_t end = sample_at(misread.time + shown_after);
  misread.rate = record.rate;
  misread.window_start = static_cast<double>(begin) / record.rate;
  misread.lead_names = record.lead_names;
  for (const std::vector<float>& signal : record.signals) {
    misread.leads.emplace_back(signal.begin() + begin, signal.begin() + end);
  }
  for (const Beat& beat : record.beats) {
    if (beat.centre >= begin && beat.centre < end) {
      misread.markers.emplace_back(static_cast<double>(beat.sample) / record.source_rate,
                                   io::beat_class_names[static_cast<std::size_t>(beat.aami)]);
    }
  }
}

// Chooses the most confident beat of each kind (record, true and predicted class), then each kind's second
// most confident, and so on. Returns the chosen beats by falling confidence.
std::vector<MisreadBeat> choose(std::vector<MisreadBeat> all, std::size_t shown) {
  const auto more_confident = [](const MisreadBeat& a, const MisreadBeat& b) {
    return a.probability > b.probability;
  };
  std::stable_sort(all.begin(), all.end(), more_confident);
  std::map<std::string, int> taken;
  std::vector<std::pair<int, MisreadBeat>> ranked;
  for (MisreadBeat& beat : all) {
    const int rank = taken[beat.record + beat.truth + beat.predicted]++;
    ranked.emplace_back(rank, std::move(beat));
  }
  std::stable_sort(ranked.begin(), ranked.end(),
                   [](const auto& a, const auto& b) { return a.first < b.first; });
  std::vector<MisreadBeat> chosen;
  for (std::size_t i = 0; i < std::min(shown, ranked.size()); ++i) {
    chosen.push_back(std::move(ranked[i].second));
  }
  std::stable_sort(chosen.begin(), chosen.end(), more_confident);
  return chosen;
}

std::vector<ExamplePrediction> predictions_of(const Recipe& recipe, const BeatDataset& dataset,
                                              const std::vector<ExampleId>& beats,
                                              const Prediction& prediction, const Splits& splits) {
  const std::size_t classes = recipe.classes.size();
  std::vector<ExamplePrediction> result;
  result.reserve(beats.size());
  for (std::size_t i = 0; i < beats.size(); ++i) {
    const BeatRecord& record = dataset.record(beats[i]);
    const Beat& beat = dataset.beat(beats[i]);
    const auto row = prediction.probabilities.begin() + static_cast<std::ptrdiff_t>(i * classes);
    result.push_back({.split = "",
                      .recording = record.name,
                      .database = recipe.data.databases.empty() ? "" : record.database,
                      .patient = splits.patient_of(record.name),
                      .sample = beat.sample,
                      .time = static_cast<double>(beat.sample) / record.source_rate,
                      .truth = {io::beat_class_names[static_cast<std::size_t>(beat.aami)]},
                      .decision = {recipe.classes[static_cast<std::size_t>(prediction.labels[i])]},
                      .probabilities = {row, row + static_cast<std::ptrdiff_t>(classes)}});
  }
  return result;
}

const char* note_of(int classes) {
  return classes == 3 ? "beats of class F and Q are left out; a beat of N, S or V read as F or Q is an error"
         : classes == 4 ? "beats of class Q are left out; a beat read as Q is an error"
                        : "all beats; a class the network was not trained on counts as misread";
}

}  // namespace

NamedCalibration calibrate(const std::string& name, const TestResult& result, std::size_t classes,
                           std::optional<double> temperature) {
  NamedCalibration named{name, calibration_of(result.probabilities, result.labels, classes), temperature, {}};
  if (temperature) {
    named.tempered = calibration_of(tempered(result.logits, classes, *temperature), result.labels, classes);
  }
  return named;
}

std::vector<ExamplePrediction> predicted_beats(Classifier& classifier, const BeatDataset& dataset,
                                               const Splits& splits) {
  const std::vector<ExampleId> beats = dataset.beats(true);
  return predictions_of(classifier.recipe, dataset, beats, predict(classifier, dataset, beats), splits);
}

TestResult evaluate(Classifier& classifier, const BeatDataset& dataset, std::size_t shown,
                    const Splits& splits) {
  const Recipe& recipe = classifier.recipe;
  const std::vector<ExampleId> beats = dataset.beats(true);
  const Prediction prediction = predict(classifier, dataset, beats);
  std::vector<Confusion> confusions(dataset.records().size(), Confusion(io::beat_class_names));
  std::vector<MisreadBeat> misread;
  std::vector<std::int32_t> labels;
  const std::size_t classes = recipe.classes.size();
  for (std::size_t i = 0; i < beats.size(); ++i) {
    const Beat& beat = dataset.beat(beats[i]);
    const int predicted = prediction.labels[i];
    labels.push_back(beat.label);
    confusions[static_cast<std::size_t>(beats[i].record)].add(
        beat.aami, aami_index(recipe.classes[static_cast<std::size_t>(predicted)]));
    if (predicted != beat.label) {
      const auto row = std::span(prediction.probabilities).subspan(i * classes, classes);
      misread.push_back(describe(dataset, beats[i], row, predicted, recipe));
    }
  }
  TestResult result;
  result.auc = one_vs_rest_auc(classifier.stream, prediction.probabilities, labels, classes);
  std::vector<std::int32_t> patients;  // by beat
  std::map<std::string, std::int32_t> numbers;
  for (const ExampleId id : beats) {
    const std::string patient = splits.patient_of(dataset.record(id).name);
    patients.push_back(numbers.try_emplace(patient, static_cast<std::int32_t>(numbers.size())).first->second);
  }
  result.auc_range = bootstrap_auc(prediction.probabilities, labels, patients, classes, bootstrap_resamples,
                                   static_cast<std::uint64_t>(recipe.seed));
  result.predictions = predictions_of(recipe, dataset, beats, prediction, splits);
  result.curves = threshold_curves(
      "", recipe.classes, prediction.probabilities,
      [&](std::size_t i, std::size_t c) { return labels[i] == static_cast<std::int32_t>(c); });
  result.logits = prediction.logits;
  for (std::size_t i = 0; i < result.logits.size(); ++i) {
    result.logits[i] += classifier.offsets[i % classes];
  }
  result.probabilities = prediction.probabilities;
  result.labels = labels;
  result.misread_total = static_cast<std::int64_t>(misread.size());
  result.misread = choose(std::move(misread), shown);
  for (std::size_t r = 0; r < confusions.size(); ++r) {
    const BeatRecord& record = dataset.records()[r];
    result.records.push_back(
        {record.name, score(confusions[r]), splits.patient_of(record.name), record.database});
    for (MisreadBeat& beat : result.misread) {
      if (beat.record == record.name) {
        add_signal(beat, record);
      }
    }
  }
  return result;
}

std::vector<PatientScore> by_patient(const std::vector<RecordScore>& records) {
  std::vector<std::pair<PatientScore, Confusion>> sums;
  for (const RecordScore& record : records) {
    const std::string& patient = record.patient.empty() ? record.record : record.patient;
    const auto known =
        std::ranges::find_if(sums, [&](const auto& sum) { return sum.first.patient == patient; });
    if (known == sums.end()) {
      sums.push_back({{patient, {record.record}, record.scores}, record.scores.confusion});
    } else {
      known->first.records.push_back(record.record);
      known->second += record.scores.confusion;
    }
  }
  std::vector<PatientScore> patients;
  for (auto& [patient, confusion] : sums) {
    patient.scores = score(confusion);
    patients.push_back(std::move(patient));
  }
  return patients;
}

std::vector<DatabaseScore> by_database(const std::vector<RecordScore>& records) {
  std::map<std::string, std::pair<std::vector<std::string>, Confusion>> sums;
  for (const RecordScore& record : records) {
    const auto entry =
        sums.try_emplace(record.database, std::vector<std::string>(), Confusion(io::beat_class_names)).first;
    entry->second.first.push_back(record.record);
    entry->second.second += record.scores.confusion;
  }
  std::vector<DatabaseScore> databases;
  for (auto& [name, sum] : sums) {
    databases.push_back({name, std::move(sum.first), score(sum.second)});
  }
  return databases;
}

std::vector<Evaluation> evaluations(const std::string& name, const std::vector<RecordScore>& records,
                                    std::int64_t seed, const std::vector<std::string>& without) {
  std::vector<RecordScore> scored = records;
  std::erase_if(scored, [&](const RecordScore& record) {
    return std::find(without.begin(), without.end(), record.record) != without.end();
  });
  Confusion sum(io::beat_class_names);
  std::vector<Confusion> patients;
  for (const PatientScore& patient : by_patient(scored)) {
    sum += patient.scores.confusion;
    patients.push_back(patient.scores.confusion);
  }
  const std::string full =
      without.empty() ? name : fmt::format("{} without {}", name, fmt::join(without, ", "));
  std::vector<Evaluation> result;
  for (const int classes : {3, 4, 5}) {
    result.push_back(
        {full, score_first_classes(sum, classes), note_of(classes),
         bootstrap_f1(patients, classes, bootstrap_resamples, static_cast<std::uint64_t>(seed))});
  }
  return result;
}

}  // namespace sec::train
