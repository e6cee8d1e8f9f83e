// What the sides of a data set must not share, looked for before every training.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "train/data/beat_dataset.h"

namespace sec::train {

// One side: its name for messages, and its beats.
struct NamedInputs {
  std::string name;
  const BeatDataset* inputs = nullptr;
};

struct Leak {
  enum class Kind { recording, windows, signals, patient } kind = Kind::recording;
  std::vector<std::string> records;
  std::string text;  // "record 100 is in train and in test"
};

// Every pair of sides is looked at:
//   recording  beats of one recording are on both
//   windows    windows of one recording, on different splits, have samples in common
//   signals    a lead, or the windows of a beat, are bit for bit those of another recording on the other side
//              (flat ones do not count)
//   patient    different recordings of one person; `patients` maps records to persons, a record that is not
//              in it is a person of its own
// At most one leak of a kind for each pair of records. In order of kind.
std::vector<Leak> find_leaks(const std::vector<NamedInputs>& splits,
                             const std::map<std::string, std::string>& patients);

// One side of whole recordings.
struct NamedRecordings {
  struct Recording {
    std::string name;
    std::span<const std::uint64_t> hashes;  // of its leads
  };
  std::string name;
  std::vector<Recording> recordings;
};
// The same, but for windows.
std::vector<Leak> find_leaks(const std::vector<NamedRecordings>& splits,
                             const std::map<std::string, std::string>& patients);

// Tells signals apart that differ in a bit (FNV-1a, no protection against forgery); 0 for a flat one, which
// says nothing.
std::uint64_t signal_hash(std::span<const float> samples);

}  // namespace sec::train
