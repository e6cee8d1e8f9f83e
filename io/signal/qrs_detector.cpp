#include "io/signal/qrs_detector.h"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <optional>

#include "engine/error.h"
#include "io/signal/qrs_filter.h"
#include "io/signal/r_peak.h"
#include "io/signal/resample.h"

namespace sec::io {
namespace {

// Times in samples at qrs_rate, 5 ms each.
constexpr std::int64_t second = 200;
constexpr std::int64_t apart = 46;         // 230 ms; of two peaks closer than this, the larger is kept
constexpr std::int64_t t_wave_reach = 72;  // 360 ms: the latest T wave at 60 beats a minute and more
constexpr std::int64_t around = 20;        // 100 ms on either side of a peak, where its slopes are measured
constexpr std::int64_t learning = 3 * second;          // the shortest learning, at the beginning
constexpr std::int64_t longest_learning = 8 * second;  // counted from the first peak
constexpr std::int64_t given_up = 8 * second;          // without a beat, after which learning starts again
constexpr std::int64_t remembered = 8;                 // number of recent peaks and intervals
constexpr double threshold_part = 0.28;                // position between noise peaks (0) and QRS peaks (1)
constexpr double search_back_part = 0.5;               // fraction of the detection threshold
constexpr double search_back_after = 1.5;              // multiple of the median RR interval
constexpr double t_wave_slope = 0.5;                   // fraction of the slope of the preceding QRS complex
constexpr double late_t_wave_slope = 0.4;              // the same, if the peak comes after t_wave_reach
constexpr double slowest_interval = 2;  // s; T waves are not expected later at longer RR intervals
constexpr double one_sided = 0.125;     // largest ratio of the smaller to the larger slope of a step artifact
constexpr double alike =
    0.125;  // least ratio of the second highest to the highest peak that are learned from
constexpr double most_higher =
    3;  // times the usual height: higher complexes change thresholds no more than that
constexpr double signal_changed = 10;  // times the usual height: see Rules::learn_height()
constexpr double rounding = 1e-6;  // of the samples; lower peaks of the filtered signal are rounding errors

// A peak of the filtered signal.
struct Peak {
  std::int64_t time = 0;  // sample number at qrs_rate, corrected for the filter's delay
  double height = 0;
  double slope = 0;  // steepest slope of the signal around the peak
  bool step = false;
  std::int64_t sample = 0;  // sample number of the R peak at the signal's own rate
};

// The median of the last few values.
class Recent {
 public:
  void push(double value) {
    values_.push_back(value);
    if (std::ssize(values_) > remembered) {
      values_.pop_front();
    }
  }
  bool empty() const { return values_.empty(); }
  void clear() { values_.clear(); }
  double median() const {
    std::vector<double> sorted(values_.begin(), values_.end());
    std::ranges::sort(sorted);
    return sorted.empty() ? 0 : (sorted[sorted.size() / 2] + sorted[(sorted.size() - 1) / 2]) / 2;
  }
  double highest() const { return values_.empty() ? 0 : *std::ranges::max_element(values_); }
  double mean() const {
    double sum = 0;
    for (const double value : values_) {
      sum += value;
    }
    return values_.empty() ? 0 : sum / static_cast<double>(values_.size());
  }

 private:
  std::deque<double> values_;
};

// Decides which peaks are QRS complexes.
class Rules {
 public:
  // Passes the next peak, which comes more than `apart` after the previous one.
  void push(const Peak& peak, std::vector<std::int64_t>& found) {
    if (is_learning_) {
      learned_from_.push_back(peak);
      return;
    }
    judge(peak, found);
  }

  // Must be called as time advances. `now` is the earliest possible time of the next peak.
  void advance(std::int64_t now, std::vector<std::int64_t>& found) {
    while (is_learning_ && now >= learning_since_ + learning) {
      learn_or_wait(found);
    }
    search_back(now, found);
    if (!is_learning_ && now - std::max(last_time_, learning_since_) > given_up) {
      start_learning(now);
    }
  }

  void finish(std::vector<std::int64_t>& found) {
    if (is_learning_) {
      const std::vector<double> highest = highest_by_second(learning_since_, 3);
      learn(highest[1] > 0 ? highest[1] : highest[0], found);
    }
  }

 private:
  double threshold() const {
    const double noise = noise_.mean();
    return noise + threshold_part * (heights_.mean() - noise);
  }

  void start_learning(std::int64_t now) {
    is_learning_ = true;
    learning_since_ = now;
    best_missed_.reset();
    steep_intervals_.clear();
  }

