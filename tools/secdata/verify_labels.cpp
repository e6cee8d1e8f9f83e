// secdata verify --labels: checks a folder of labelled recordings before a training. All problems are listed at once.
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <set>

#include "engine/parallel.h"
#include "io/databases/label_table.h"
#include "io/databases/open_recording.h"
#include "io/files/edit_distance.h"
#include "io/files/standard_streams.h"
#include "io/files/utf8.h"
#include "io/recording/amplitude.h"
#include "io/recording/lead_names.h"
#include "io/tables/annotation_table.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

constexpr std::int64_t block = 1 << 18;     // samples read at once
constexpr std::size_t patients_needed = 3;  // of a label, one each for training, validation and test
constexpr std::size_t names_shown = 4;

// What the samples of a recording are like.
struct Look {
  bool opened = false;
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  std::vector<std::string> leads;  // keys of the leads' names
  double rate = 0;                 // Hz
  double seconds = 0;
  std::map<std::size_t, std::string> signals;  // hash of a lead's samples, and the lead; without flat leads
};

struct Findings {
  std::vector<LabelledRecording> recordings;
  std::vector<Look> looks;
  std::vector<std::string> problems;
  std::vector<std::string> warnings;
  std::map<std::string, std::vector<std::size_t>> labels;  // indices of the recordings of each label
};

// The samples of one lead, as they are read.
struct LeadCheck {
  AmplitudeMeter meter;
  std::int64_t samples = 0;
  std::int64_t first_invalid = -1;
  std::size_t hash = 0;
  float low = INFINITY;
  float high = -INFINITY;

  void add(std::span<const float> values) {
    meter.add(values);
    for (const float value : values) {
      if (std::isfinite(value)) {
        low = std::min(low, value);
        high = std::max(high, value);
      } else if (first_invalid < 0) {
        first_invalid = samples;
      }
      ++samples;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(values.data()), values.size_bytes());
    hash = hash * 0x9E3779B97F4A7C15ULL + std::hash<std::string_view>()(bytes);
  }
};

void look_at_samples(const std::string& id, RecordingReader& reader, Look& look) {
  const ReaderInfo& info = reader.info();
  std::vector<LeadCheck> checks;
  for (const int per_frame : info.samples_per_frame) {
    checks.push_back({AmplitudeMeter(info.rate * per_frame)});
  }
  for (std::int64_t at = 0; at < info.samples; at += block) {
    const std::int64_t count = std::min(block, info.samples - at);
    std::vector<std::vector<float>> values;
    for (const int per_frame : info.samples_per_frame) {
      values.emplace_back(static_cast<std::size_t>(count * per_frame));
    }
    const std::vector<std::span<float>> into(values.begin(), values.end());
    reader.read(at, count, into);
    for (std::size_t lead = 0; lead < checks.size(); ++lead) {
      checks[lead].add(values[lead]);
    }
  }
  std::vector<double> amplitudes;
  for (std::size_t lead = 0; lead < checks.size(); ++lead) {
    const std::string name = for_message(info.leads[lead].name);
    if (checks[lead].first_invalid >= 0) {
      look.problems.push_back(
          fmt::format("{}: sample {} of lead {} is not a number", id, checks[lead].first_invalid, name));
    }
    if (!(checks[lead].low < checks[lead].high)) {
      look.warnings.push_back(fmt::format("{}: lead {} is flat", id, name));
    } else {
      look.signals.emplace(checks[lead].hash, name);
    }
    if (info.leads[lead].units == "mV") {
      amplitudes.push_back(checks[lead].meter.amplitude());
    }
  }
  if (const std::string fault = amplitude_fault(median_of(amplitudes)); !fault.empty()) {
    look.problems.push_back(fmt::format("{}: {}", id, fault));
  }
}

Look look_at(const LabelledRecording& recording) {
  Look look;
  if (recording.path.empty()) {
    return look;  // the file is missing, which the reader of the table has noted
  }
  try {
    const auto reader = open_recording(recording.path);
    const ReaderInfo& info = reader->info();
    look.rate = info.rate;
    look.seconds = static_cast<double>(info.samples) / info.rate;
    for (const Lead& lead : info.leads) {
      const std::string key = lead_key(lead.name);
      if (std::ranges::find(look.leads, key) != look.leads.end()) {
        look.problems.push_back(
            fmt::format("{}: several leads are called {}", recording.id, for_message(lead.name)));
      }
      look.leads.push_back(key);
    }
    look.opened = true;
    const std::vector<std::string> warnings = reader->verify();
    look.warnings.insert(look.warnings.end(), warnings.begin(), warnings.end());
    look_at_samples(recording.id, *reader, look);
  } catch (const std::exception& error) {
    look.problems.emplace_back(error.what());
  }
  return look;
}

