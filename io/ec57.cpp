#include "io/ec57.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/error.h"
#include "io/aami.h"

namespace sec::io {
namespace {

using Label = Ec57Label;

constexpr int noise_code = 14;           // ~
constexpr int fibrillation_begins = 32;  // [
constexpr int fibrillation_ends = 33;    // ]
constexpr int unreadable = 0x30;         // bits 4 and 5 of a noise annotation's subtype: both signals
constexpr std::int64_t never = std::numeric_limits<std::int64_t>::max() / 4;

struct Interval {
  std::int64_t begin = 0;
  std::int64_t end = 0;  // inclusive
};

bool covers(const std::vector<Interval>& intervals, std::int64_t sample) {
  return std::ranges::any_of(intervals,
                             [&](const Interval& i) { return i.begin <= sample && sample <= i.end; });
}

struct TimedBeat {
  std::int64_t sample = never;
  Label label = Label::O;
  std::int64_t interval = 0;  // samples since the beat before; 0: none, or not to be measured
};

// One annotator's beats and what lies between them.
struct Track {
  std::vector<TimedBeat> beats;
  std::vector<Interval> fibrillation;
  std::vector<Interval> shutdown;

  TimedBeat at(std::size_t i) const { return i < beats.size() ? beats[i] : TimedBeat{}; }
};

bool begins_shutdown(const Annotation& a) {
  return a.code == noise_code && (a.subtype & unreadable) == unreadable;
}

Interval shutdown_at(std::span<const Annotation> annotations, std::size_t i, const Track& track,
                     std::int64_t window) {
  if (i + 1 == annotations.size()) {
    return {annotations[i].sample, never};
  }
  const Annotation& next = annotations[i + 1];
  if (next.code == noise_code && !begins_shutdown(next)) {
    return {annotations[i].sample, next.sample};
  }
  const std::int64_t beat = track.beats.empty() ? 0 : track.beats.back().sample;
  const std::int64_t before =
      track.fibrillation.empty() ? beat : std::max(beat, track.fibrillation.back().end);
  const std::int64_t end = next.sample - window;
  return {std::min(before + window, end), end};
}

// RR intervals are not measured over fibrillation and shutdown, where beats may lie unmarked.
void measure_intervals(Track& track) {
  const auto interrupted = [](const std::vector<Interval>& intervals, std::int64_t from, std::int64_t to) {
    return std::ranges::any_of(intervals, [&](const Interval& i) { return from <= i.begin && i.begin < to; });
  };
  for (std::size_t i = 1; i < track.beats.size(); ++i) {
    const std::int64_t from = track.beats[i - 1].sample;
    const std::int64_t to = track.beats[i].sample;
    if (!interrupted(track.fibrillation, from, to) && !interrupted(track.shutdown, from, to)) {
      track.beats[i].interval = to - from;
    }
  }
}

Track track_of(std::span<const Annotation> annotations, std::int64_t window) {
  Track track;
  for (std::size_t i = 0; i < annotations.size(); ++i) {
    const Annotation& a = annotations[i];
    if (a.code == fibrillation_begins) {
      while (i < annotations.size() && annotations[i].code != fibrillation_ends) {
        ++i;
      }
      track.fibrillation.push_back({a.sample, i < annotations.size() ? annotations[i].sample : never});
    } else if (begins_shutdown(a)) {
      track.shutdown.push_back(shutdown_at(annotations, i, track, window));
    } else if (const auto beat = beat_class_of(a.code)) {
      track.beats.push_back({a.sample, static_cast<Label>(*beat), 0});
    }
  }
  measure_intervals(track);
  return track;
}

std::int64_t distance(const TimedBeat& a, const TimedBeat& b) {
  return std::abs(a.sample - b.sample);
}

// Walks along both annotators' beats, pairing each with its like or with nothing.
class Comparison {
 public:
  Comparison(const Track& reference, const Track& test, const Ec57Options& options, std::int64_t window)
      : reference_(reference), test_(test), options_(options), window_(window) {}

