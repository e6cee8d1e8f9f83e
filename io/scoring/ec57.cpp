#include "io/scoring/ec57.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "io/recording/annotation_codes.h"
#include "io/scoring/aami.h"

namespace sec::io {
namespace {

constexpr int unreadable_signals = 0x30;  // bits of a NOISE annotation's subtype: neither signal can be read
constexpr std::int64_t forever = std::numeric_limits<std::int64_t>::max();

struct TimedBeat {
  std::int64_t sample;
  Ec57Label label;
};

// The samples from `begin` to `end` (exclusive).
struct SampleRange {
  std::int64_t begin, end;

  bool contains(std::int64_t sample) const { return sample >= begin && sample < end; }
};

bool within(const std::vector<SampleRange>& ranges, std::int64_t sample) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const SampleRange& range) { return range.contains(sample); });
}

// Ventricular flutter or fibrillation: from [ to ], or from [ to the end.
std::vector<SampleRange> fibrillation_of(std::span<const Annotation> annotations) {
  const int opening = code_of("[").value();
  const int closing = code_of("]").value();
  std::vector<SampleRange> ranges;
  for (const Annotation& annotation : annotations) {
    const bool open = !ranges.empty() && ranges.back().end == forever;
    if (annotation.code == opening && !open) {
      ranges.push_back({annotation.sample, forever});
    } else if (annotation.code == closing && open) {
      ranges.back().end = annotation.sample + 1;
    }
  }
  return ranges;
}

// The ranges in which the annotations declare all signals unreadable.
std::vector<SampleRange> shutdown_of(std::span<const Annotation> annotations, std::int64_t window) {
  const int noise = code_of("~").value();
  const auto unreadable = [&](const Annotation& a) {
    return a.code == noise && (a.subtype & unreadable_signals) == unreadable_signals;
  };
  std::vector<SampleRange> ranges;
  std::int64_t last_beat = -window;
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    if (beat_class_of(annotations[i].code)) {
      last_beat = annotations[i].sample;
    }
    if (!unreadable(annotations[i])) {
      continue;
    }
    const std::size_t mark = i;
    while (i + 1 < annotations.size() && unreadable(annotations[i + 1])) {
      ++i;
    }
    const Annotation* const next = i + 1 < annotations.size() ? &annotations[i + 1] : nullptr;
    if (next != nullptr && next->code == noise) {
      ranges.push_back({annotations[mark].sample, next->sample});
    } else {  // a mark in the gap between two beats stands for the whole gap
      const std::int64_t begin = last_beat + window;
      ranges.push_back({begin, next == nullptr ? forever : std::max(begin, next->sample - window)});
    }
  }
  return ranges;
}

std::vector<TimedBeat> beats_of(std::span<const Annotation> annotations, BeatMapping mapping) {
  const std::vector<SampleRange> fibrillation = fibrillation_of(annotations);
  std::vector<TimedBeat> beats;
  for (const Annotation& annotation : annotations) {
    const std::optional<BeatClass> beat = beat_class_of(annotation.code, mapping);
    if (beat && !within(fibrillation, annotation.sample)) {
      beats.push_back({annotation.sample, static_cast<Ec57Label>(*beat)});
    }
  }
  return beats;
}

std::int64_t distance(const TimedBeat& a, const TimedBeat& b) {
  return std::abs(a.sample - b.sample);
}

using BeatIterator = std::vector<TimedBeat>::const_iterator;

// True if `early` matches `late`, a beat of the other side within the match window.
// False if the beat after `early` is as near to `late`, unless it has a nearer counterpart after `late`.
bool are_one_beat(BeatIterator early, BeatIterator early_end, BeatIterator late, BeatIterator late_end) {
  const BeatIterator rival = early + 1;
  if (rival == early_end || distance(*rival, *late) > distance(*early, *late)) {
    return true;
  }
  return late + 1 != late_end && distance(*rival, late[1]) < distance(*rival, *late);
}

// Visits the beats of both sides in order of time, as pairs. A beat without a match is paired with nullptr.
template <typename Visit>
void for_each_pair(const std::vector<TimedBeat>& reference, const std::vector<TimedBeat>& test,
                   std::int64_t window, const Visit& visit) {
  auto r = reference.begin();
  auto t = test.begin();
  while (r != reference.end() || t != test.end()) {
    const bool both = r != reference.end() && t != test.end();
    const bool reference_first = t == test.end() || (both && r->sample <= t->sample);
    const bool pair = both && distance(*r, *t) <= window &&
                      (reference_first ? are_one_beat(r, reference.end(), t, test.end())
                                       : are_one_beat(t, test.end(), r, reference.end()));
    const bool use_reference = pair || reference_first;
    const bool use_test = pair || !reference_first;
    visit(use_reference ? &*r : nullptr, use_test ? &*t : nullptr);
    r += use_reference ? 1 : 0;
    t += use_test ? 1 : 0;
  }
}

}  // namespace

