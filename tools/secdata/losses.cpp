#include "tools/secdata/losses.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace sec::tools {
namespace {

using namespace sec::io;

constexpr std::int64_t samples_at_once = 1 << 16;

// How far the samples of a lead differ after a conversion.
struct Moved {
  std::int64_t samples = 0;  // number of changed samples
  double most = 0;           // the largest change, in the lead's units
  std::int64_t invalid = 0;  // samples that are valid in one recording only
};

// A recording whose leads have the same rate may have other frames after a conversion: 250 a second with four samples
// each, or 1000 with one. `frames_of` gives how many frames of each recording are compared at once.
struct Frames {
  std::int64_t source = 1;
  std::int64_t written = 1;
};

Frames frames_of(const ReaderInfo& source, const ReaderInfo& written) {
  const int each = common_samples_per_frame(source);
  const int other = common_samples_per_frame(written);
  if (each == 0 || other == 0 || each == other) {
    return {};
  }
  const std::int64_t rows = std::lcm(each, other);
  return {rows / each, rows / other};
}

std::vector<Moved> compare_samples(RecordingReader& source, RecordingReader& written) {
  const ReaderInfo& info = source.info();
  const std::size_t leads = info.leads.size();
  const Frames frames = frames_of(info, written.info());
  std::int64_t frame = 1;
  for (const int each : info.samples_per_frame) {
    frame += each * frames.source;
  }
  std::vector<Moved> moved(leads);
  const std::int64_t step = std::max<std::int64_t>(1, samples_at_once / frame);
  const std::int64_t end = std::min(info.samples / frames.source, written.info().samples / frames.written);
  std::vector<std::vector<float>> before(leads);
  std::vector<std::vector<float>> after(leads);
  for (std::int64_t at = 0; at < end; at += step) {
    const std::int64_t count = std::min(step, end - at);
    std::vector<std::span<float>> before_spans;
    std::vector<std::span<float>> after_spans;
    for (std::size_t i = 0; i < leads; ++i) {
      before[i].resize(static_cast<std::size_t>(count * frames.source * info.samples_per_frame[i]));
      after[i].resize(before[i].size());
      before_spans.emplace_back(before[i]);
      after_spans.emplace_back(after[i]);
    }
    source.read(at * frames.source, count * frames.source, before_spans);
    written.read(at * frames.written, count * frames.written, after_spans);
    for (std::size_t i = 0; i < leads; ++i) {
      for (std::size_t k = 0; k < before[i].size(); ++k) {
        const float a = before[i][k];
        const float b = after[i][k];
        if (std::isnan(a) || std::isnan(b)) {
          moved[i].invalid += std::isnan(a) != std::isnan(b) ? 1 : 0;
        } else if (a != b) {
          ++moved[i].samples;
          moved[i].most = std::max(moved[i].most, std::abs(static_cast<double>(a) - b));
        }
      }
    }
  }
  return moved;
}

// The differences that rounding to f32 causes in numbers of this size.
double rounding_of(const Lead& lead) {
  return 1e-6 * std::max(1.0, std::abs(lead.baseline / lead.gain));
}

void add_samples(RecordingReader& source, RecordingReader& written, std::vector<std::string>& losses) {
  const std::vector<Moved> moved = compare_samples(source, written);
  for (std::size_t i = 0; i < moved.size(); ++i) {
    const Lead& lead = source.info().leads[i];
    if (moved[i].most > rounding_of(lead)) {
      losses.push_back(fmt::format("{} rounded by up to {:.3g} {}", lead.name, moved[i].most, lead.units));
    }
    if (moved[i].invalid > 0) {
      losses.push_back(fmt::format("{} samples of {} are valid in one only", moved[i].invalid, lead.name));
    }
  }
}

template <typename Same>
std::int64_t differing(const AnnotationFile& a, const AnnotationFile& b, const Same& same) {
  std::int64_t count = 0;
  for (std::size_t i = 0; i < a.annotations.size(); ++i) {
    count += same(a.annotations[i], b.annotations[i]) ? 0 : 1;
  }
  return count;
}

}  // namespace

