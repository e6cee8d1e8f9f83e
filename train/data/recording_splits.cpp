#include "train/data/recording_splits.h"

#include <algorithm>
#include <bit>
#include <map>
#include <set>

#include "engine/error.h"
#include "engine/failure.h"
#include "engine/parallel.h"
#include "io/databases/cinc.h"
#include "io/databases/label_table.h"
#include "io/databases/ptbxl.h"
#include "io/databases/tianchi_labels.h"
#include "io/recording/amplitude.h"
#include "train/data/fnv.h"
#include "train/data/leakage.h"
#include "train/data/recording_division.h"
#include "train/data/recording_signal.h"

namespace sec::train {
namespace {

using Names = std::vector<std::string>;
namespace fs = std::filesystem;

std::vector<io::LabelledRecording> read_labels(const Recipe& recipe, const fs::path& folder) {
  const Recipe::Data& d = recipe.data;
  require(fs::is_directory(folder), "{}: no such folder", folder.string());
  if (d.source == "ptbxl") {
    return io::read_ptbxl(
        folder, d.label_set == "superclass" ? io::PtbxlLabels::superclass : io::PtbxlLabels::statements,
        d.signal_folder == "records100");
  }
  const fs::path signals = d.signal_folder.empty() ? folder : folder / d.signal_folder;
  require(fs::is_directory(signals), "{}: no such folder (data.signal_folder)", signals.string());
  if (d.source == "cinc") {
    return io::read_cinc(signals);
  }
  return d.source == "tianchi" ? io::read_tianchi_labels(folder / d.label_file, signals)
                               : io::read_label_table(folder / d.label_file, signals);
}

std::vector<LoadedRecording> load_all(const Recipe& recipe, std::vector<io::LabelledRecording> labelled) {
  std::vector<LoadedRecording> recordings(labelled.size());
  parallel_for(std::ssize(labelled), [&](std::int64_t i) {
    LoadedRecording& recording = recordings[static_cast<std::size_t>(i)];
    recording.about = std::move(labelled[static_cast<std::size_t>(i)]);
    RecordingSignal signal = with_memory_for(recording.about.path.string(),
                                             [&] { return read_signal(recipe, recording.about.path); });
    recording.x = std::move(signal.x);
    recording.hashes = std::move(signal.hashes);
    recording.warnings = std::move(signal.warnings);
    recording.amplitude = signal.amplitude;
    recording.filled = signal.filled;
    recording.covariates = recording_covariates(recipe, recording.about);
  });
  return recordings;
}

// Throws Error if most recordings have amplitudes that no electrocardiogram has. The scale does not matter to a
// network that is given standardised leads.
void check_amplitudes(const Recipe& recipe, const std::vector<LoadedRecording>& recordings) {
  if (recordings.empty()) {
    return;
  }
  std::vector<double> amplitudes;
  for (const LoadedRecording& recording : recordings) {
    if (recording.amplitude > 0) {
      amplitudes.push_back(recording.amplitude);
    }
  }
  const double amplitude = io::median_of(amplitudes);
  require(!io::is_too_high(amplitude) || recipe.input.amplitudes == "standardised",
          "data: {} recordings, {} and others, have {}; state the unit in their headers or side files",
          recordings.size(), recordings.front().about.path.string(), io::amplitude_fault(amplitude));
}

// One line if some recordings are shorter than the network's input; else nothing.
void warn_of_filling(const Recipe& recipe, const std::vector<LoadedRecording>& recordings,
                     std::vector<std::string>& warnings) {
  std::size_t shorter = 0;
  double filled = 0;
  for (const LoadedRecording& recording : recordings) {
    shorter += recording.filled > 0 ? 1 : 0;
    filled += recording.filled;
  }
  if (shorter > 0) {
    warnings.push_back(fmt::format(
        "{} of {} recordings are shorter than data.seconds = {:g}: {:.2g} % of the network's input is zeros",
        shorter, recordings.size(), recipe.data.seconds,
        100 * filled / static_cast<double>(recordings.size())));
  }
}

// The labels of the recordings with indices `members`, sorted.
Names labels_of(const std::vector<LoadedRecording>& recordings, const std::vector<std::size_t>& members) {
  std::set<std::string> labels;
  for (const std::size_t i : members) {
    labels.insert(recordings[i].about.labels.begin(), recordings[i].about.labels.end());
  }
  return {labels.begin(), labels.end()};
}

void set_targets(std::vector<LoadedRecording>& recordings, const Names& classes) {
  for (LoadedRecording& recording : recordings) {
    recording.targets.assign(classes.size(), 0.0F);
    for (const std::string& label : recording.about.labels) {
      const auto c = std::ranges::find(classes, label) - classes.begin();
      if (c < std::ssize(classes)) {
        recording.targets[static_cast<std::size_t>(c)] = 1;
      }
    }
  }
}

// The person of a recording. Splits::patient_of() would take a record named 201 for the one of MIT-BIH.
std::string person_of(const io::LabelledRecording& recording) {
  return recording.patient.empty() ? "recording " + recording.id : "patient " + recording.patient;
}

std::string fingerprint_of(const std::vector<LoadedRecording>& recordings) {
  std::uint64_t state = fnv_start;
  const auto add = [&](std::string_view text) {
    for (const char c : text) {
      state = fnv_next(state, static_cast<unsigned char>(c));
    }
  };
  for (const LoadedRecording& r : recordings) {
    add(fmt::format("{}|{}|{}|{}|{}|{}", r.about.id, person_of(r.about), r.about.fold, r.about.age,
                    static_cast<int>(r.about.sex), signal_hash(r.x)));
    for (const std::string& label : r.about.labels) {
      add("|" + label);
    }
  }
  return fmt::format("fnv1a64:{:016x}", state);
}

NamedRecordings named(const char* name, const RecordingDataset& split) {
  NamedRecordings result{name, {}};
  for (std::size_t i = 0; i < split.size(); ++i) {
    result.recordings.push_back({split[i].about.id, split[i].hashes});
  }
  return result;
}

// Searches the splits for leaks.
// Throws Error on a leak, or stores it for the report if the recipe allows leaks.
void look_for_leaks(RecordingSplits& data) {
  for (const Leak& leak :
       find_leaks(std::vector{named("train", data.train), named("validation", data.validation),
                              named("test", data.test)},
                  data.splits.patients)) {
    data.leaks.push_back(leak.text);
  }
  const std::size_t count = data.leaks.size();
  if (count > 0 && !data.recipe.data.allow_leakage) {
    fail("data: the splits are not independent: {}{}; data.allow_leakage = true would train on them anyway",
         data.leaks.front(), count > 1 ? fmt::format(" (and {} more)", count - 1) : "");
  }
  if (data.recipe.data.protocol == "tianchi-paper") {
    data.leaks.insert(data.leaks.begin(),
                      "as in the released code, the reported scores are those of the validation split, which "
                      "chose the weights");
  }
}

std::size_t count(const RecordingDataset& split, std::size_t c) {
  std::size_t n = 0;
  for (std::size_t i = 0; i < split.size(); ++i) {
    n += split[i].targets[c] > 0 ? 1 : 0;
  }
  return n;
}

// Whether some class has recordings with and recordings without it.
bool tells_apart(const RecordingDataset& split, std::size_t classes) {
  for (std::size_t c = 0; c < classes; ++c) {
    const std::size_t n = count(split, c);
    if (n > 0 && n < split.size()) {
      return true;
    }
  }
  return false;
}

// Formats the classes that occur in a split: "NORM 40, MI 12 and none of 3 other classes".
std::string counts_text(const RecordingDataset& split, const std::vector<std::string>& classes) {
  std::vector<std::string> parts;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (const std::size_t n = count(split, c); n > 0) {
      parts.push_back(fmt::format("{} {}", classes[c], n));
    }
  }
  const std::size_t absent = classes.size() - parts.size();
  return fmt::format(
      "{}{}", fmt::join(parts, ", "),
      absent > 0 ? fmt::format(" and none of {} other class{}", absent, absent > 1 ? "es" : "") : "");
}

// Splits in which all recordings have the same labels do not show whether classes are told apart.
// Training on one is refused; validation and test with one cause a warning.
void check_same_labels(RecordingSplits& data) {
  const std::vector<std::string>& classes = data.recipe.classes;
  require(tells_apart(data.train, classes.size()),
          "all {} recordings to train on have the same labels ({}); expected a class that some of them have "
          "and others lack",
          data.train.size(), counts_text(data.train, classes));
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (count(data.train, c) == data.train.size()) {
      data.warnings.push_back(
          fmt::format("all {} recordings to train on are of class {}: nothing teaches its absence",
                      data.train.size(), classes[c]));
    }
  }
  const auto warn = [&](const RecordingDataset& split, const char* purpose) {
    const bool any = std::ranges::any_of(split.all_targets(), [](float target) { return target > 0; });
    if (any && !tells_apart(split, classes.size())) {  // without any: check_splits() names each class
      data.warnings.push_back(
          fmt::format("all {} recordings to {} have the same labels ({}): their scores do not show whether "
                      "classes are told apart",
                      split.size(), purpose, counts_text(split, classes)));
    }
  };
  warn(data.validation, "validate with");
  warn(data.test, "test with");
}
// The recordings of a class by split, and its patients: "train 14, validation 2, test 4, of 20 patients".
std::string counts_text(const RecordingSplits& data, std::size_t c) {
  std::set<std::string> patients;
  for (const RecordingDataset* split : {&data.train, &data.validation, &data.test}) {
    for (std::size_t i = 0; i < split->size(); ++i) {
      if ((*split)[i].targets[c] > 0) {
        patients.insert(person_of((*split)[i].about));
      }
    }
  }
  return fmt::format("train {}, validation {}, test {}, of {} patients", count(data.train, c),
                     count(data.validation, c), count(data.test, c), patients.size());
}

