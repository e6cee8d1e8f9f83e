// What a report of a long recording says (Holter monitoring): rates, pauses, ectopic beats and runs by hour, RR intervals,
// and strips of the signal. Collected while the recording passes, in memory that does not grow with it but for the counts of
// hours and the list of runs.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "train/holter/event_strips.h"
#include "train/holter/rr_intervals.h"
#include "train/holter/signal_gaps.h"
#include "train/streaming/beat_summary.h"
#include "train/streaming/stream_classifier.h"

namespace sec::train {

constexpr double holter_pause = 2;              // s, shortest pause
constexpr std::size_t holter_rate_beats = 8;    // successive RR intervals whose mean is a heart rate
constexpr double holter_uncertain = 0.7;        // beats whose class is less probable are uncertain
constexpr std::size_t holter_pauses_kept = 40;  // the longest

struct HolterHour {
  std::int64_t intervals = 0;  // RR intervals without a gap of the signal that end in this hour
  double seconds = 0;          // their sum
  double slowest = std::numeric_limits<
      double>::infinity();  // least and greatest mean rate of holter_rate_beats successive
  double fastest = 0;       // intervals, per minute; infinity and 0: there are none
  double longest = 0;       // s, of these intervals
  std::int64_t pauses = 0;
  std::int64_t uncertain = 0;         // beats
  std::int64_t not_classifiable = 0;  // beats

  double mean_rate() const { return 60 * static_cast<double>(intervals) / seconds; }  // NaN without intervals
};

struct HolterOptions {
  std::vector<std::string> classes;
  double rate = 0;  // Hz
  std::vector<std::string> lead_names;
  std::vector<std::size_t> qrs_leads = {0};  // leads in which beats are searched; there a gap hides beats
  std::function<void(const RrInterval&)> on_interval{};  // called for every RR interval, in order of time
};

class Holter {
 public:
  explicit Holter(HolterOptions options);

  // Adds the next samples (mV) of the leads, equally many for each; before the beats that are found in them.
  void push(std::span<const std::span<const float>> samples);
  void add(const ClassifiedBeat& beat);  // in order of time
  void finish();

  const HolterOptions& options() const { return options_; }
  double seconds() const { return static_cast<double>(samples_) / options_.rate; }
  const BeatSummary& summary() const { return summary_; }
  const std::vector<HolterHour>& hours() const { return hours_; }  // as many as the recording has begun
  HolterHour total() const;
  double lost_seconds(std::size_t hour) const;                       // without signal
  const std::vector<RrInterval>& pauses() const { return pauses_; }  // the longest, longest first
  const NnStatistics& nn() const { return nn_; }

  // The kinds of events of which strips are kept.
  enum class Strips { pauses, slowest, fastest, no_class };
  const std::vector<KeptEvent>& strips(Strips kind) const;
  const std::vector<KeptEvent>& runs(std::size_t label) const { return strips_.kept(4 + 3 * label); }
  const std::vector<KeptEvent>& certain(std::size_t label) const { return strips_.kept(4 + 3 * label + 1); }
  const std::vector<KeptEvent>& doubtful(std::size_t label) const { return strips_.kept(4 + 3 * label + 2); }

 private:
  HolterHour& hour_at(double time);
  void add_interval(const RrInterval& interval);
  void add_rate(double time);
  void follow_runs();
  void keep_beat(double time, const ClassifiedBeat& beat);

  HolterOptions options_;
  BeatSummary summary_;
  RrIntervals intervals_;
  SignalGaps gaps_;
  EventStrips strips_;
  NnStatistics nn_;
  std::vector<HolterHour> hours_;
  std::vector<RrInterval> pauses_;
  std::deque<double> latest_;              // lengths of the latest successive intervals, s
  std::optional<std::int64_t> last_beat_;  // sample
  std::int64_t samples_ = 0;
  std::size_t runs_seen_ = 0;
  std::shared_ptr<EcgStrip> run_strip_;  // of the current run
};

bool is_ectopic_class(const std::string& name);  // S, V or F

}  // namespace sec::train