  // The highest peaks in each of `count` seconds from `begin` on, the highest first. 0 if a second has none.
  std::vector<double> highest_by_second(std::int64_t begin, std::int64_t count) const {
    std::vector<double> highest(static_cast<std::size_t>(count));
    for (const Peak& peak : learned_from_) {
      const std::int64_t at = std::clamp<std::int64_t>((peak.time - begin) / second, 0, count - 1);
      if (!peak.step && peak.time >= begin) {
        highest[static_cast<std::size_t>(at)] = std::max(highest[static_cast<std::size_t>(at)], peak.height);
      }
    }
    std::ranges::sort(highest, std::ranges::greater());
    return highest;
  }

  // Ends learning if QRS complexes were probably seen in two of the last three seconds. Otherwise learning goes on for
  // another second: a signal can begin with a flat line, before electrodes are connected, or with a single artifact.
  // After `longest_learning` from the first peak on, the second highest peak by seconds has to do, as in a signal with
  // fewer than 20 beats a minute.
  void learn_or_wait(std::vector<std::int64_t>& found) {
    const std::vector<double> highest = highest_by_second(learning_since_, 3);
    if (highest[1] > 0 && highest[1] >= alike * highest[0]) {
      learn(highest[1], found);
      return;
    }
    learning_since_ += second;
    const auto first =
        std::ranges::find_if(learned_from_, [](const Peak& peak) { return !peak.step && peak.height > 0; });
    learned_from_.erase(learned_from_.begin(), first);  // of no use to judge()
    if (!learned_from_.empty() &&
        learning_since_ + learning - learned_from_.front().time > longest_learning) {
      const std::vector<double> all =
          highest_by_second(learned_from_.front().time, longest_learning / second);
      learn(all[1] > 0 ? all[1] : all[0], found);
    }
  }

  // Ends learning. `height` is that of a QRS complex; 0: none was seen.
  void learn(double height, std::vector<std::int64_t>& found) {
    is_learning_ = false;
    if (height > 0) {
      heights_.clear();
      noise_.clear();
      heights_.push(height);
    }
    std::vector<Peak> peaks;
    peaks.swap(learned_from_);
    learn_rate(peaks);
    for (const Peak& peak : peaks) {
      judge(peak, found);
    }
  }

  // Measures the intervals between the steep peaks among those that were learned from.
  void learn_rate(const std::vector<Peak>& peaks) {
    Recent slopes;
    for (const Peak& peak : peaks) {
      if (!peak.step && peak.height > threshold()) {
        slopes.push(peak.slope);
      }
    }
    std::optional<std::int64_t> last;
    for (const Peak& peak : peaks) {
      if (!peak.step && peak.height > threshold() && peak.slope >= late_t_wave_slope * slopes.highest()) {
        if (last) {
          steep_intervals_.push(static_cast<double>(peak.time - *last));
        }
        last = peak.time;
      }
    }
  }

  // The time after a QRS complex within which its T wave can follow. Below 60/min the time grows with the square root of
  // the RR interval, as the QT interval does (Bazett 1920). The RR interval is taken between steep complexes only: T waves
  // that were mistaken for complexes would halve it.
  std::int64_t reach() const {
    const double interval = std::clamp(steep_intervals_.median() / second, 1.0, slowest_interval);
    return std::llround(t_wave_reach * std::sqrt(interval));
  }

  void judge(const Peak& peak, std::vector<std::int64_t>& found) {
    if (peak.step || heights_.empty() || peak.height <= 0) {
      return;
    }
    search_back(peak.time, found);
    const std::int64_t after = peak.time - last_time_;
    const bool early = has_last_ && after < reach();
    if (early && peak.slope < (after < t_wave_reach ? t_wave_slope : late_t_wave_slope) * last_slope_) {
      return;
    }
    if (peak.height > threshold()) {
      accept(peak, found);
      return;
    }
    noise_.push(peak.height);
    if (!early && (!best_missed_ || peak.height > best_missed_->height)) {
      best_missed_ = std::make_unique<Peak>(peak);
    }
  }