std::vector<std::string> losses_of(RecordingReader& source, RecordingReader& written) {
  const ReaderInfo& a = source.info();
  const ReaderInfo& b = written.info();
  std::vector<std::string> losses;
  const int each = std::max(1, common_samples_per_frame(a));
  const int other = std::max(1, common_samples_per_frame(b));
  if (std::abs(b.rate * other / (a.rate * each) - 1) > 1e-9) {
    losses.push_back(fmt::format("the rate is {} Hz, not {}", b.rate * other, a.rate * each));
  }
  if (b.samples * other != a.samples * each) {
    losses.push_back(fmt::format("{} samples, not {}", b.samples * other, a.samples * each));
  }
  for (const std::string& channel : a.left_out) {
    losses.push_back(channel);
  }
  if ((!a.start_time.empty() && a.start_time != b.start_time) ||
      (!a.start_date.empty() && a.start_date != b.start_date)) {
    losses.emplace_back("the start time");
  }
  if (a.comments != b.comments) {
    losses.emplace_back("comments");
  }
  const bool same_frames = a.samples_per_frame == b.samples_per_frame ||
                           (common_samples_per_frame(a) > 0 && common_samples_per_frame(b) > 0);
  if (a.leads.size() != b.leads.size() || !same_frames) {
    losses.emplace_back("the leads or their rates");
    return losses;  // without equal leads samples cannot be compared
  }
  bool names = true;
  bool numbers = true;
  for (std::size_t i = 0; i < a.leads.size(); ++i) {
    const Lead& before = a.leads[i];
    const Lead& after = b.leads[i];
    names = names && before.name == after.name && before.units == after.units;
    numbers = numbers && std::abs(before.gain / after.gain - 1) < 1e-6 && before.baseline == after.baseline;
  }
  if (!names) {
    losses.emplace_back("names or units of leads");
  }
  if (!numbers) {
    losses.emplace_back("gain and baseline");
  }
  add_samples(source, written, losses);
  return losses;
}

std::vector<std::string> losses_of(const AnnotationFile& source, const AnnotationFile& written) {
  const std::size_t before = source.annotations.size();
  if (written.annotations.size() != before) {
    return {fmt::format(
        "{} of {} annotations",
        static_cast<std::int64_t>(before) - static_cast<std::int64_t>(written.annotations.size()), before)};
  }
  std::vector<std::string> losses;
  const auto add = [&](std::int64_t count, const char* what) {
    if (count > 0) {
      losses.push_back(fmt::format("{} of {} annotations", what, count));
    }
  };
  const double factor = written.resolution / source.resolution;
  add(differing(source, written,
                [&](const Annotation& a, const Annotation& b) {
                  return std::abs(static_cast<double>(a.sample) * factor - static_cast<double>(b.sample)) <
                         0.01;
                }),
      "the exact time");
  add(differing(source, written,
                [&](const Annotation& a, const Annotation& b) {
                  return source.symbol_of(a.code) == written.symbol_of(b.code);
                }),
      "the kind");
  add(differing(source, written,
                [](const Annotation& a, const Annotation& b) {
                  return a.subtype == b.subtype && a.channel == b.channel && a.number == b.number;
                }),
      "SUB, CHN or NUM");
  add(differing(source, written, [](const Annotation& a, const Annotation& b) { return a.aux == b.aux; }),
      "the text");
  add(differing(source, written,
                [](const Annotation& a, const Annotation& b) {
                  return a.duration.has_value() == b.duration.has_value() &&
                         std::abs(a.duration.value_or(0) - b.duration.value_or(0)) < 1e-6;
                }),
      "the duration");
  return losses;
}

}  // namespace sec::tools
