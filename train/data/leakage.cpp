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
  std::string split;
};

class Search {
 public:
  explicit Search(const std::map<std::string, std::string>& patients) : patients_(patients) {}

  void add(const NamedDataset& split) {
    for (const ExampleId id : split.dataset->beats(true)) {
      const BeatRecord& record = split.dataset->record(id);
      const Beat& beat = split.dataset->beat(id);
      splits_of_[record.name].insert(split.name);
      for (const std::size_t index : split.dataset->sequence_of(id)) {
        windows_[record.name].push_back({record.beats[index].centre - split.dataset->before(), split.name});
      }
      length_ = split.dataset->window_length();
      std::vector<float> window(static_cast<std::size_t>(length_));
      for (const std::vector<float>& signal : record.signals) {
        cut_window(signal, beat.centre - split.dataset->before(), window);
        remember(signal_hash(window), record.name, split.name);
      }
    }
    for (const BeatRecord& record : split.dataset->records()) {
      for (const std::vector<float>& signal : record.signals) {
        if (splits_of_.contains(record.name)) {
          remember(signal_hash(signal), record.name, split.name);
        }
      }
    }
  }

  void add(const NamedRecordings& split) {
    for (const NamedRecordings::Recording& recording : split.recordings) {
      splits_of_[recording.name].insert(split.name);
      for (const std::uint64_t hash : recording.hashes) {
        remember(hash, recording.name, split.name);
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
    std::string split;
  };

  void remember(std::uint64_t hash, const std::string& record, const std::string& split) {
    if (hash == 0) {
      return;
    }
    std::vector<Owner>& owners = owners_[hash];
    for (const Owner& other : owners) {
      if (other.record == record && other.split == split) {
        return;
      }
      if (other.record != record && other.split != split) {
        identical_.try_emplace(
            {other.record, record},
            fmt::format("signals of record {} ({}) are identical to those of record {} ({})", other.record,
                        other.split, record, split));
      }
    }
    owners.push_back({record, split});
  }

  void same_recording() {
    for (const auto& [record, splits] : splits_of_) {
      if (splits.size() > 1) {
        found_.push_back(
            {Leak::Kind::recording,
             {record},
             fmt::format("record {} is in more than one split: {}", record, fmt::join(splits, ", "))});
      }
    }
  }

  // It suffices to compare neighbours in time: if windows of two splits overlap, so do two neighbours.
  void overlapping_windows() {
    for (auto& [record, windows] : windows_) {
      std::ranges::stable_sort(windows, {}, &Window::begin);
      std::int64_t count = 0;
      for (std::size_t i = 1; i < windows.size(); ++i) {
        count +=
            windows[i].split != windows[i - 1].split && windows[i].begin - windows[i - 1].begin < length_;
      }
      if (count > 0) {
        found_.push_back(
            {Leak::Kind::windows,
             {record},
             fmt::format("{} windows of record {} overlap with the next beat's, which is in another split",
                         count, record)});
      }
    }
  }

  void same_patient() {
    std::map<std::string, std::map<std::string, std::set<std::string>>> records;  // by patient and split
    std::map<std::string, std::set<std::string>> all;
    for (const auto& [record, splits] : splits_of_) {
      const auto known = patients_.find(record);
      const std::string& patient = known == patients_.end() ? record : known->second;
      all[patient].insert(record);
      for (const std::string& split : splits) {
        records[patient][split].insert(record);
      }
    }
    for (const auto& [patient, by_split] : records) {
      if (by_split.size() < 2 || all[patient].size() < 2) {
        continue;  // a single recording in two splits is reported by same_recording()
      }
      std::vector<std::string> parts;
      for (const auto& [split, names] : by_split) {
        parts.push_back(fmt::format("{} ({})", fmt::join(names, ", "), split));
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

template <typename Split>
std::vector<Leak> search_all(const std::vector<Split>& splits,
                             const std::map<std::string, std::string>& patients) {
  Search search(patients);
  for (const Split& split : splits) {
    search.add(split);
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

std::vector<Leak> find_leaks(const std::vector<NamedDataset>& splits,
                             const std::map<std::string, std::string>& patients) {
  return search_all(splits, patients);
}

std::vector<Leak> find_leaks(const std::vector<NamedRecordings>& splits,
                             const std::map<std::string, std::string>& patients) {
  return search_all(splits, patients);
}

}  // namespace sec::train
