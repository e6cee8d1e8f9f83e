#include "tools/sectrain/training_display.h"
#include "io/files/standard_streams.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>

namespace sec::tools {
namespace {

constexpr double seconds_between_updates = 0.1;

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

std::string duration_text(double seconds) {
  const auto whole = static_cast<std::int64_t>(std::lround(seconds));
  return whole >= 3600 ? fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60)
                       : fmt::format("{}:{:02}", whole / 60, whole % 60);
}

}  // namespace

TrainingDisplay::TrainingDisplay(std::int64_t epochs, std::int64_t step_lines, bool quiet)
    : epochs_(epochs), step_lines_(step_lines), quiet_(quiet), terminal_(isatty(STDERR_FILENO) == 1) {}

void TrainingDisplay::show(const train::StepReport& report) {
  const bool due = terminal_ ? now() - shown_at_ >= seconds_between_updates : report.step % step_lines_ == 0;
  if (quiet_ || !due) {
    return;
  }
  shown_at_ = now();
  const std::string line = fmt::format("epoch {}/{}  step {}/{}  loss {:.4f}  {:.0f} samples/s  {} left",
                                       report.epoch, epochs_, report.step, report.total_steps, report.loss,
                                       report.samples_per_second, duration_text(report.seconds_left));
  io::write_stderr(terminal_ ? "\r" + line + "\x1b[K" : line + "\n");
  line_open_ = terminal_;
}

void TrainingDisplay::show(const train::EpochRecord& record, const std::vector<std::string>& classes) {
  if (quiet_) {
    return;
  }
  end_line();
  std::string line = fmt::format("epoch {}/{}  train loss {:.4f}", record.epoch, epochs_, record.train_loss);
  if (std::isfinite(record.validation_loss)) {
    line += fmt::format("  validation loss {:.4f}, ", record.validation_loss);
    line += std::isfinite(record.validation_accuracy)
                ? fmt::format("accuracy {:.2f} %", 100 * record.validation_accuracy)
                : fmt::format("macro AUC {:.4f}, micro-F1 {:.4f}", record.validation_auc,
                              record.validation_micro_f1);
    line += fmt::format(", macro-F1 {:.4f}", record.validation_macro_f1);
    constexpr std::size_t classes_shown = 8;
    for (std::size_t c = 0; c < std::min(classes.size(), classes_shown); ++c) {
      line += fmt::format("{}{} {:.3f}", c > 0 ? ", " : " (", classes[c], record.validation_f1[c]);
    }
    line += classes.size() > classes_shown ? ", ...)" : ")";
    line += record.best ? "  best so far" : "";
  }
  io::tell("{}  {:.0f} samples/s  {:.1f} s\n", line, record.samples_per_second, record.seconds);
}

void TrainingDisplay::end_line() {
  if (line_open_) {
    io::write_stderr("\r\x1b[K");
    line_open_ = false;
  }
}

}  // namespace sec::tools
