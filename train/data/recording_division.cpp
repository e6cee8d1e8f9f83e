#include "train/data/recording_division.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <span>

#include "engine/error.h"
#include "train/data/splits.h"
#include "train/data/stratify.h"

namespace sec::train {
namespace {

using Division = std::array<std::vector<std::size_t>, 3>;
enum : std::size_t { train, validation, test };

Division by_fold(const Recipe& recipe, const std::vector<LoadedRecording>& recordings) {
  Division splits;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const int fold = recordings[i].about.fold;
    require(fold > 0, "data.protocol = \"strat_folds\": recording {} has no fold", recordings[i].about.id);
    splits[fold == recipe.data.test_fold         ? test
           : fold == recipe.data.validation_fold ? validation
                                                 : train]
        .push_back(i);
  }
  return splits;
}

// Groups of recordings that must stay together: a union-find structure.
class Groups {
 public:
  explicit Groups(std::size_t count) : parents_(count) { std::iota(parents_.begin(), parents_.end(), 0); }

  std::size_t find(std::size_t i) {
    while (parents_[i] != i) {
      parents_[i] = parents_[parents_[i]];
      i = parents_[i];
    }
    return i;
  }
  void join(std::size_t a, std::size_t b) { parents_[find(a)] = find(b); }

 private:
  std::vector<std::size_t> parents_;
};

// The text whose hash places a recording: its patient, else its signal, else its id.
std::string key_of(const LoadedRecording& recording) {
  if (!recording.about.patient.empty()) {
    return "patient " + recording.about.patient;
  }
  if (!recording.hashes.empty()) {
    return fmt::format("signal {:016x}", std::ranges::min(recording.hashes));
  }
  return "recording " + recording.about.id;
}

// Recordings that share a patient or a lead's signal, which no division may separate.
struct Bound {
  std::string key;                   // the smallest key_of() its recordings
  std::vector<std::size_t> members;  // indices of its recordings
};

std::vector<Bound> bound_recordings(const std::vector<LoadedRecording>& recordings) {
  Groups groups(recordings.size());
  std::map<std::string, std::size_t> of_patient;
  std::map<std::uint64_t, std::size_t> of_signal;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    if (const std::string& patient = recordings[i].about.patient; !patient.empty()) {
      groups.join(i, of_patient.try_emplace(patient, i).first->second);
    }
    for (const std::uint64_t hash : recordings[i].hashes) {
      groups.join(i, of_signal.try_emplace(hash, i).first->second);
    }
  }
  std::map<std::size_t, Bound> bound;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    Bound& one = bound[groups.find(i)];
    const std::string key = key_of(recordings[i]);
    one.key = one.members.empty() ? key : std::min(one.key, key);
    one.members.push_back(i);
  }
  std::vector<Bound> result;
  for (auto& [root, one] : bound) {
    result.push_back(std::move(one));
  }
  return result;
}

// The part of each group, such that every part has nearly its share of the recordings of each of `labels`, of the
// recordings without any of them, and of all recordings.
std::vector<std::size_t> stratified(const std::vector<Bound>& bound,
                                    const std::vector<LoadedRecording>& recordings,
                                    const std::vector<std::string>& labels, std::span<const double> shares,
                                    std::int64_t seed) {
  std::vector<LabelledGroup> groups;
  for (const Bound& one : bound) {
    LabelledGroup group{one.key, std::vector<std::int64_t>(labels.size() + 2)};
    for (const std::size_t i : one.members) {
      bool any = false;
      for (std::size_t l = 0; l < labels.size(); ++l) {
        if (std::ranges::count(recordings[i].about.labels, labels[l]) > 0) {
          ++group.counts[l];
          any = true;
        }
      }
      group.counts[labels.size()] += any ? 0 : 1;
      ++group.counts.back();
    }
    groups.push_back(std::move(group));
  }
  return stratify(groups, shares, seed);
}

