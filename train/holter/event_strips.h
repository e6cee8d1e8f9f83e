// Keeps a few strips of signal of each kind of event while a long recording passes, in bounded memory.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "train/report/ecg_paper.h"

namespace sec::train {

// The signal as it is drawn: at most 375 samples per second. Of a faster signal each pair of samples is the lowest and the
// highest one of a stretch, in their order, so that no peak is lost.
class ThinnedLead {
 public:
  explicit ThinnedLead(double rate);  // Hz
  void push(std::span<const float> samples);
  double rate() const { return rate_; }  // Hz, of the thinned samples
  const std::vector<float>& samples() const { return samples_; }
  std::int64_t first() const { return first_; }  // index of samples()[0] in the thinned signal
  void drop_before(std::int64_t index);

 private:
  std::int64_t factor_;
  double rate_;
  std::vector<float> stretch_;  // fewer than 2 * factor_ samples
  std::vector<float> samples_;
  std::int64_t first_ = 0;
};

struct KeptEvent {
  double score = 0;
  double time = 0;  // s
  std::string text;
  std::shared_ptr<EcgStrip> strip;  // without leads: the signal was no longer there
};

class EventStrips {
 public:
  // `kept[group]` is the number of events of a group that are kept. Draws the first three leads at most.
  EventStrips(double rate, const std::vector<std::string>& lead_names, std::vector<std::size_t> kept);

  void push(std::span<const std::span<const float>> samples);  // mV, the next samples of all leads
  void add_beat(double time, const std::string& name);         // s, in order of time

  // A strip of `seconds` from `begin` on (s). It is filled when the beats and samples up to its end have arrived.
  // `marked` is the time of the event, drawn as an arrow.
  std::shared_ptr<EcgStrip> cut(double begin, double marked, double seconds);

  // Whether an event of this score would be kept at present.
  bool wants(std::size_t group, double score, double time) const;
  // Keeps the events with the largest scores that are at least a minute apart; of two closer ones the larger.
  void offer(std::size_t group, KeptEvent event);
  const std::vector<KeptEvent>& kept(std::size_t group) const { return groups_[group]; }

  void finish();  // fills the last strips

 private:
  struct Pending {
    std::weak_ptr<EcgStrip> strip;  // expired: the event was not kept
    double end = 0;                 // s
  };
  void fill(EcgStrip& strip, double end) const;
  void fill_before(double time);
  void drop_signal();

  std::vector<std::string> lead_names_;
  std::vector<ThinnedLead> leads_;
  std::vector<std::size_t> limits_;
  std::vector<std::vector<KeptEvent>> groups_;
  std::deque<std::pair<double, std::string>> beats_;  // the latest
  std::vector<Pending> pending_;
};

}  // namespace sec::train
