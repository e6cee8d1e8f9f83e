#include "io/signal/qrs_detector.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "engine/error.h"
#include "io/signal/qrs_filter.h"
#include "io/signal/r_peak.h"
#include "io/signal/resample.h"

namespace sec::io {
namespace {

// Times in samples at qrs_rate, 5 ms each.
constexpr std::int64_t apart = 46;         // 230 ms; of two peaks closer than this, the larger is kept
constexpr std::int64_t t_wave_reach = 72;  // 360 ms; a T wave follows its QRS complex within this time
constexpr std::int64_t around = 20;        // 100 ms on either side of a peak, where its slopes are measured
constexpr std::int64_t learning = 600;     // 3 s at the beginning
constexpr std::int64_t given_up = 1600;    // 8 s without a beat, after which learning starts again
constexpr std::size_t remembered = 8;      // number of recent peaks and intervals
constexpr double threshold_part = 0.28;    // position between noise peaks (0) and QRS peaks (1)
constexpr double search_back_part = 0.5;   // fraction of the detection threshold
constexpr double search_back_after = 1.5;  // multiple of the median RR interval
constexpr double t_wave_slope = 0.5;       // fraction of the slope of the preceding QRS complex
constexpr double one_sided = 0.125;  // largest ratio of the smaller to the larger slope of a step artifact

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
    if (values_.size() > remembered) {
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
    if (is_learning_ && now >= learning_since_ + learning) {
      learn(found);
    }
    search_back(now, found);
    if (!is_learning_ && now - std::max(last_time_, learning_since_) > given_up) {
      is_learning_ = true;
      learning_since_ = now;
      best_missed_.reset();
    }
  }

  void finish(std::vector<std::int64_t>& found) {
    if (is_learning_) {
      learn(found);
    }
  }

 private:
  double threshold() const {
    const double noise = noise_.mean();
    return noise + threshold_part * (heights_.mean() - noise);
  }

  void learn(std::vector<std::int64_t>& found) {
    is_learning_ = false;
    std::vector<double> highest(3);  // the highest peak in each third of the learning time
    for (const Peak& peak : learned_from_) {
      const std::int64_t third = (peak.time - learning_since_) * 3 / learning;
      double& top = highest[static_cast<std::size_t>(std::clamp<std::int64_t>(third, 0, 2))];
      top = peak.step ? top : std::max(top, peak.height);
    }
    std::ranges::sort(highest);
    if (highest[1] > 0) {
      heights_.clear();
      noise_.clear();
      heights_.push(highest[1]);
    }
    std::vector<Peak> peaks;
    peaks.swap(learned_from_);
    for (const Peak& peak : peaks) {
      judge(peak, found);
    }
  }

  void judge(const Peak& peak, std::vector<std::int64_t>& found) {
    if (peak.step || heights_.empty() || peak.height <= 0) {
      return;
    }
    search_back(peak.time, found);
    const bool early = has_last_ && peak.time - last_time_ < t_wave_reach;
    if (early && peak.slope < t_wave_slope * last_slope_) {
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
    heights_.push(peak.height);
    if (has_last_) {
      intervals_.push(static_cast<double>(peak.time - last_time_));
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

  Recent heights_;    // heights of QRS complexes
  Recent noise_;      // heights of other peaks
  Recent intervals_;  // intervals between QRS complexes
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
  Tail source;     // at the signal's own rate; invalid samples replaced by the last valid one
  Tail resampled;  // the resampled signal at qrs_rate
  float held = 0;
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
    for (const DetectorLead& lead : leads) {
      const auto& values = lead.resampled.values;
      const std::int64_t begin = std::max<std::int64_t>(peak.time - around - lead.resampled.first, 1);
      const std::int64_t end = std::min(peak.time + around + 1 - lead.resampled.first, std::ssize(values));
      double up = 0;
      double down = 0;
      for (std::int64_t i = begin; i < end; ++i) {
        const double slope = values[i] - values[i - 1];
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
      lead.held = std::isfinite(value) ? value : lead.held;
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