  void accept(const Peak& peak, std::vector<std::int64_t>& found) {
    learn_height(peak.height);
    if (has_last_) {
      intervals_.push(static_cast<double>(peak.time - last_time_));
    }
    slopes_.push(peak.slope);
    if (peak.slope >= late_t_wave_slope * slopes_.highest()) {
      if (steep_time_) {
        steep_intervals_.push(static_cast<double>(peak.time - *steep_time_));
      }
      steep_time_ = peak.time;
    }
    has_last_ = true;
    last_time_ = peak.time;
    last_slope_ = peak.slope;
    best_missed_.reset();
    if (peak.sample > last_sample_) {
      found.push_back(peak.sample);
      last_sample_ = peak.sample;
    }
  }

  // A single artifact must not raise the thresholds much. Two complexes that are far higher than usual among a few mean
  // that the signal has become higher.
  void learn_height(double height) {
    const double usual = heights_.mean();
    --far_higher_counts_;
    if (height <= signal_changed * usual) {
      heights_.push(std::min(height, most_higher * usual));
    } else if (far_higher_counts_ > 0) {
      heights_.clear();
      heights_.push(std::min(height, far_higher_));
    } else {
      far_higher_ = height;
      far_higher_counts_ = remembered;
      heights_.push(most_higher * usual);
    }
  }

  void search_back(std::int64_t now, std::vector<std::int64_t>& found) {
    if (!best_missed_ || !has_last_ || intervals_.empty() || is_learning_) {
      return;
    }
    const double waited = static_cast<double>(now - last_time_);
    if (waited > search_back_after * intervals_.median() &&
        best_missed_->height > search_back_part * threshold()) {
      const Peak peak = *best_missed_;
      accept(peak, found);
    }
  }

  Recent heights_;                      // heights of QRS complexes
  double far_higher_ = 0;               // height of the last complex that was far higher than usual
  std::int64_t far_higher_counts_ = 0;  // complexes for which far_higher_ still matters
  Recent noise_;                        // heights of other peaks
  Recent intervals_;                    // intervals between QRS complexes
  Recent slopes_;                       // slopes of QRS complexes
  Recent
      steep_intervals_;  // intervals between QRS complexes at least 0.4 times as steep as the steepest recent one
  std::optional<std::int64_t> steep_time_;  // time of the last such complex
  bool is_learning_ = true;
  std::int64_t learning_since_ = 0;
  std::vector<Peak> learned_from_;
  bool has_last_ = false;
  std::int64_t last_time_ = 0;  // time of the last QRS complex
  double last_slope_ = 0;
  std::int64_t last_sample_ = -1;
  std::unique_ptr<Peak> best_missed_;  // the highest peak rejected as noise since the last QRS complex
};

// The last few seconds of a signal, indexed by sample number.
struct Tail {
  std::vector<float> values;
  std::int64_t first = 0;  // sample number of values[0]

  void drop_before(std::int64_t number) {
    constexpr std::int64_t unused_kept = 4096;  // because erasing at every call would be slow
    if (number - first > unused_kept) {
      values.erase(values.begin(), values.begin() + (number - first));
      first = number;
    }
  }
};

struct DetectorLead {
  explicit DetectorLead(RateRatio ratio) : resampler(ratio) {}

  Resampler resampler;
  QrsFilter filter;
  Tail source;     // at the signal's own rate, less `offset`; invalid samples replaced by the last valid one
  Tail resampled;  // the resampled signal at qrs_rate
  float held = 0;
  // The first valid sample. Resampling a constant leaves a ripple of 1e-4 of it, which would look like a signal.
  std::optional<float> offset;
};

}  // namespace

struct QrsDetector::State {
  double rate;
  std::vector<DetectorLead> leads;
  std::int64_t time = 0;  // number of filtered samples
  double before[2] = {};  // the last two filtered values
  bool is_pending = false;
  Peak pending;  // the highest recent peak
  Rules rules;

  // Filters the newly resampled samples.
  void filter(std::vector<std::int64_t>& peaks) {
    const DetectorLead& first = leads.front();
    while (time < first.resampled.first + std::ssize(first.resampled.values)) {
      double sum = 0;
      for (DetectorLead& lead : leads) {
        sum += lead.filter.push(lead.resampled.values[static_cast<std::size_t>(time - lead.resampled.first)]);
      }
      step(sum, peaks);
    }
    for (DetectorLead& lead : leads) {
      lead.resampled.drop_before(time - 2 * around - apart - QrsFilter::delay);
      lead.source.drop_before(source_sample(time - 2 * around - apart - QrsFilter::delay));
    }
  }

  std::int64_t source_sample(std::int64_t at) const {
    return std::llround(static_cast<double>(at) * rate / qrs_rate);
  }

