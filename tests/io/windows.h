// Helpers for the tests of readers: reading a window of one lead or of all leads.
#pragma once

#include <vector>

#include "io/recording/reader.h"

namespace sec::io {

template <typename T>
using Leads = std::vector<std::vector<T>>;

template <typename T>
void read_into(RecordingReader& reader, std::int64_t begin, std::int64_t count, Leads<T>& leads) {
  const std::vector<std::span<T>> spans(leads.begin(), leads.end());
  if constexpr (std::is_same_v<T, float>) {
    reader.read(begin, count, spans);
  } else {
    reader.read_digital(begin, count, spans);
  }
}

// Reads a window of all leads.
template <typename T>
Leads<T> window(RecordingReader& reader, std::int64_t begin, std::int64_t count) {
  Leads<T> leads;
  for (const int each : reader.info().samples_per_frame) {
    leads.emplace_back(static_cast<std::size_t>(count * each));
  }
  read_into(reader, begin, count, leads);
  return leads;
}

// Reads the whole recording in windows of `step` frames.
template <typename T>
Leads<T> in_steps(RecordingReader& reader, std::int64_t step) {
  Leads<T> all(reader.info().leads.size());
  for (std::int64_t at = 0; at < reader.info().samples; at += step) {
    const Leads<T> part = window<T>(reader, at, std::min(step, reader.info().samples - at));
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i].insert(all[i].end(), part[i].begin(), part[i].end());
    }
  }
  return all;
}

// The part of `wanted`, a whole recording by lead, that is inside the window.
template <typename T>
Leads<T> part_of(const Leads<T>& wanted, const ReaderInfo& info, std::int64_t begin, std::int64_t count) {
  Leads<T> part;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    const auto from = wanted[i].begin() + begin * info.samples_per_frame[i];
    part.emplace_back(from, from + count * info.samples_per_frame[i]);
  }
  return part;
}

}  // namespace sec::io
