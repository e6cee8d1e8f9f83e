#include "io/recording/memory_reader.h"

#include <algorithm>

#include "engine/error.h"

namespace sec::io {
namespace {

class MemoryReader final : public RecordingReader {
 public:
  MemoryReader(Recording recording, std::vector<Annotation> annotations)
      : signals_(std::move(recording.signals)), annotations_(std::move(annotations)) {
    info_.name = std::move(recording.name);
    info_.rate = recording.rate;
    info_.samples = signals_.empty() ? 0 : std::ssize(signals_.front());
    info_.leads = std::move(recording.leads);
    info_.samples_per_frame.assign(info_.leads.size(), 1);
    info_.comments = std::move(recording.comments);
    require(signals_.size() == info_.leads.size(), "{}: {} signals and {} leads", info_.name, signals_.size(),
            info_.leads.size());
    for (const std::vector<float>& signal : signals_) {
      require(std::ssize(signal) == info_.samples, "{}: signals of {} and {} samples", info_.name,
              info_.samples, signal.size());
    }
  }

  const ReaderInfo& info() const override { return info_; }

  void read(std::int64_t begin, std::int64_t count, std::span<const std::span<float>> leads) override {
    require_window(info_, info_.name, begin, count, leads);
    for (std::size_t i = 0; i < leads.size(); ++i) {
      std::copy_n(signals_[i].begin() + begin, leads[i].size(), leads[i].begin());
    }
  }

  std::vector<Annotation> annotations() override { return annotations_; }

 private:
  ReaderInfo info_;
  std::vector<std::vector<float>> signals_;
  std::vector<Annotation> annotations_;
};

}  // namespace

std::unique_ptr<RecordingReader> reader_of(Recording recording, std::vector<Annotation> annotations) {
  return std::make_unique<MemoryReader>(std::move(recording), std::move(annotations));
}

}  // namespace sec::io