Division by_hash(const Recipe& recipe, const std::vector<LoadedRecording>& recordings,
                 const std::vector<std::string>& labels) {
  const Recipe::Data& d = recipe.data;
  const std::vector<Bound> bound = bound_recordings(recordings);
  std::vector<std::size_t> parts;
  if (d.stratify) {
    const double shares[] = {1 - d.validation_share - d.test_share, d.validation_share, d.test_share};
    parts = stratified(bound, recordings, labels, shares, d.split_seed);
  } else {
    for (const Bound& one : bound) {
      const double u = draw(one.key, d.split_seed);
      parts.push_back(u < d.test_share ? test : u < d.test_share + d.validation_share ? validation : train);
    }
  }
  Division splits;
  for (std::size_t g = 0; g < bound.size(); ++g) {
    splits[parts[g]].insert(splits[parts[g]].end(), bound[g].members.begin(), bound[g].members.end());
  }
  for (std::vector<std::size_t>& split : splits) {
    std::ranges::sort(split);
  }
  return splits;
}

Division in_folds(const Recipe& recipe, const std::vector<LoadedRecording>& recordings,
                  const std::vector<std::string>& labels) {
  const auto folds = static_cast<std::size_t>(recipe.data.folds);
  const std::vector<Bound> bound = bound_recordings(recordings);
  require(bound.size() >= folds, "data.folds: {} folds of {} patients", folds, bound.size());
  const std::vector<double> shares(folds, 1 / static_cast<double>(folds));
  const std::vector<std::size_t> parts =
      stratified(bound, recordings, labels, shares, recipe.data.split_seed);
  const auto tested = static_cast<std::size_t>(recipe.data.fold - 1);
  Division splits;
  for (std::size_t g = 0; g < bound.size(); ++g) {
    const std::size_t after = (parts[g] + folds - tested) % folds;
    std::vector<std::size_t>& split = splits[after == 0 ? test : after == 1 ? validation : train];
    split.insert(split.end(), bound[g].members.begin(), bound[g].members.end());
  }
  for (std::vector<std::size_t>& split : splits) {
    std::ranges::sort(split);
  }
  return splits;
}

Division as_released(const std::vector<LoadedRecording>& recordings,
                     const std::vector<std::string>& classes) {
  constexpr double validation_ratio = 0.4;
  std::set<std::size_t> validates;
  for (const std::string& name : classes) {
    std::vector<std::size_t> members;
    for (std::size_t i = 0; i < recordings.size(); ++i) {
      if (std::ranges::count(recordings[i].about.labels, name) > 0) {
        members.push_back(i);
      }
    }
    // Rounds down, as int() does in the released Python code.
    const auto first = static_cast<std::int64_t>(static_cast<double>(members.size()) * validation_ratio);
    validates.insert(members.begin(), members.begin() + first);
  }
  Division splits;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    splits[validates.contains(i) ? validation : train].push_back(i);
  }
  return splits;
}

Division by_file(const Recipe& recipe, const std::vector<LoadedRecording>& recordings) {
  const std::string& file = recipe.data.split_file;
  const Splits listed = read_split_file(file);
  std::map<std::string, std::size_t> known;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    known.emplace(recordings[i].about.id, i);
  }
  Division splits;
  for (std::size_t split = 0; split < split_names.size(); ++split) {
    require(listed.parts[split].empty(),
            "{}: lists parts of recordings, but only whole recordings can be used", file);
    for (const std::string& name : listed.records(split)) {
      const auto found = known.find(name);
      require(found != known.end(), "{}: recording {} is not among the labelled recordings", file, name);
      splits[split].push_back(found->second);
    }
    std::ranges::sort(splits[split]);
  }
  return splits;
}

}  // namespace

Division divide(const Recipe& recipe, const std::vector<LoadedRecording>& recordings,
                const std::vector<std::string>& classes) {
  const std::string& protocol = recipe.data.protocol;
  Division splits = protocol == "strat_folds"     ? by_fold(recipe, recordings)
                    : protocol == "hash"          ? by_hash(recipe, recordings, classes)
                    : protocol == "folds"         ? in_folds(recipe, recordings, classes)
                    : protocol == "tianchi-paper" ? as_released(recordings, classes)
                                                  : by_file(recipe, recordings);
  require(!splits[train].empty(), "data.protocol = \"{}\" leaves no recording to train on", protocol);
  return splits;
}

}  // namespace sec::train
