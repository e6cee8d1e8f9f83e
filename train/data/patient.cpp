#include "train/data/patient.h"

#include <algorithm>
#include <cmath>

#include "train/data/column_median.h"

namespace sec::train {
namespace {

constexpr double qrs_half_width = 0.1;  // s

template <typename T>
T median(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// The past beats that describe the patient: all of them, or the half with the longer RR intervals.
// The longer half leaves out most premature beats without knowing their labels.
std::vector<const PastBeat*> describing_beats(std::span<const PastBeat> past, bool long_only) {
  double limit = 0;
  if (long_only && past.size() >= 4) {
    std::vector<double> intervals;
    for (const PastBeat& beat : past) {
      intervals.push_back(beat.interval);
    }
    limit = median(intervals);
  }
  std::vector<const PastBeat*> beats;
  for (const PastBeat& beat : past) {
    if (beat.interval >= limit) {
      beats.push_back(&beat);
    }
  }
  return beats;
}

}  // namespace

void cut_window(std::span<const float> signal, std::int64_t begin, std::span<float> out, std::int64_t first) {
  const auto last = static_cast<std::int64_t>(signal.size()) - 1;
  for (std::size_t t = 0; t < out.size(); ++t) {
    const std::int64_t from = std::clamp<std::int64_t>(begin - first + static_cast<std::int64_t>(t), 0, last);
    out[t] = signal[static_cast<std::size_t>(from)];
  }
}

float qrs_amplitude(std::span<const float> signal, std::int64_t centre, double rate, std::int64_t first) {
  const auto half = static_cast<std::int64_t>(std::llround(qrs_half_width * rate));
  std::vector<float> window(static_cast<std::size_t>(2 * half + 1));
  cut_window(signal, centre - half, window, first);
  const auto [low, high] = std::minmax_element(window.begin(), window.end());
  return *high - *low;
}

void describe_patient(std::span<const PastBeat> past, const Recipe::Input& options,
                      std::span<float> amplitudes, std::span<float> templates) {
  const std::vector<const PastBeat*> beats = describing_beats(past, options.long_beats);
  const std::size_t length = templates.size() / amplitudes.size();
  std::vector<float> values(beats.size());
  std::vector<const float*> rows(beats.size());
  for (std::size_t lead = 0; lead < amplitudes.size(); ++lead) {
    for (std::size_t j = 0; j < beats.size(); ++j) {
      values[j] = beats[j]->amplitudes[lead];
      rows[j] = &beats[j]->windows[lead * length];
    }
    amplitudes[lead] = median(values);
    column_medians(rows, templates.subspan(lead * length, length));
  }
}

}  // namespace sec::train