  Ec57Counts run() {
    begin();
    while (going_on()) {
      const TimedBeat truth = reference_.at(r_);
      const TimedBeat found = test_.at(t_);
      if (matches()) {
        count(truth.label, found.label);
        ++r_;
        ++t_;
      } else if (found.sample < truth.sample) {
        extra(found);
        ++t_;
      } else {
        count(truth.label, covers(test_.shutdown, truth.sample) ? Label::X : Label::O);
        ++r_;
      }
    }
    return counts_;
  }

 private:
  // The last test beat before the start may belong to the first reference beat after it; if not, the first
  // test beat after the start may belong to a reference beat before it: neither must count as an error.
  void begin() {
    const auto start = static_cast<std::int64_t>(std::llround(options_.start * options_.rate));
    while (reference_.at(r_).sample < start) {
      ++r_;
    }
    while (test_.at(t_).sample < start) {
      ++t_;
    }
    if (start == 0) {
      return;
    }
    const TimedBeat truth = reference_.at(r_);
    const TimedBeat found = test_.at(t_);
    if (t_ > 0) {
      const std::int64_t apart = distance(truth, test_.at(t_ - 1));
      if (apart <= window_ && apart < distance(truth, found)) {
        --t_;
        count(truth.label, test_.at(t_).label);
        ++r_;
        ++t_;
        return;
      }
    }
    if (found.sample - start <= window_ && distance(truth, test_.at(t_ + 1)) < distance(truth, found)) {
      ++t_;
    }
  }

  bool going_on() const {
    const std::int64_t truth = reference_.at(r_).sample;
    const std::int64_t found = test_.at(t_).sample;
    return options_.end ? truth <= *options_.end || found <= *options_.end : truth != never;
  }

  // The two beats in turn are each other's, unless the later one has a nearer partner next that has no better
  // use itself.
  bool matches() const {
    const TimedBeat truth = reference_.at(r_);
    const TimedBeat found = test_.at(t_);
    const TimedBeat next_truth = reference_.at(r_ + 1);
    const TimedBeat next_found = test_.at(t_ + 1);
    const std::int64_t rival =
        found.sample < truth.sample ? distance(truth, next_found) : distance(found, next_truth);
    const std::int64_t apart = distance(truth, found);
    return apart <= window_ && (apart < rival || distance(next_truth, next_found) < rival);
  }

  void extra(const TimedBeat& found) {
    if (covers(reference_.fibrillation, found.sample)) {
      measure();
    } else {
      count(covers(reference_.shutdown, found.sample) ? Label::X : Label::O, found.label);
    }
  }

  void count(Label truth, Label found) {
    ++counts_.cells[static_cast<std::size_t>(truth)][static_cast<std::size_t>(found)];
    measure();
  }

  // Compares the intervals that end at the beats in turn, at every step: a beat missed or made up shows.
  void measure() {
    const std::int64_t truth = reference_.at(r_).interval;
    const std::int64_t found = test_.at(t_).interval;
    if (truth > 0 && found > 0) {
      const double error = static_cast<double>(truth - found) / options_.rate;
      counts_.rr_squares += error * error;
      ++counts_.rr_count;
    }
  }

