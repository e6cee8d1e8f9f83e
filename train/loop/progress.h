// How far a training run has come: what a resumed run goes on from, beside the weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

// Where a training run stands. Times are left out of `history` in files: they differ from run to run.
struct Progress {
  std::int64_t step = 0;   // optimizer steps taken
  double epoch_loss = 0;   // sum over the steps of the epoch under way
  double best_score = -1;  // of the best epoch, by train.choose_by; -1: none yet
  int best_epoch = 0;
  int epochs_without_gain = 0;
  bool finished = false;
  std::vector<EpochRecord> history;
};

std::string to_text(const Progress& progress);  // one line of JSON, the same for the same training
// Throws Error, naming `file`, on text that to_text does not write.
Progress parse_progress(const std::string& text, const std::string& file);

}  // namespace sec::train