// A lead that most recordings have and one lacks. Limb leads that follow from I and II are not missed.
void compare_leads(Findings& found) {
  std::map<std::string, std::size_t> counts;
  std::size_t opened = 0;
  for (const Look& look : found.looks) {
    opened += look.opened ? 1 : 0;
    for (const std::string& lead : std::set<std::string>(look.leads.begin(), look.leads.end())) {
      ++counts[lead];
    }
  }
  for (std::size_t i = 0; i < found.looks.size(); ++i) {
    const Look& look = found.looks[i];
    const auto has = [&](const char* lead) {
      return std::ranges::find(look.leads, lead_key(lead)) != look.leads.end();
    };
    std::vector<std::string> missing;
    for (const auto& [lead, count] : counts) {
      const bool limb = lead == "iii" || lead == "avr" || lead == "avl" || lead == "avf";
      if (look.opened && 2 * count > opened && !has(lead.c_str()) && !(limb && has("I") && has("II"))) {
        missing.push_back(lead);
      }
    }
    if (!missing.empty()) {
      found.problems.push_back(fmt::format("{}: no lead {}, which most recordings have; its leads: {}",
                                           found.recordings[i].id, fmt::join(missing, ", "),
                                           for_message(fmt::format("{}", fmt::join(look.leads, ", ")))));
    }
  }
}

void compare_lengths(Findings& found) {
  std::vector<double> lengths;
  for (const Look& look : found.looks) {
    if (look.opened) {
      lengths.push_back(look.seconds);
    }
  }
  const double usual = median_of(lengths);
  for (std::size_t i = 0; i < found.looks.size(); ++i) {
    if (found.looks[i].opened && 2 * found.looks[i].seconds < usual) {
      found.warnings.push_back(fmt::format("{}: {:.3g} s long, half of the recordings have {:.3g} s or more",
                                           found.recordings[i].id, found.looks[i].seconds, usual));
    }
  }
}

// Two recordings with a lead in common are copies, or one is a part of the other's file.
void compare_signals(Findings& found) {
  std::map<std::size_t, std::size_t> first;  // recording of a signal
  for (std::size_t i = 0; i < found.looks.size(); ++i) {
    std::set<std::size_t> named;
    for (const auto& [hash, lead] : found.looks[i].signals) {
      const std::size_t other = first.try_emplace(hash, i).first->second;
      if (other == i || !named.insert(other).second) {
        continue;
      }
      const LabelledRecording& a = found.recordings[other];
      const LabelledRecording& b = found.recordings[i];
      found.problems.push_back(fmt::format("{}: has the same samples of lead {} as {}{}{}", b.id, lead, a.id,
                                           a.patient != b.patient
                                               ? fmt::format(", which is of patient '{}' instead of '{}'",
                                                             for_message(a.patient), for_message(b.patient))
                                               : "",
                                           a.labels != b.labels ? ", with other labels" : ""));
    }
  }
}

void compare_patients(Findings& found) {
  std::map<std::string, const LabelledRecording*> known;
  std::size_t unknown = 0;
  for (const LabelledRecording& recording : found.recordings) {
    unknown += recording.patient.empty() ? 1 : 0;
    if (recording.patient.empty() || recording.sex == Sex::unknown) {
      continue;
    }
    const LabelledRecording& before = *known.try_emplace(recording.patient, &recording).first->second;
    if (before.sex != recording.sex) {
      found.problems.push_back(fmt::format("{}: patient {} has another sex than in {}", recording.id,
                                           for_message(recording.patient), before.id));
    }
  }
  if (unknown > 0) {
    found.warnings.push_back(
        fmt::format("the patients of {} of {} recordings are not known: a division by patient takes each for "
                    "another person",
                    unknown, found.recordings.size()));
  }
}

std::size_t patients_of(const Findings& found, const std::vector<std::size_t>& recordings) {
  std::set<std::string> patients;
  for (const std::size_t i : recordings) {
    const LabelledRecording& one = found.recordings[i];
    patients.insert(one.patient.empty() ? "recording " + one.id : "patient " + one.patient);
  }
  return patients.size();
}

// Labels that look like another one misspelt, and labels of too few patients.
void compare_labels(Findings& found) {
  for (std::size_t i = 0; i < found.recordings.size(); ++i) {
    for (const std::string& label : found.recordings[i].labels) {
      found.labels[label].push_back(i);
    }
  }
  for (const auto& [label, members] : found.labels) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < std::min(members.size(), names_shown); ++i) {
      names.push_back(found.recordings[members[i]].id);
    }
    const std::string where = fmt::format("label {}: {} recordings of {} patients ({}{})", label,
                                          members.size(), patients_of(found, members), fmt::join(names, ", "),
                                          members.size() > names_shown ? ", ..." : "");
    const std::string* meant = nullptr;
    for (const auto& [other, others] : found.labels) {
      const bool same = lower(other) == lower(label);
      const bool close = label.size() >= 3 && edit_distance(lower(other), lower(label)) <= 2 &&
                         members.size() < patients_needed && others.size() >= 5 * members.size();
      if (other != label && (close || (same && others.size() >= members.size())) &&
          !(same && others.size() == members.size() && label < other)) {
        meant = &other;
      }
    }
    if (meant != nullptr) {
      found.problems.push_back(fmt::format("{}: is {} meant, which {} recordings have?", where, *meant,
                                           found.labels.at(*meant).size()));
    } else if (patients_of(found, members) < patients_needed) {
      found.warnings.push_back(where + ": fewer than three patients cannot be on all of three sides");
    }
  }
}

