// The progress of a training run, from which a resumed run continues.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

// Counters, scores and history of a training run.
// Files hold no times of `history`, as these differ between runs.
struct Progress {
  std::int64_t step = 0;   // optimizer steps taken
  double epoch_loss = 0;   // sum of the losses of the current epoch's steps
  double best_score = -1;  // of the best epoch, by train.choose_by; -1: no epoch yet
  int best_epoch = 0;
  int epochs_without_gain = 0;
  bool finished = false;
  std::vector<EpochRecord> history;
};

std::string to_text(const Progress& progress);  // one line of JSON, identical for identical training
// Reads text of to_text().
// Throws Error, naming `file`, on any other text and on counts that contradict each other.
Progress parse_progress(const std::string& text, const std::string& file);

// Throws Error, naming `file`, if a run with these numbers of epochs, steps per epoch and classes
// cannot have this progress.
void require_possible(const Progress& progress, std::int64_t epochs, std::int64_t epoch_steps,
                      std::size_t classes, const std::string& file);

}  // namespace sec::train
