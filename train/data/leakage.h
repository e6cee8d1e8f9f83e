// Leak detection: recordings, signals or patients that two splits share. Every training runs it first.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "train/data/beat_dataset.h"

namespace sec::train {

// A split of heartbeats, and its name for messages.
struct NamedDataset {
  std::string name;
  const BeatDataset* dataset = nullptr;
};

struct Leak {
  enum class Kind { recording, windows, signals, patient } kind = Kind::recording;
  std::vector<std::string> records;
  std::string text;  // "record 100 is in train and in test"
};

// Compares every pair of splits. Returns at most one leak of each kind per pair of records, ordered by kind:
//   recording  beats of one recording are in both splits
//   windows    windows of one recording in different splits have samples in common
//   signals    a lead, or a beat's window, is bitwise equal to one of another recording in the other split
//              (flat signals are ignored)
//   patient    the splits hold different recordings of one person. `patients` maps records to persons;
//              a record without an entry counts as a separate person
std::vector<Leak> find_leaks(const std::vector<NamedDataset>& splits,
                             const std::map<std::string, std::string>& patients);

// A split of whole recordings, and its name for messages.
struct NamedRecordings {
  struct Recording {
    std::string name;
    std::span<const std::uint64_t> hashes;  // signal_hash() of each lead
  };
  std::string name;
  std::vector<Recording> recordings;
};
// Finds the leaks between splits of whole recordings: all kinds except windows.
std::vector<Leak> find_leaks(const std::vector<NamedRecordings>& splits,
                             const std::map<std::string, std::string>& patients);

// The FNV-1a hash of a signal's bits. Returns 0 for a flat signal, which identifies no recording.
std::uint64_t signal_hash(std::span<const float> samples);

}  // namespace sec::train
