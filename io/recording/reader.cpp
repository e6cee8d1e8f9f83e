#include "io/recording/reader.h"

#include <algorithm>

#include "engine/error.h"

namespace sec::io {

void RecordingReader::read_digital(std::int64_t /*begin*/, std::int64_t /*count*/,
                                   std::span<const std::span<std::int32_t>> /*leads*/) {
  fail("{}: its samples are physical values; there are no digital values to read", info().name);
}

std::vector<std::string> RecordingReader::verify() {
  constexpr std::int64_t samples_at_once = 1 << 16;
  std::int64_t frame = 1;
  for (const int each : info().samples_per_frame) {
    frame += each;
  }
  const std::int64_t step = std::max<std::int64_t>(1, samples_at_once / frame);
  std::vector<std::vector<float>> values(info().leads.size());
  std::vector<std::span<float>> spans(values.size());
  for (std::int64_t at = 0; at < info().samples; at += step) {
    const std::int64_t count = std::min(step, info().samples - at);
    for (std::size_t i = 0; i < values.size(); ++i) {
      values[i].resize(static_cast<std::size_t>(count * info().samples_per_frame[i]));
      spans[i] = values[i];
    }
    read(at, count, spans);
  }
  return {};
}

void require_rate(double rate, std::string_view place) {
  require(rate >= lowest_rate && rate <= highest_rate,
          "{}: a sampling rate of {} Hz, expected one between {} and {} Hz", place, rate, lowest_rate,
          highest_rate);
}

double annotation_rate(const ReaderInfo& info) {
  return info.annotation_rate > 0 ? info.annotation_rate : info.rate;
}

int common_samples_per_frame(const ReaderInfo& info) {
  const int first = info.samples_per_frame.empty() ? 1 : info.samples_per_frame.front();
  return std::ranges::all_of(info.samples_per_frame, [&](int each) { return each == first; }) ? first : 0;
}

template <typename T>
void require_window(const ReaderInfo& info, const std::string& record, std::int64_t begin, std::int64_t count,
                    std::span<const std::span<T>> leads) {
  require(begin >= 0 && count >= 0 && begin <= info.samples && count <= info.samples - begin,
          "{}: window at sample {}, length {}, exceeds its {} samples", record, begin, count, info.samples);
  require(leads.size() == info.leads.size(), "{}: {} leads requested, it has {}", record, leads.size(),
          info.leads.size());
  for (std::size_t i = 0; i < leads.size(); ++i) {
    require(leads[i].empty() || std::ssize(leads[i]) == count * info.samples_per_frame[i],
            "{}: lead {}: room for {} samples, expected {}", record, i, leads[i].size(),
            count * info.samples_per_frame[i]);
  }
}

template void require_window(const ReaderInfo&, const std::string&, std::int64_t, std::int64_t,
                             std::span<const std::span<float>>);
template void require_window(const ReaderInfo&, const std::string&, std::int64_t, std::int64_t,
                             std::span<const std::span<std::int32_t>>);

}  // namespace sec::io