// What a user can do about a class that a split lacks.
constexpr const char* too_rare =
    "it needs recordings of at least three patients, one a split; data.split_seed and the shares or folds of the "
    "split change who is where, and a list in classes can leave it out";

void check_splits(RecordingSplits& data) {
  const Recipe& r = data.recipe;
  const bool needs_validation =
      r.train.choose == "best" || r.train.patience > 0 || r.decision.thresholds == "validation";
  require(data.validation.size() > 0 || !needs_validation,
          "no recording validates, but train.choose = \"best\", train.patience and decision.thresholds = "
          "\"validation\" need a validation split");
  for (std::size_t c = 0; c < r.classes.size(); ++c) {
    require(count(data.train, c) > 0, "no recording of class {} to train on ({}): {}", r.classes[c],
            counts_text(data, c), too_rare);
    if (data.validation.size() > 0 && count(data.validation, c) == 0) {
      data.warnings.push_back(
          fmt::format("no recording of class {} validates{} ({}): {}", r.classes[c],
                      r.decision.thresholds == "validation" ? ": its threshold is 0.5" : "",
                      counts_text(data, c), too_rare));
    }
    if (data.test.size() > 0 && count(data.test, c) == 0) {
      data.warnings.push_back(
          fmt::format("no recording of class {} is tested: macro averages leave it out ({})", r.classes[c],
                      counts_text(data, c)));
    }
  }
  check_same_labels(data);
  require(
      tells_apart(data.validation, r.classes.size()) || !needs_validation || r.train.choose_by != "macro_auc",
      "train.choose_by = \"macro_auc\": each class has either all or none of the {} validation recordings ({}); "
      "let more recordings validate, or choose by train.choose_by = \"macro_f1\"",
      data.validation.size(), counts_text(data.validation, r.classes));
}

