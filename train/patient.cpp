// The running description of a patient: how large and of what shape his beats have been so far. Causal and
// free of labels, so that it can be computed for a patient never seen.
#include <algorithm>
#include <cmath>

#include "engine/parallel.h"
#include "train/beats.h"
#include "train/column_median.h"

namespace sec::train {
namespace {

constexpr double qrs_half_width = 0.1;  // s

template <typename T>
T median(std::vector<T>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return values.size() % 2 == 1 ? *middle : (*middle + *std::max_element(values.begin(), middle)) / 2;
}

// The past beats that describe the patient at beat i: the last `past`, or of these the half with the longer
// RR intervals, which leaves most premature beats out without knowing labels.
std::vector<std::size_t> describing_beats(std::span<const double> intervals, std::size_t i, std::int64_t past,
                                          bool long_only) {
  if (i == 0) {
    return {0};
  }
  const std::size_t first = i - std::min(i, static_cast<std::size_t>(past));
  double limit = 0;
  if (long_only && i - first >= 4) {
    const auto past_intervals = intervals.subspan(first, i - first);
    std::vector<double> values(past_intervals.begin(), past_intervals.end());
    limit = median(values);
  }
  std::vector<std::size_t> beats;
  for (std::size_t j = first; j < i; ++j) {
    if (intervals[j] >= limit) {
      beats.push_back(j);
    }
  }
  return beats;
}

float qrs_amplitude(std::span<const float> signal, std::int64_t centre, double rate) {
  const auto half = static_cast<std::int64_t>(std::llround(qrs_half_width * rate));
  std::vector<float> window(static_cast<std::size_t>(2 * half + 1));
  cut_window(signal, centre - half, window);
  const auto [low, high] = std::minmax_element(window.begin(), window.end());
  return *high - *low;
}

}  // namespace

void cut_window(std::span<const float> signal, std::int64_t begin, std::span<float> out) {
  const auto last = static_cast<std::int64_t>(signal.size()) - 1;
  for (std::size_t t = 0; t < out.size(); ++t) {
    const std::int64_t from = std::clamp<std::int64_t>(begin + static_cast<std::int64_t>(t), 0, last);
    out[t] = signal[static_cast<std::size_t>(from)];
  }
}

void describe_patient(BeatRecord& record, const Recipe& recipe) {
  std::vector<double> times;
  for (const Beat& beat : record.beats) {
    times.push_back(static_cast<double>(beat.sample) / record.source_rate);
  }
  record.rhythm = rhythm_of(times);

  const std::size_t leads = record.signals.size();
  const auto length = static_cast<std::size_t>(recipe.window_length());
  const std::size_t count = record.beats.size();
  std::vector<float> windows(count * leads * length);  // (beats, leads, window)
  std::vector<float> amplitudes(count * leads);        // of each beat itself
  for (std::size_t i = 0; i < count; ++i) {
    const std::int64_t centre = record.beats[i].centre;
    for (std::size_t lead = 0; lead < leads; ++lead) {
      const std::size_t cell = i * leads + lead;
      cut_window(record.signals[lead], centre - recipe.window_before(), {&windows[cell * length], length});
      amplitudes[cell] = qrs_amplitude(record.signals[lead], centre, record.rate);
    }
  }

  record.amplitudes.resize(amplitudes.size());
  record.templates.resize(windows.size());
  parallel_for(static_cast<std::int64_t>(count), [&](std::int64_t index) {
    const auto i = static_cast<std::size_t>(index);
    const std::vector<std::size_t> past =
        describing_beats(record.rhythm.interval, i, recipe.input.past_beats, recipe.input.long_beats);
    std::vector<float> values(past.size());
    std::vector<const float*> rows(past.size());
    for (std::size_t lead = 0; lead < leads; ++lead) {
      const auto cell_of = [&](std::size_t beat) { return beat * leads + lead; };
      for (std::size_t j = 0; j < past.size(); ++j) {
        values[j] = amplitudes[cell_of(past[j])];
      }
      record.amplitudes[cell_of(i)] = median(values);
      for (std::size_t j = 0; j < past.size(); ++j) {
        rows[j] = &windows[cell_of(past[j]) * length];
      }
      column_medians(rows, {&record.templates[cell_of(i) * length], length});
    }
  });
}

}  // namespace sec::train
