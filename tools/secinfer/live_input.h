// Samples from a pipe: text or binary frames, a frame holding one sample of each lead.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sec::tools {

enum class LiveFormat {
  csv,  // a line a frame: numbers in mV between commas; an empty field: no sample; a first line of names
  i16,  // little-endian, converter units
  f32,  // little-endian, mV
};

LiveFormat parse_live_format(const std::string& name);

class LiveInput {
 public:
  // `gain` is in converter units per mV, for i16.
  LiveInput(LiveFormat format, const std::vector<std::string>& leads, double gain);

  // Bytes as they come, whole frames or not. Appends each lead's samples (mV, NaN: none). Throws Error naming
  // the line of a frame that cannot be read.
  void push(std::string_view bytes, std::vector<std::vector<float>>& samples);
  // No more bytes. Throws Error if a frame is cut off.
  void finish(std::vector<std::vector<float>>& samples);

 private:
  // Throws Error if the first line of a table names the leads in another order.
  void check_names(std::string_view line) const;
  void read_line(std::string_view line, std::vector<std::vector<float>>& samples);

  LiveFormat format_;
  std::vector<std::string> names_;
  std::size_t leads_;
  double gain_;
  std::string rest_;  // the beginning of a frame
  std::int64_t line_ = 0;
};

}  // namespace sec::tools