  void step(double value, std::vector<std::int64_t>& peaks) {
    const std::int64_t top = time - 1 - QrsFilter::delay;  // time in the signal of the previous value
    if (time > 1 && before[0] > before[1] && before[0] >= value && top >= 0 &&
        (!is_pending || before[0] > pending.height || top - pending.time >= apart)) {
      settle(top, peaks);
      if (!is_pending || before[0] > pending.height) {
        pending = {top, before[0]};
        is_pending = true;
      }
    }
    before[1] = before[0];
    before[0] = value;
    ++time;
    settle(top + 1, peaks);
    if (!is_pending) {
      rules.advance(top - apart, peaks);
    } else {
      rules.advance(pending.time, peaks);
    }
  }

  // Passes the pending peak to the rules once no higher peak has followed within `apart`.
  void settle(std::int64_t now, std::vector<std::int64_t>& peaks) {
    if (is_pending && now - pending.time >= apart) {
      describe(pending);
      rules.push(pending, peaks);
      is_pending = false;
    }
  }

  void describe(Peak& peak) {
    const DetectorLead* clearest = &leads.front();
    double steepest = 0;
    double largest = 0;  // of the samples
    for (const DetectorLead& lead : leads) {
      const auto& values = lead.resampled.values;
      const std::int64_t begin = std::max<std::int64_t>(peak.time - around - lead.resampled.first, 1);
      const std::int64_t end = std::min(peak.time + around + 1 - lead.resampled.first, std::ssize(values));
      double up = 0;
      double down = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        const double slope = values[i] - values[i - 1];
        largest = std::max(largest, std::abs(static_cast<double>(values[i])));
        up = std::max(up, slope);
        down = std::max(down, -slope);
      }
      if (std::max(up, down) > steepest) {
        steepest = std::max(up, down);
        clearest = &lead;
        peak.step = std::min(up, down) < one_sided * steepest;
      }
    }
    peak.slope = steepest;
    peak.height = peak.height > rounding * largest ? peak.height : 0;
    const Tail& source = clearest->source;
    peak.sample = source.first + r_peak_near(source.values, source_sample(peak.time) - source.first, rate);
  }
};

QrsDetector::QrsDetector(double rate, std::size_t leads) : state_(std::make_unique<State>()) {
  require(std::isfinite(rate) && rate >= 50 && rate <= 10'000,
          "QRS detector: rate {} Hz, expected 50 to 10000", rate);
  require(leads > 0, "QRS detector: no leads");
  state_->rate = rate;
  state_->leads.assign(leads, DetectorLead(rate_ratio(rate, qrs_rate)));
}

QrsDetector::~QrsDetector() = default;
QrsDetector::QrsDetector(QrsDetector&&) noexcept = default;
QrsDetector& QrsDetector::operator=(QrsDetector&&) noexcept = default;

void QrsDetector::push(std::span<const std::span<const float>> samples, std::vector<std::int64_t>& peaks) {
  require(samples.size() == state_->leads.size(), "QRS detector: samples of {} leads, expected {}",
          samples.size(), state_->leads.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    require(samples[i].size() == samples[0].size(), "QRS detector: {} samples of lead {}, but {} of lead 0",
            samples[i].size(), i, samples[0].size());
    DetectorLead& lead = state_->leads[i];
    const std::size_t begin = lead.source.values.size();
    for (const float value : samples[i]) {
      if (std::isfinite(value)) {
        lead.offset = lead.offset.value_or(value);
        lead.held = value - *lead.offset;
      }
      lead.source.values.push_back(lead.held);
    }
    lead.resampler.push(std::span<const float>(lead.source.values).subspan(begin), lead.resampled.values);
  }
  state_->filter(peaks);
}

void QrsDetector::finish(std::vector<std::int64_t>& peaks) {
  // Extends the signal with its last sample until the last peak is settled.
  for (DetectorLead& lead : state_->leads) {
    lead.resampler.finish(lead.resampled.values);
    const float last = lead.resampled.values.empty() ? 0 : lead.resampled.values.back();
    lead.resampled.values.insert(lead.resampled.values.end(), apart + 2 + QrsFilter::delay, last);
  }
  state_->filter(peaks);
  state_->rules.finish(peaks);
}

std::vector<std::int64_t> find_qrs(std::span<const float> signal, double rate) {
  QrsDetector detector(rate, 1);
  std::vector<std::int64_t> peaks;
  detector.push(std::span(&signal, 1), peaks);
  detector.finish(peaks);
  return peaks;
}

}  // namespace sec::io
