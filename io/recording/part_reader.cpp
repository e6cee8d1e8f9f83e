#include "io/recording/part_reader.h"

#include <cmath>

#include "engine/error.h"

namespace sec::io {
namespace {

class PartReader final : public RecordingReader {
 public:
  PartReader(std::unique_ptr<RecordingReader> whole, std::int64_t begin, std::int64_t end,
             const std::vector<std::size_t>& leads)
      : whole_(std::move(whole)), begin_(begin), leads_(leads), info_(whole_->info()) {
    require(begin >= 0 && begin <= end && end <= info_.samples,
            "{}: samples {} to {} are outside its {} samples", info_.name, begin, end, info_.samples);
    info_.samples = end - begin;
    info_.leads.clear();
    info_.samples_per_frame.clear();
    for (const std::size_t lead : leads) {
      info_.leads.push_back(whole_->info().leads.at(lead));
      info_.samples_per_frame.push_back(whole_->info().samples_per_frame.at(lead));
    }
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    require_window(info_, info_.name, begin, count, leads);
    whole_->read(begin_ + begin, count, spread(leads));
  }

  void read_digital(std::int64_t begin, std::int64_t count,
                    std::span<const std::span<std::int32_t>> leads) override {
    require_window(info_, info_.name, begin, count, leads);
    whole_->read_digital(begin_ + begin, count, spread(leads));
  }

  std::vector<Annotation> annotations() override {
    const double factor = annotation_rate(info_) / info_.rate;
    const auto first = static_cast<std::int64_t>(std::ceil(static_cast<double>(begin_) * factor));
    const auto end =
        static_cast<std::int64_t>(std::ceil(static_cast<double>(begin_ + info_.samples) * factor));
    std::vector<Annotation> kept;
    for (Annotation& annotation : whole_->annotations()) {
      if (annotation.sample >= first && annotation.sample < end) {
        annotation.sample -= first;
        kept.push_back(std::move(annotation));
      }
    }
    return kept;
  }

 private:
  // Puts each lead's span at the lead's index in the whole recording. Leads without a span are skipped.
  template <typename T>
  std::vector<std::span<T>> spread(std::span<const std::span<T>> leads) const {
    std::vector<std::span<T>> all(whole_->info().leads.size());
    for (std::size_t i = 0; i < leads.size(); ++i) {
      all[leads_[i]] = leads[i];
    }
    return all;
  }

  std::unique_ptr<RecordingReader> whole_;
  std::int64_t begin_;
  std::vector<std::size_t> leads_;
  ReaderInfo info_;
};

}  // namespace

std::unique_ptr<RecordingReader> part_of(std::unique_ptr<RecordingReader> whole, std::int64_t begin,
                                         std::int64_t end, const std::vector<std::size_t>& leads) {
  return std::make_unique<PartReader>(std::move(whole), begin, end, leads);
}

}  // namespace sec::io
