#include "train/data/recording_division.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <numeric>
#include <set>
#include <string_view>

#include "engine/error.h"
#include "train/data/fnv.h"
#include "train/data/splits.h"

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

// A pseudo-random number in [0, 1) for a text and a seed: FNV-1a, then the final mixing of SplitMix64.
double draw(std::string_view text, std::int64_t seed) {
  std::uint64_t z = fnv_start ^ (static_cast<std::uint64_t>(seed) * 0x9E3779B97F4A7C15ULL);
  for (const char c : text) {
    z = fnv_next(z, static_cast<unsigned char>(c));
  }
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return static_cast<double>((z ^ (z >> 31U)) >> 11U) * 0x1p-53;
}

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

Division by_hash(const Recipe& recipe, const std::vector<LoadedRecording>& recordings) {
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
  std::map<std::size_t, std::string> keys;  // smallest key of each group's recordings
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const auto [entry, fresh] = keys.try_emplace(groups.find(i), key_of(recordings[i]));
    entry->second = fresh ? entry->second : std::min(entry->second, key_of(recordings[i]));
  }
  Division splits;
  const Recipe::Data& d = recipe.data;
  for (std::size_t i = 0; i < recordings.size(); ++i) {
    const double u = draw(keys.at(groups.find(i)), d.split_seed);
    splits[u < d.test_share ? test : u < d.test_share + d.validation_share ? validation : train].push_back(i);
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
                    : protocol == "hash"          ? by_hash(recipe, recordings)
                    : protocol == "tianchi-paper" ? as_released(recordings, classes)
                                                  : by_file(recipe, recordings);
  require(!splits[train].empty(), "data.protocol = \"{}\" leaves no recording to train on", protocol);
  return splits;
}

}  // namespace sec::train
