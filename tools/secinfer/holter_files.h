// The files about a whole recording that secinfer writes beside annotations: the Holter report and tables of intervals.
#pragma once

#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tools/secinfer/options.h"
#include "tools/secinfer/recording_blocks.h"
#include "train/holter/holter.h"

namespace sec::tools {

// The paths that --report, --rr and --nn name.
std::vector<std::filesystem::path> holter_files(const Options& options);

class HolterFiles {
 public:
  // Nothing is written if none of the options is given. Throws Error if a file exists and may not be replaced, is the
  // recording itself, or cannot be written.
  HolterFiles(const Options& options, const train::Recipe& recipe, const RecordingBlocks& recording,
              double rate, const std::vector<std::string>& lead_names,
              const std::vector<std::size_t>& qrs_leads);
  ~HolterFiles();
  HolterFiles(const HolterFiles&) = delete;
  HolterFiles& operator=(const HolterFiles&) = delete;

  void push(std::span<const std::span<const float>> samples);  // before the beats that are found in them
  void add(const train::ClassifiedBeat& beat);
  // Writes the files. `warnings` are about the signal.
  void finish(const std::vector<std::string>& warnings);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sec::tools