// With classes = [], labels that only validation or test recordings have are no classes.
void warn_of_unlearned_labels(const std::vector<LoadedRecording>& recordings,
                              const std::array<std::vector<std::size_t>, 3>& division, const Names& classes,
                              std::vector<std::string>& warnings) {
  for (const std::size_t split : {1U, 2U}) {
    for (const std::string& label : labels_of(recordings, division[split])) {
      if (std::ranges::find(classes, label) == classes.end()) {
        warnings.push_back(
            fmt::format("label {} is no class: no training recording has it, but {} recordings do", label,
                        split_names[split]));
      }
    }
  }
}

// One line if some patients are not known, since the divisions can then not keep a patient's recordings together.
void warn_of_unknown_patients(RecordingSplits& data, std::size_t recordings) {
  if (data.without_patient > 0) {
    data.warnings.push_back(fmt::format(
        "the patients of {} of {} recordings are not known: each counts as a patient of its own, so one person may "
        "be in several splits, and scores may be too good{}",
        data.without_patient, recordings,
        data.recipe.data.source == "table" ? "; a column \"patient\" in the label table tells them apart"
                                           : ""));
  }
}

}  // namespace

RecordingSplits load_recording_splits(const Recipe& asked, const fs::path& folder) {
  Recipe recipe = asked;
  if (!recipe.data.class_file.empty()) {
    recipe.classes = io::read_class_list(folder / recipe.data.class_file);
    recipe.data.class_file.clear();  // the recipe now lists the classes
  }
  auto all = std::make_shared<std::vector<LoadedRecording>>(load_all(recipe, read_labels(recipe, folder)));
  check_amplitudes(recipe, *all);
  std::vector<std::size_t> everything(all->size());
  for (std::size_t i = 0; i < everything.size(); ++i) {
    everything[i] = i;
  }
  auto division = divide(recipe, *all, recipe.classes.empty() ? labels_of(*all, everything) : recipe.classes);
  std::vector<std::string> unlearned;
  if (recipe.classes.empty()) {
    recipe.classes = labels_of(*all, division[0]);
    require(!recipe.classes.empty(), "no training recording has a label");
    warn_of_unlearned_labels(*all, division, recipe.classes, unlearned);
  }
  set_targets(*all, recipe.classes);
  std::int64_t dropped = 0;
  if (recipe.data.unlabelled == "drop") {
    for (std::vector<std::size_t>& split : division) {
      dropped += static_cast<std::int64_t>(std::erase_if(
          split, [&](std::size_t i) { return std::ranges::count((*all)[i].targets, 1.0F) == 0; }));
    }
  }
  Splits splits;
  for (std::size_t split = 0; split < division.size(); ++split) {
    for (const std::size_t i : division[split]) {
      splits.records(split).push_back((*all)[i].about.id);
      splits.patients[(*all)[i].about.id] = person_of((*all)[i].about);
    }
  }
  RecordingSplits data{recipe,
                       std::move(splits),
                       RecordingDataset(recipe, all, division[0]),
                       RecordingDataset(recipe, all, division[1]),
                       RecordingDataset(recipe, all, division[2]),
                       fingerprint_of(*all),
                       {},
                       {},
                       dropped,
                       std::ssize(*all) * recipe.data.length * std::ssize(recipe.data.leads) *
                           static_cast<std::int64_t>(sizeof(float))};
  warn_of_filling(recipe, *all, data.warnings);
  for (const LoadedRecording& recording : *all) {
    data.warnings.insert(data.warnings.end(), recording.warnings.begin(), recording.warnings.end());
  }
  shorten_warnings(data.warnings);
  data.without_patient = std::ranges::count_if(
      *all, [](const LoadedRecording& recording) { return recording.about.patient.empty(); });
  warn_of_unknown_patients(data, all->size());
  data.warnings.insert(data.warnings.end(), unlearned.begin(), unlearned.end());
  check_splits(data);
  look_for_leaks(data);
  return data;
}

}  // namespace sec::train