Ec57Counts& Ec57Counts::operator+=(const Ec57Counts& other) {
  for (std::size_t r = 0; r < ec57_labels; ++r) {
    for (std::size_t t = 0; t < ec57_labels; ++t) {
      cells[r][t] += other.cells[r][t];
    }
  }
  rr_squares += other.rr_squares;
  rr_count += other.rr_count;
  shutdown += other.shutdown;
  return *this;
}

Ec57Counts compare_beats(std::span<const Annotation> reference, std::span<const Annotation> test,
                         const Ec57Options& options) {
  require(options.rate > 0, "EC57: rate {} Hz; expected a positive rate", options.rate);
  require(options.start >= 0 && options.window >= 0, "EC57: start {} s, window {} s; expected 0 or more",
          options.start, options.window);
  const auto samples = [&](double seconds) { return static_cast<std::int64_t>(seconds * options.rate); };
  const std::int64_t window = samples(options.window);
  const std::vector<TimedBeat> reference_beats = beats_of(reference, options.mapping);
  const std::int64_t last = options.end               ? *options.end
                            : reference_beats.empty() ? -1
                                                      : reference_beats.back().sample;
  const SampleRange scored{samples(options.start), std::max(samples(options.start), last + 1)};
  const std::vector<SampleRange> fibrillation = fibrillation_of(reference);
  const std::vector<SampleRange> reference_off = shutdown_of(reference, window);
  const std::vector<SampleRange> test_off = shutdown_of(test, window);

  Ec57Counts counts;
  for (const SampleRange& off : test_off) {
    const std::int64_t length = std::min(off.end, scored.end) - std::max(off.begin, scored.begin);
    counts.shutdown += static_cast<double>(std::max<std::int64_t>(length, 0)) / options.rate;
  }
  const auto count = [&](Ec57Label r, Ec57Label t) {
    ++counts.cells[static_cast<std::size_t>(r)][static_cast<std::size_t>(t)];
  };
  // Matching starts at the beginning of the annotations, so a beat at the edge of the scored range can match
  // a beat just outside it. The position of the reference beat decides whether the pair is scored.
  // The first test beat in the scored range is not an error if it is unmatched, within a match window of the
  // start, and further from the first reference beat than the next test beat: it may belong to a reference
  // beat before the start.
  const std::vector<TimedBeat> test_beats = beats_of(test, options.mapping);
  const auto first_scored = [&](const std::vector<TimedBeat>& beats) {
    return std::find_if(beats.begin(), beats.end(),
                        [&](const TimedBeat& beat) { return beat.sample >= scored.begin; });
  };
  const BeatIterator r0 = first_scored(reference_beats);
  const BeatIterator t0 = first_scored(test_beats);
  const bool excused = r0 != reference_beats.end() && t0 != test_beats.end() && t0 + 1 != test_beats.end() &&
                       t0->sample - scored.begin <= window && distance(*r0, t0[1]) < distance(*r0, *t0);
  std::size_t r_next = 0;  // the first reference beat and the first test beat that were not yet visited
  std::size_t t_next = 0;
  for_each_pair(reference_beats, test_beats, window, [&](const TimedBeat* r, const TimedBeat* t) {
    const TimedBeat& place = r != nullptr ? *r : *t;
    if (scored.contains(place.sample)) {
      if (r != nullptr && t != nullptr) {
        count(r->label, t->label);
      } else if (r != nullptr) {
        count(r->label, within(test_off, r->sample) ? Ec57Label::X : Ec57Label::O);
      } else if (!within(fibrillation, t->sample) && !(excused && t == &*t0)) {
        count(within(reference_off, t->sample) ? Ec57Label::X : Ec57Label::O, t->label);
      }
      // A beat that only one side has is compared with the other side's next beat: this is the comparator's rule.
      const bool intervals =
          r_next > 0 && t_next > 0 && r_next < reference_beats.size() && t_next < test_beats.size();
      if (intervals) {
        const auto difference =
            static_cast<double>((reference_beats[r_next].sample - reference_beats[r_next - 1].sample) -
                                (test_beats[t_next].sample - test_beats[t_next - 1].sample));
        counts.rr_squares += difference / options.rate * (difference / options.rate);
        ++counts.rr_count;
      }
    }
    r_next += r != nullptr ? 1 : 0;
    t_next += t != nullptr ? 1 : 0;
  });
  return counts;
}

}  // namespace sec::io
