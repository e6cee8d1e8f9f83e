// TensorBoard's event files: https://github.com/tensorflow/tensorboard, tensorboard/compat/proto/event.proto.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sec::train {

// The scalars of a run's log.jsonl as events. A record is the length of an event (8 bytes) and its checksum, the event and
// its checksum, little endian.
class EventFile {
 public:
  static constexpr const char* name = "events.out.tfevents.sec";  // in the run folder

  explicit EventFile(std::filesystem::path file) : file_(std::move(file)) {}

  // Begins the file. Of an earlier part of the run it keeps the events up to step `step`, and drops those of later steps, which
  // will be computed again, and a record that a kill cut off. Throws Error naming the file.
  void begin(std::int64_t step) const;

  // Appends the numbers of a line of log.jsonl, as train/loss, validation/macro_f1, gradient_norm/conv1. Each line is one
  // event; its time is `seconds` since 1970. Throws Error naming the file.
  void add(std::string_view log_line, double seconds) const;

 private:
  std::filesystem::path file_;
};

}  // namespace sec::train
