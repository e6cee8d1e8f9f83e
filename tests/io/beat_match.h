// Compares detected beats with annotated ones like EC57 and its comparator bxb.
// Matches each beat once, from 5:00 onwards, within 150 ms, outside ventricular flutter ([ to ]).
// A minimal implementation for tests.
#pragma once

#include <cmath>
#include <cstdint>
#include <utility>
#include <vector>

#include "io/recording/annotation_codes.h"
#include "io/recording/recording.h"
#include "io/scoring/aami.h"

namespace sec::io {

struct BeatMatch {
  std::int64_t found = 0;   // true positives
  std::int64_t missed = 0;  // false negatives
  std::int64_t extra = 0;   // false positives
  std::int64_t near = 0;    // true positives within 12 ms

  double sensitivity() const {
    return 100.0 * static_cast<double>(found) / static_cast<double>(found + missed);
  }
  double predictivity() const {
    return 100.0 * static_cast<double>(found) / static_cast<double>(found + extra);
  }
  BeatMatch& operator+=(const BeatMatch& other) {
    found += other.found;
    missed += other.missed;
    extra += other.extra;
    near += other.near;
    return *this;
  }
};

inline BeatMatch match_beats(const std::vector<Annotation>& annotations,
                             const std::vector<std::int64_t>& detected, double rate,
                             double from_seconds = 300) {
  const auto window = std::llround(0.15 * rate);
  const auto start = std::llround(from_seconds * rate);
  std::vector<std::int64_t> beats;
  std::vector<std::pair<std::int64_t, std::int64_t>> flutter;
  for (const Annotation& annotation : annotations) {
    if (beat_class_of(annotation.code)) {
      beats.push_back(annotation.sample);
    } else if (symbol_of(annotation.code) == "[") {
      flutter.emplace_back(annotation.sample, INT64_MAX / 2);
    } else if (symbol_of(annotation.code) == "]" && !flutter.empty()) {
      flutter.back().second = annotation.sample;
    }
  }
  const auto counts = [&](std::int64_t sample) {
    bool inside = sample >= start;
    for (const auto& [begin, end] : flutter) {
      inside = inside && (sample < begin - window || sample > end + window);
    }
    return inside;
  };
  BeatMatch match;
  std::size_t next = 0;  // index in `detected`
  for (std::size_t i = 0; i < beats.size(); ++i) {
    while (next < detected.size() && detected[next] < beats[i] - window) {
      match.extra += counts(detected[next++]) ? 1 : 0;
    }
    // Chooses the nearest detected beat in the window, except one that is nearer to the next annotated beat.
    std::size_t best = SIZE_MAX;
    for (std::size_t j = next; j < detected.size() && detected[j] <= beats[i] + window; ++j) {
      const auto distance = std::abs(detected[j] - beats[i]);
      const bool others = i + 1 < beats.size() && std::abs(detected[j] - beats[i + 1]) < distance;
      if (!others && (best == SIZE_MAX || distance < std::abs(detected[best] - beats[i]))) {
        best = j;
      }
    }
    if (best == SIZE_MAX) {
      match.missed += counts(beats[i]) ? 1 : 0;
      continue;
    }
    for (; next < best; ++next) {
      match.extra += counts(detected[next]) ? 1 : 0;
    }
    ++next;
    if (counts(beats[i])) {
      ++match.found;
      match.near += static_cast<double>(std::abs(detected[best] - beats[i])) <= 0.012 * rate ? 1 : 0;
    }
  }
  for (; next < detected.size(); ++next) {
    match.extra += counts(detected[next]) ? 1 : 0;
  }
  return match;
}

}  // namespace sec::io