// Recordings in the folder that the table does not name.
void look_for_unlisted(const fs::path& folder, const fs::path& table, Findings& found) {
  std::set<fs::path> listed;
  const auto list = [&](const fs::path& path) { listed.insert(fs::weakly_canonical(path)); };
  list(table);
  for (const LabelledRecording& recording : found.recordings) {
    if (recording.path.empty()) {
      continue;
    }
    list(recording.path);
    list(recording.path.string() + ".hea");
    try {
      for (const fs::path& file : files_of_recording(recording.path)) {
        list(file);
      }
    } catch (const std::exception&) {  // a header that cannot be read is a problem already
    }
  }
  std::vector<std::string> names;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const std::string extension = lower_extension(entry.path());
    const bool recording = extension == ".hea" || extension == ".edf" || extension == ".csv" ||
                           extension == ".tsv" || extension == ".npy";
    if (recording && !is_annotation_table(entry.path()) &&
        !listed.contains(fs::weakly_canonical(entry.path()))) {
      names.push_back(entry.path().lexically_relative(folder).string());
    }
  }
  std::ranges::sort(names);
  for (const std::string& name : names) {
    found.warnings.push_back(
        fmt::format("{}: is in the folder, but not in {}", name, table.filename().string()));
  }
}

Findings examine(const fs::path& folder, const fs::path& table) {
  Findings found;
  found.recordings = read_label_table(table, folder, &found.problems);
  found.looks.resize(found.recordings.size());
  parallel_for(std::ssize(found.recordings), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    found.looks[index] = look_at(found.recordings[index]);
  });
  for (const Look& look : found.looks) {
    found.problems.insert(found.problems.end(), look.problems.begin(), look.problems.end());
    found.warnings.insert(found.warnings.end(), look.warnings.begin(), look.warnings.end());
  }
  compare_leads(found);
  compare_signals(found);
  compare_patients(found);
  compare_labels(found);
  compare_lengths(found);
  look_for_unlisted(folder, table, found);
  return found;
}

// How many recordings have each value, such as "100 Hz".
Histogram histogram_of(const Findings& found, const std::function<std::string(const Look&)>& text) {
  Histogram histogram;
  for (const Look& look : found.looks) {
    if (look.opened) {
      ++histogram[text(look)];
    }
  }
  return histogram;
}

}  // namespace

bool verify_labels(const VerifyOptions& options) {
  const fs::path folder = options.path;
  require(fs::is_directory(folder), "{}: no such folder; with --labels, PATH is the folder of the recordings",
          folder.string());
  const fs::path inside = folder / options.labels;
  const fs::path table =
      fs::exists(options.labels) && !fs::exists(inside) ? fs::path(options.labels) : inside;
  const Findings found = examine(folder, table);
  std::set<std::string> patients;
  std::int64_t opened = 0;
  for (const LabelledRecording& recording : found.recordings) {
    patients.insert(recording.patient);
  }
  patients.erase("");
  opened = std::ranges::count_if(found.looks, [](const Look& look) { return look.opened; });
  const Histogram leads =
      histogram_of(found, [](const Look& look) { return fmt::format("{}", fmt::join(look.leads, "+")); });
  const Histogram rates =
      histogram_of(found, [](const Look& look) { return fmt::format("{:g} Hz", look.rate); });
  const Histogram lengths =
      histogram_of(found, [](const Look& look) { return fmt::format("{:.1f} s", look.seconds); });
  if (options.as_json) {
    Json labels = Json::object();
    for (const auto& [label, members] : found.labels) {
      labels[label] = {{"recordings", members.size()}, {"patients", patients_of(found, members)}};
    }
    print_json({{"folder", folder.string()},
                {"table", table.string()},
                {"recordings", found.recordings.size()},
                {"readable", opened},
                {"patients", patients.size()},
                {"labels", labels},
                {"leads", leads},
                {"rates", rates},
                {"lengths", lengths},
                {"warnings", found.warnings},
                {"errors", found.problems}});
  } else {
    std::string labels;
    for (const auto& [label, members] : found.labels) {
      labels += fmt::format("{}{} {} ({} patients)", labels.empty() ? "" : ", ", for_message(label),
                            members.size(), patients_of(found, members));
    }
    print(fmt::format(
        "recordings   {} listed, {} can be read\npatients     {} known\nlabels       {}\nleads        {}\n"
        "rates        {}\nlengths      {}\nproblems     {}, and {} warnings\n",
        found.recordings.size(), opened, patients.size(), labels, text_of(leads), text_of(rates),
        text_of(lengths), found.problems.size(), found.warnings.size()));
  }
  for (const std::string& warning : found.warnings) {
    io::tell("secdata: warning: {}\n", warning);
  }
  for (const std::string& problem : found.problems) {
    io::tell("secdata: {}\n", problem);
  }
  return found.problems.empty();
}

}  // namespace sec::tools
