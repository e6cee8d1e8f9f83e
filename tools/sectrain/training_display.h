// Shows the progress of training: one line that is rewritten on a terminal, plain lines otherwise.
#pragma once

#include "train/loop/trainer.h"

namespace sec::tools {

class TrainingDisplay {
 public:
  // `epochs` is the number of epochs of the whole run. Plain lines are written every `step_lines` steps.
  TrainingDisplay(std::int64_t epochs, std::int64_t step_lines, bool quiet);

  void show(const train::StepReport& report);
  void show(const train::EpochRecord& record, const std::vector<std::string>& classes);
  void end_line();  // call before other output

 private:
  std::int64_t epochs_;
  std::int64_t step_lines_;
  bool quiet_;
  bool terminal_;
  bool line_open_ = false;
  double shown_at_ = 0;  // s
};

}  // namespace sec::tools
