#include "tests/fuzz/read_recording.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/error.h"
#include "tests/fuzz/targets.h"

namespace sec::fuzz {
namespace {

constexpr std::int64_t most_values = 1 << 16;

std::vector<std::vector<float>> window(io::RecordingReader& reader, std::int64_t begin, std::int64_t count) {
  std::vector<std::vector<float>> values;
  for (const int each : reader.info().samples_per_frame) {
    values.emplace_back(static_cast<std::size_t>(count * each));
  }
  const std::vector<std::span<float>> spans(values.begin(), values.end());
  reader.read(begin, count, spans);
  return values;
}

bool same(float a, float b) {
  return a == b || (std::isnan(a) && std::isnan(b));
}

}  // namespace

void read_recording(io::RecordingReader& reader) {
  const io::ReaderInfo& info = reader.info();
  expect(info.samples >= 0 && std::isfinite(info.rate) && info.rate > 0,
         "a negative length or a rate that is not positive");
  expect(info.samples_per_frame.size() == info.leads.size(), "leads without samples per frame");
  std::int64_t frame = 1;
  for (const int each : info.samples_per_frame) {
    expect(each >= 1, "a lead without samples");
    frame += each;
  }
  std::int64_t last = 0;
  for (const io::Annotation& annotation : reader.annotations()) {
    expect(annotation.sample >= last, "annotations out of order");
    last = annotation.sample;
  }
  if (frame > most_values) {
    return;
  }
  const std::int64_t count = std::min(info.samples, most_values / frame);
  for (const std::int64_t begin : {std::int64_t{0}, info.samples - count}) {
    const auto whole = window(reader, begin, count);
    const std::int64_t half = count / 3;
    const auto first = window(reader, begin, half);
    const auto second = window(reader, begin + half, count - half);
    for (std::size_t lead = 0; lead < whole.size(); ++lead) {
      expect(std::equal(first[lead].begin(), first[lead].end(), whole[lead].begin(), same) &&
                 std::equal(second[lead].begin(), second[lead].end(),
                            whole[lead].begin() + std::ssize(first[lead]), same),
             "two windows differ from the window that they make up");
    }
  }
  std::vector<std::vector<std::int32_t>> digital;
  for (const int each : info.samples_per_frame) {
    digital.emplace_back(static_cast<std::size_t>(count * each));
  }
  const std::vector<std::span<std::int32_t>> spans(digital.begin(), digital.end());
  try {
    reader.read_digital(0, count, spans);
  } catch (const Error&) {  // formats without digital values
  }
  if (info.samples <= most_values / frame) {
    reader.verify();
  }
}

}  // namespace sec::fuzz