  const Track& reference_;
  const Track& test_;
  const Ec57Options& options_;
  std::int64_t window_;
  std::size_t r_ = 0;  // the reference beat in turn
  std::size_t t_ = 0;  // the test beat in turn
  Ec57Counts counts_;
};

// The numbers of a line, in its order: what the test called N, S, V or nothing. F and Q beats share a column,
// and so do f, q and n: N' is all that were found and called neither S nor V.
struct Columns {
  std::int64_t nn, sn, vn, fn, on, ns, ss, vs, fs, os, nv, sv, vv, fv, ov, no, so, vo, fo;
};

Columns columns_of(const Ec57Counts& c) {
  const auto sum = [&](std::initializer_list<Label> truths, std::initializer_list<Label> called) {
    std::int64_t total = 0;
    for (const Label truth : truths) {
      for (const Label found : called) {
        total += c.at(truth, found);
      }
    }
    return total;
  };
  using enum Ec57Label;
  const auto row = [&](std::initializer_list<Label> called) {
    return std::array{sum({N}, called), sum({S}, called), sum({V}, called), sum({F, Q}, called),
                      sum({O, X}, called)};
  };
  const auto n = row({N, F, Q});
  const auto s = row({S});
  const auto v = row({V});
  const auto o = row({O, X});
  return {n[0], n[1], n[2], n[3], n[4], s[0], s[1], s[2], s[3], s[4],
          v[0], v[1], v[2], v[3], v[4], o[0], o[1], o[2], o[3]};
}

std::string columns_text(const Columns& c) {
  return fmt::format(
      "{:>5} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>3} {:>4} {:>3} {:>3} {:>3} {:>3} "
      "{:>3} {:>3}",
      c.nn, c.sn, c.vn, c.fn, c.on, c.ns, c.ss, c.vs, c.fs, c.os, c.nv, c.sv, c.vv, c.fv, c.ov, c.no, c.so,
      c.vo, c.fo);
}

std::optional<double> percent(std::int64_t part, std::int64_t whole) {
  if (whole <= 0) {
    return std::nullopt;
  }
  return 100 * static_cast<double>(part) / static_cast<double>(whole);
}

Ec57Scores scores_of(const Columns& c, std::int64_t others_called_s) {
  const std::int64_t found =
      c.nn + c.sn + c.vn + c.fn + c.ns + c.ss + c.vs + c.fs + c.nv + c.sv + c.vv + c.fv;
  Ec57Scores scores;
  scores.q_se = percent(found, found + c.no + c.so + c.vo + c.fo);
  scores.q_p = percent(found, found + c.on + c.os + c.ov);
  scores.v_se = percent(c.vv, c.vn + c.vs + c.vv + c.vo);
  scores.v_p = percent(c.vv, c.nv + c.sv + c.vv + c.ov);
  scores.s_se = percent(c.ss, c.sn + c.ss + c.sv + c.so);
  scores.s_p = percent(c.ss, c.ns + c.ss + c.vs + c.os + others_called_s);
  return scores;
}

std::optional<double> rr_error_of(const Ec57Counts& c) {
  if (c.rr_count == 0) {
    return std::nullopt;
  }
  return 1000 * std::sqrt(c.rr_squares / static_cast<double>(c.rr_count));
}

std::string scores_text(const Ec57Scores& s, bool with_rr) {
  std::string text;
  for (const auto& value : {s.q_se, s.q_p, s.v_se, s.v_p, s.s_se, s.s_p}) {
    text += value ? fmt::format(" {:6.2f}", *value) : "      -";
  }
  if (with_rr) {
    text += s.rr_error ? fmt::format(" {:6.2f}", *s.rr_error) : "      -";
  }
  return text;
}

Ec57Counts sum_of(std::span<const Ec57Record> records) {
  Ec57Counts sum;
  for (const Ec57Record& record : records) {
    sum += record.counts;
  }
  return sum;
}

}  // namespace

Ec57Counts& Ec57Counts::operator+=(const Ec57Counts& other) {
  for (std::size_t truth = 0; truth < ec57_labels; ++truth) {
    for (std::size_t found = 0; found < ec57_labels; ++found) {
      cells[truth][found] += other.cells[truth][found];
    }
  }
  rr_squares += other.rr_squares;
  rr_count += other.rr_count;
  shutdown += other.shutdown;
  return *this;
}

Ec57Counts compare_beats(std::span<const Annotation> reference, std::span<const Annotation> test,
                         const Ec57Options& options) {
  require(options.rate > 0 && options.start >= 0 && options.window >= 0,
          "beat-by-beat comparison: rate {} Hz, start {} s, window {} s; expected a positive rate and no "
          "negative time",
          options.rate, options.start, options.window);
  const auto window =
      static_cast<std::int64_t>(options.window * options.rate + 1e-9);  // whole samples within it
  const Track truth = track_of(reference, window);
  const Track found = track_of(test, window);
  Ec57Counts counts = Comparison(truth, found, options, window).run();
  const std::int64_t last = options.end.value_or(truth.beats.empty() ? 0 : truth.beats.back().sample);
  for (const Interval& interval : found.shutdown) {
    const std::int64_t samples = std::max<std::int64_t>(0, std::min(interval.end, last) - interval.begin);
    counts.shutdown += static_cast<double>(samples) / options.rate;
  }
  return counts;
}

Ec57Scores ec57_scores(const Ec57Counts& counts) {
  Ec57Scores scores = scores_of(columns_of(counts), counts.at(Label::F, Label::S));
  scores.rr_error = rr_error_of(counts);
  return scores;
}

Ec57Scores ec57_gross(std::span<const Ec57Record> records) {
  return scores_of(columns_of(sum_of(records)), 0);
}

Ec57Scores ec57_average(std::span<const Ec57Record> records) {
  std::vector<Ec57Scores> all;
  for (const Ec57Record& record : records) {
    all.push_back(scores_of(columns_of(record.counts), 0));
    all.back().rr_error = rr_error_of(record.counts);
  }
  Ec57Scores mean;
  for (const auto member : {&Ec57Scores::q_se, &Ec57Scores::q_p, &Ec57Scores::v_se, &Ec57Scores::v_p,
                            &Ec57Scores::s_se, &Ec57Scores::s_p, &Ec57Scores::rr_error}) {
    double sum = 0;
    int defined = 0;
    for (const Ec57Scores& scores : all) {
      sum += (scores.*member).value_or(0);
      defined += (scores.*member).has_value() ? 1 : 0;
    }
    if (defined > 0) {
      mean.*member = sum / defined;
    }
  }
  return mean;
}

std::string ec57_line(const Ec57Record& record) {
  return fmt::format("{:>4} {}{}", record.name, columns_text(columns_of(record.counts)),
                     scores_text(ec57_scores(record.counts), true));
}

std::string ec57_table(std::span<const Ec57Record> records) {
  std::string text =
      "Record Nn' Sn' Vn' Fn' On'  Ns  Ss  Vs  Fs' Os' Nv  Sv   Vv  Fv' Ov' No' So' Vo' Fo'  Q Se   Q +P   V "
      "Se "
      "  V +P   S Se   S +P RR err\n";
  for (const Ec57Record& record : records) {
    text += ec57_line(record) + "\n";
  }
  const Columns sum = columns_of(sum_of(records));
  constexpr int figures_at = 83;  // where a record's percentages begin
  text += std::string(132, '_') + "\n";
  text += fmt::format("Sum  {}\n", columns_text(sum));
  text += fmt::format("{:<{}}{}\n", "Gross", figures_at, scores_text(ec57_gross(records), false));
  text += fmt::format("{:<{}}{}\n", "Average", figures_at, scores_text(ec57_average(records), true));
  text += fmt::format("Total QRS complexes: {}  Total VEBs: {}  Total SVEBs: {}\n",
                      sum.nn + sum.ns + sum.nv + sum.no + sum.sn + sum.ss + sum.sv + sum.so + sum.vn +
                          sum.vs + sum.vv + sum.vo + sum.fn + sum.fs + sum.fv + sum.fo,
                      sum.vn + sum.vs + sum.vv + sum.vo, sum.sn + sum.ss + sum.sv + sum.so);
  return text + fmt::format("\nSummary of results from {} record{}\n", records.size(),
                            records.size() == 1 ? "" : "s");
}

}  // namespace sec::io
