#include "train/data/leakage.h"

#include <algorithm>
#include <bit>
#include <set>

#include "engine/error.h"
#include "train/data/fnv.h"
#include "train/data/patient.h"

namespace sec::train {
namespace {

struct Window {
  std::int64_t begin = 0;  // sample at the recipe's rate
  std::string side;
};

class Search {
 public:
  explicit Search(const std::map<std::string, std::string>& patients) : patients_(patients) {}

  void add(const NamedInputs& side) {
    for (const ExampleId id : side.inputs->beats(true)) {
      const BeatRecord& record = side.inputs->record(id);
      const Beat& beat = side.inputs->beat(id);
      splits_of_[record.name].insert(side.name);
      for (const std::size_t index : side.inputs->sequence_of(id)) {
        windows_[record.name].push_back({record.beats[index].centre - side.inputs->before(), side.name});
      }
      length_ = side.inputs->window_length();
      std::vector<float> window(static_cast<std::size_t>(length_));
      for (const std::vector<float>& signal : record.signals) {
        cut_window(signal, beat.centre - side.inputs->before(), window);
        remember(signal_hash(window), record.name, side.name);
      }
    }
    for (const BeatRecord& record : side.inputs->records()) {
      for (const std::vector<float>& signal : record.signals) {
        if (splits_of_.contains(record.name)) {
          remember(signal_hash(signal), record.name, side.name);
        }
      }
    }
  }

  void add(const NamedRecordings& side) {
    for (const NamedRecordings::Recording& recording : side.recordings) {
      splits_of_[recording.name].insert(side.name);
      for (const std::uint64_t hash : recording.hashes) {
        remember(hash, recording.name, side.name);
      }
    }
  }

  std::vector<Leak> leaks() {
    same_recording();
    overlapping_windows();
    for (const auto& [pair, text] : identical_) {
      found_.push_back({Leak::Kind::signals, {pair.first, pair.second}, text});
    }
    same_patient();
    return std::move(found_);
  }

 private:
  struct Owner {
    std::string record;
    std::string side;
  };

  void remember(std::uint64_t hash, const std::string& record, const std::string& side) {
    if (hash == 0) {
      return;
    }
    std::vector<Owner>& owners = owners_[hash];
    for (const Owner& other : owners) {
      if (other.record == record && other.side == side) {
        return;
      }
      if (other.record != record && other.side != side) {
        identical_.try_emplace(
            {other.record, record},
            fmt::format("signals of record {} ({}) are identical to those of record {} ({})", other.record,
                        other.side, record, side));
      }
    }
    owners.push_back({record, side});
  }

  void same_recording() {
    for (const auto& [record, splits] : splits_of_) {
      if (splits.size() > 1) {
        found_.push_back(
            {Leak::Kind::recording,
             {record},
             fmt::format("record {} is on more than one side: {}", record, fmt::join(splits, ", "))});
      }
    }
  }

  // Neighbours in time are enough: if any two windows of different sides overlap, two neighbours do.
  void overlapping_windows() {
    for (auto& [record, windows] : windows_) {
      std::ranges::stable_sort(windows, {}, &Window::begin);
      std::int64_t count = 0;
      for (std::size_t i = 1; i < windows.size(); ++i) {
        count += windows[i].side != windows[i - 1].side && windows[i].begin - windows[i - 1].begin < length_;
      }
      if (count > 0) {
        found_.push_back(
            {Leak::Kind::windows,
             {record},
             fmt::format("{} windows of record {} overlap with the next beat's, which is on another side",
                         count, record)});
      }
    }
  }

  void same_patient() {
    std::map<std::string, std::map<std::string, std::set<std::string>>> records;  // patient, side
    std::map<std::string, std::set<std::string>> all;
    for (const auto& [record, splits] : splits_of_) {
      const auto known = patients_.find(record);
      const std::string& patient = known == patients_.end() ? record : known->second;
      all[patient].insert(record);
      for (const std::string& side : splits) {
        records[patient][side].insert(record);
      }
    }
    for (const auto& [patient, by_side] : records) {
      if (by_side.size() < 2 || all[patient].size() < 2) {
        continue;  // one recording on two sides is said already
      }
      std::vector<std::string> parts;
      for (const auto& [side, names] : by_side) {
        parts.push_back(fmt::format("{} ({})", fmt::join(names, ", "), side));
      }
      found_.push_back({Leak::Kind::patient,
                        {all[patient].begin(), all[patient].end()},
                        fmt::format("records {} are one person", fmt::join(parts, " and "))});
    }
  }

  const std::map<std::string, std::string>& patients_;
  std::map<std::string, std::set<std::string>> splits_of_;
  std::map<std::string, std::vector<Window>> windows_;
  std::map<std::uint64_t, std::vector<Owner>> owners_;
  std::map<std::pair<std::string, std::string>, std::string> identical_;
  std::int64_t length_ = 0;
  std::vector<Leak> found_;
};

template <typename Side>
std::vector<Leak> search_all(const std::vector<Side>& splits,
                             const std::map<std::string, std::string>& patients) {
  Search search(patients);
  for (const Side& side : splits) {
    search.add(side);
  }
  return search.leaks();
}

}  // namespace

std::uint64_t signal_hash(std::span<const float> samples) {
  if (samples.empty() || std::ranges::all_of(samples, [&](float v) { return v == samples.front(); })) {
    return 0;
  }
  std::uint64_t state = fnv_start;
  for (const float sample : samples) {
    state = fnv_next(state, std::bit_cast<std::uint32_t>(sample));
  }
  return state;
}

std::vector<Leak> find_leaks(const std::vector<NamedInputs>& splits,
                             const std::map<std::string, std::string>& patients) {
  return search_all(splits, patients);
}

std::vector<Leak> find_leaks(const std::vector<NamedRecordings>& splits,
                             const std::map<std::string, std::string>& patients) {
  return search_all(splits, patients);
}

}  // namespace sec::train
