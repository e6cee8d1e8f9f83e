#include "train/report/results.h"

#include <fmt/ranges.h>

#include <cmath>

#include "train/report/json.h"
#include "train/report/recordings.h"

namespace sec::train {
namespace {

json to_json(const Scores& scores) {
  json classes = json::object();
  for (const ClassScore& c : scores.classes) {
    classes[c.name] = {{"beats", c.beats},
                       {"predicted", c.predicted},
                       {"Se", number(c.sensitivity)},
                       {"+P", number(c.precision)},
                       {"F1", number(c.f1)}};
  }
  json matrix = json::array();
  const Confusion& confusion = scores.confusion;
  for (int truth = 0; truth < confusion.size(); ++truth) {
    json row = json::array();
    for (int predicted = 0; predicted < confusion.size(); ++predicted) {
      row.push_back(confusion.at(truth, predicted));
    }
    matrix.push_back(row);
  }
  return {{"accuracy", number(scores.accuracy)},
          {"micro_f1", number(scores.micro_f1)},
          {"macro_f1", number(scores.macro_f1)},
          {"macro_f1_classes", scores.occurring},
          {"classes", classes},
          {"confusion", {{"classes", confusion.classes()}, {"rows_true_columns_predicted", matrix}}}};
}

json to_json(const Range95& range) {
  return json::array({number(range.low), number(range.high)});
}

json to_json(const F1Intervals& range, const std::vector<std::string>& names) {
  json classes = json::object();
  for (std::size_t c = 0; c < range.classes.size(); ++c) {
    classes[names[c]] = to_json(range.classes[c]);
  }
  return {{"macro", to_json(range.macro)}, {"classes", classes}};
}

json to_json(const NamedAuc& named, const std::vector<std::string>& names) {
  const Auc& auc = named.auc;
  json classes = json::object();
  json ranges = json::object();
  for (std::size_t c = 0; c < auc.classes.size(); ++c) {
    classes[names[c]] = number(auc.classes[c]);
    if (c < named.range.classes.size()) {
      ranges[names[c]] = to_json(named.range.classes[c]);
    }
  }
  return {{"macro", number(auc.macro)},
          {"classes", classes},
          {"interval_95", {{"macro", to_json(named.range.macro)}, {"classes", ranges}}}};
}

json to_json(const Calibration& calibration) {
  json bins = json::array();
  for (const ReliabilityBin& bin : calibration.bins) {
    bins.push_back(
        {{"beats", bin.beats}, {"confidence", number(bin.confidence)}, {"accuracy", number(bin.accuracy)}});
  }
  return {{"ece", number(calibration.ece)}, {"bins", bins}};
}

json to_json(const NamedCalibration& named) {
  json result = to_json(named.plain);
  if (named.temperature) {
    result["temperature"] = *named.temperature;
    result["tempered"] = to_json(named.tempered);
  }
  return result;
}

std::string figure(double value, int digits) {
  return std::isfinite(value) ? fmt::format("{:.{}f}", value, digits) : "-";
}

std::string percent(double value) {
  return std::isfinite(value) ? fmt::format("{:7.2f}", 100 * value) : "      -";
}

// An interval as " (0.8123 to 0.9012)", or an empty text if there is none.
std::string range_text(const Range95& range, double factor, int digits) {
  return std::isfinite(range.low)
             ? fmt::format(" ({:.{}f} to {:.{}f})", factor * range.low, digits, factor * range.high, digits)
             : "";
}

// Says that a macro-F1 is the F1 of one class: " (of class N alone)". Empty for several classes.
std::string alone_text(const std::string& only) {
  return only.empty() ? "" : fmt::format(" (of class {} alone)", only);
}

std::string scores_text(const Evaluation& evaluation) {
  const Scores& scores = evaluation.scores;
  const Confusion& confusion = scores.confusion;
  const F1Intervals& range = evaluation.range;
  std::string text = fmt::format("{}, {} classes: accuracy {} %, macro-F1 {}{}{}\n  ({})\n", evaluation.name,
                                 confusion.size(), figure(100 * scores.accuracy, 2),
                                 figure(scores.macro_f1, 4), alone_text(only_class(scores)),
                                 range.classes.empty() ? "" : range_text(range.macro, 1, 4), evaluation.note);
  text += "  true\\read";
  for (const std::string& name : confusion.classes()) {
    text += fmt::format("{:>8}", name);
  }
  text += "   other     Se %     +P %    F1 %\n";
  for (int truth = 0; truth < confusion.size(); ++truth) {
    const ClassScore& c = scores.classes[static_cast<std::size_t>(truth)];
    text += fmt::format("  {:<9}", c.name);
    for (int predicted = 0; predicted < confusion.size(); ++predicted) {
      text += fmt::format("{:>8}", confusion.at(truth, predicted));
    }
    const auto index = static_cast<std::size_t>(truth);
    text += fmt::format("{:>8}  {}  {} {}{}\n", read_as_other(scores, truth), percent(c.sensitivity),
                        percent(c.precision), percent(c.f1),
                        index < range.classes.size() ? range_text(range.classes[index], 100, 2) : "");
  }
  return text;
}

// A line such as "DS2, AUC one against the rest: macro 0.9712 (0.9511 to 0.9811), N 0.9701 (...), S -".
std::string auc_text(const NamedAuc& named, const std::vector<std::string>& names) {
  const auto value = [](double auc) { return figure(auc, 4); };
  std::string text =
      fmt::format("\n{}, AUC one against the rest: macro {}{}", named.name, value(named.auc.macro),
                  named.range.classes.empty() ? "" : range_text(named.range.macro, 1, 4));
  for (std::size_t c = 0; c < named.auc.classes.size(); ++c) {
    text += fmt::format(", {} {}{}", names[c], value(named.auc.classes[c]),
                        c < named.range.classes.size() ? range_text(named.range.classes[c], 1, 4) : "");
  }
  return text + "\n";
}

std::string calibration_text(const NamedCalibration& one) {
  std::string text = fmt::format("\n{}, calibration: ECE {:.4f}", one.name, one.plain.ece);
  if (one.temperature) {
    text += fmt::format("; at temperature {:.3f}, fitted on validation records, {:.4f}", *one.temperature,
                        one.tempered.ece);
  }
  return text + "\n";
}

// One line per patient: beats, accuracy, and for each class the number of beats found and the total.
std::string patients_text(const std::vector<PatientScore>& patients) {
  std::string text = fmt::format("\n{:<20}{:>8}{:>12}", "patient", "beats", "accuracy %");
  for (const std::string& name : patients.front().scores.confusion.classes()) {
    text += fmt::format("{:>13}", name);
  }
  text += "  (found/beats)\n";
  for (const PatientScore& patient : patients) {
    const Confusion& confusion = patient.scores.confusion;
    const std::string name = patient.records.size() == 1
                                 ? patient.patient
                                 : fmt::format("{} ({})", patient.patient, fmt::join(patient.records, " "));
    text += fmt::format("{:<20}{:>8}{:>12}", name, confusion.total(), percent(patient.scores.accuracy));
    for (int c = 0; c < confusion.size(); ++c) {
      const std::int64_t beats = confusion.true_count(c);
      text += fmt::format("{:>13}", beats == 0 ? "-" : fmt::format("{}/{}", confusion.at(c, c), beats));
    }
    text += "\n";
  }
  return text;
}

json to_json(const MultiLabelScores& scores) {
  json classes = json::object();
  for (std::size_t c = 0; c < scores.classes.size(); ++c) {
    const LabelScore& one = scores.classes[c];
    classes[one.name] = {{"recordings", one.positives},
                         {"stated", one.predicted},
                         {"threshold", one.threshold},
                         {"Se", number(one.sensitivity)},
                         {"+P", number(one.precision)},
                         {"F1", number(one.f1)},
                         {"AUC", number(scores.auc.classes[c])},
                         {"AUC_interval_95", to_json(scores.range.classes[c])},
                         {"confusion",
                          {{"TP", one.hits},
                           {"FN", one.positives - one.hits},
                           {"FP", one.predicted - one.hits},
                           {"TN", scores.recordings - one.positives - one.predicted + one.hits}}}};
  }
  return {{"name", scores.name},
          {"recordings", scores.recordings},
          {"macro_auc", number(scores.auc.macro)},
          {"macro_auc_interval_95", to_json(scores.range.macro)},
          {"micro_f1", number(scores.micro_f1)},
          {"macro_f1", number(scores.macro_f1)},
          {"macro_f1_classes", scores.occurring},
          {"batch_micro_f1_at_half", number(scores.batch_micro_f1)},
          {"classes", classes}};
}

// The recordings of the validation and test splits, by name.
void add_recordings(json& records, const RunSummary& run) {
  for (const ExamplePrediction& one : run.predictions) {
    if (one.split == "train") {
      continue;
    }
    json probabilities = json::object();
    for (std::size_t c = 0; c < one.probabilities.size(); ++c) {
      probabilities[run.classes[c]] = number(one.probabilities[c]);
    }
    records[one.recording] = {
        {"split", one.split},   {"patient", one.patient.empty() ? json(nullptr) : json(one.patient)},
        {"truth", one.truth},   {"decision", one.decision},
        {"right", one.right()}, {"probabilities", probabilities}};
  }
}

void add_recordings_of_patients(json& patients, const RunSummary& run) {
  for (const RecordingsOfPatient& one : recordings_by_patient(run)) {
    patients[one.patient] = {{"records", one.recordings},
                             {"split", one.split},
                             {"right", one.right},
                             {"labels", one.labels},
                             {"labels_right", one.labels_right}};
  }
}

// How many recordings of the first scored split have no wrong label, and how many patients only such recordings.
std::string right_text(const RunSummary& run) {
  std::int64_t recordings = 0;
  std::int64_t right = 0;
  std::int64_t patients = 0;
  std::int64_t patients_right = 0;
  for (const RecordingsOfPatient& one : recordings_by_patient(run)) {
    if (one.split == run.recordings.front().name) {
      ++patients;
      patients_right += one.right == std::ssize(one.recordings) ? 1 : 0;
      recordings += std::ssize(one.recordings);
      right += one.right;
    }
  }
  return fmt::format(
      "\n{}: every label right in {} of {} recordings, and of {} of {} patients in all of theirs\n",
      run.recordings.front().name, right, recordings, patients_right, patients);
}

json to_json(const NamedCurves& curves) {
  json classes = json::object();
  for (const ThresholdCurve& curve : curves.classes) {
    classes[curve.name] = number(curve.average_precision);
  }
  return classes;
}

std::string scores_text(const MultiLabelScores& scores) {
  const auto ratio = [](double value) { return figure(value, 4); };
  std::string text = fmt::format(
      "{}, {} recordings: macro AUC {} ({} to {}), micro-F1 {}, macro-F1 {}{}\n"
      "  (micro-F1 by batch at 0.5, as the released code counts: {})\n"
      "      recordings  stated  threshold    Se %     +P %    F1 %     AUC  class\n",
      scores.name, scores.recordings, ratio(scores.auc.macro), ratio(scores.range.macro.low),
      ratio(scores.range.macro.high), ratio(scores.micro_f1), ratio(scores.macro_f1),
      alone_text(only_class(scores)), ratio(scores.batch_micro_f1));
  for (std::size_t c = 0; c < scores.classes.size(); ++c) {
    const LabelScore& one = scores.classes[c];
    text += fmt::format("      {:>10}  {:>6}  {:>9.3f} {}  {} {}  {:>6}  {}\n", one.positives, one.predicted,
                        one.threshold, percent(one.sensitivity), percent(one.precision), percent(one.f1),
                        ratio(scores.auc.classes[c]), one.name);
  }
  return text;
}

}  // namespace

std::string metrics_json(const RunSummary& summary, const Splits& splits, const std::string& fingerprint) {
  json evaluations = json::array();
  for (const Evaluation& e : summary.evaluations) {
    json one = {{"name", e.name}, {"class_count", e.scores.confusion.size()}, {"note", e.note}};
    one.update(to_json(e.scores));
    if (!e.range.classes.empty()) {
      one["f1_interval_95"] = to_json(e.range, e.scores.confusion.classes());
    }
    evaluations.push_back(one);
  }
  json records = json::object();
  for (const RecordScore& r : summary.records) {
    records[r.record] = to_json(r.scores);
  }
  json patients = json::object();
  for (const PatientScore& p : summary.patients) {
    json one = {{"records", p.records}};
    one.update(to_json(p.scores));
    patients[p.patient] = one;
  }
  json databases = json::object();
  for (const DatabaseScore& d : summary.databases) {
    json one = {{"records", d.records}};
    one.update(to_json(d.scores));
    databases[d.database] = one;
  }
  if (!summary.recordings.empty()) {
    add_recordings(records, summary);
    add_recordings_of_patients(patients, summary);
  }
  json average_precision = json::object();
  for (const NamedCurves& curves : summary.curves) {
    average_precision[curves.name] = to_json(curves);
  }
  json multi_label = json::array();
  for (const MultiLabelScores& scores : summary.recordings) {
    multi_label.push_back(to_json(scores));
  }
  json aucs = json::object();
  for (const NamedAuc& one : summary.aucs) {
    aucs[one.name] = to_json(one, summary.classes);
  }
  json calibrations = json::object();
  for (const NamedCalibration& one : summary.calibrations) {
    calibrations[one.name] = to_json(one);
  }
  json history = json::array();
  for (const EpochRecord& e : summary.history) {
    history.push_back(to_json(e, summary.classes));
  }
  json timing = json::object();
  for (const NamedSeconds& t : summary.timing) {
    timing[t.name] = t.seconds;
  }
  const json metrics = {
      {"title", summary.title},
      {"program", summary.program},
      {"created", summary.created},
      {"device", summary.device},
      {"instruction_set", summary.instruction_set.empty() ? json(nullptr) : json(summary.instruction_set)},
      {"seed", summary.seed},
      {"synthetic", summary.synthetic},
      {"data", summary.data},
      {"data_fingerprint", fingerprint},
      {"protocol", summary.protocol},
      {"warnings", summary.warnings},
      {"leaks", summary.leaks},
      {"records", {{"train", splits.train}, {"validation", splits.validation}, {"test", splits.test}}},
      {"classes", summary.classes},
      {"best_epoch", summary.best_epoch},
      {"evaluations", evaluations},
      {"auc_one_vs_rest", aucs},
      {"average_precision", average_precision},
      {"calibration", calibrations},
      {"by_record", records},
      {"by_patient", patients},
      {"by_database", databases},
      {"multi_label", multi_label},
      {"history", history},
      {"seconds", timing}};
  return metrics.dump(2) + "\n";
}

std::string results_text(const RunSummary& summary) {
  std::string text;
  for (const Evaluation& evaluation : summary.evaluations) {
    text += (text.empty() ? "" : "\n") + scores_text(evaluation);
  }
  for (const NamedAuc& one : summary.aucs) {
    text += auc_text(one, summary.classes);
  }
  for (const NamedCalibration& one : summary.calibrations) {
    text += calibration_text(one);
  }
  if (!summary.patients.empty()) {
    text += patients_text(summary.patients);
  }
  for (const MultiLabelScores& scores : summary.recordings) {
    text += (text.empty() ? "" : "\n") + scores_text(scores);
  }
  if (!summary.recordings.empty() && !summary.predictions.empty()) {
    text += right_text(summary);
  }
  return text;
}

}  // namespace sec::train
