// Samples from a pipe, as text or binary frames. A frame holds one sample of each lead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sec::tools {

enum class LiveFormat {
  csv,  // one line per frame: numbers in mV, separated by commas, semicolons or tabs; empty: no sample; first line: names
  i16,  // little-endian, converter units
  f32,  // little-endian, mV
};

LiveFormat parse_live_format(const std::string& name);

class LiveInput {
 public:
  // `gain` is in converter units per mV, for i16.
  LiveInput(LiveFormat format, const std::vector<std::string>& leads, double gain);

  // Accepts bytes in pieces of any size. Appends each lead's samples (mV; NaN: missing).
  // Throws Error, naming the line, if a frame cannot be read.
  void push(std::string_view bytes, std::vector<std::vector<float>>& samples);
  // Call this at the end of the input. Throws Error if a frame is incomplete.
  void finish(std::vector<std::vector<float>>& samples);

 private:
  // Throws Error if the first line of a table names the leads in another order.
  void check_names(std::string_view line) const;
  void read_line(std::string_view line, std::vector<std::vector<float>>& samples);

  LiveFormat format_;
  std::vector<std::string> names_;
  std::size_t leads_;
  double gain_;
  std::string rest_;  // an incomplete frame
  std::int64_t line_ = 0;
  char separator_ = ',';  // as the first line has it
};

}  // namespace sec::tools
