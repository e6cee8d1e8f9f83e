// Writes the classified beats of a recording: lines, a summary, or an annotation file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "io/edf/writer.h"
#include "io/recording/recording.h"
#include "tools/secinfer/options.h"
#include "train/streaming/beat_summary.h"
#include "train/streaming/stream_classifier.h"

namespace sec::tools {

// The properties of a recording that its output needs.
struct OutputRecord {
  std::string name;
  double rate = 0;        // rate of the beats' sample numbers, Hz
  double frame_rate = 0;  // rate that readers of annotation files assume, Hz
  io::EdfStart start;
};

class Output {
 public:
  Output(const Options& options, const train::Recipe& recipe, OutputRecord record);

  void add(const train::ClassifiedBeat& beat);
  std::int64_t beats() const { return beats_; }
  void finish();

  // The path of the annotation file that --out creates for a record.
  static std::filesystem::path annotation_file(const Options& options, const std::string& record);

 private:
  void write_annotations();

  const Options& options_;
  std::vector<std::string> classes_;
  OutputRecord record_;
  std::string quoted_record_;
  std::vector<std::string> quoted_classes_;
  train::BeatSummary summary_;
  std::vector<io::Annotation> annotations_;
  std::int64_t beats_ = 0;
};

}  // namespace sec::tools
