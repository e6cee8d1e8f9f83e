#include "tools/secinfer/holter_files.h"

#include <optional>
#include <utility>

#include "engine/error.h"
#include "io/databases/open_recording.h"
#include "io/files/file_group.h"
#include "train/holter/page.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t written_at_once = 1U << 16U;  // bytes of a table

// A table that is written while the recording passes.
class TableFile {
 public:
  TableFile(io::AtomicFile& file, const char* header) : file_(file), text_(header) {}
  void add(const std::string& line) {
    text_ += line;
    if (text_.size() >= written_at_once) {
      flush();
    }
  }
  void flush() {
    file_.write(text_);
    text_.clear();
  }

 private:
  io::AtomicFile& file_;
  std::string text_;
};

}  // namespace

std::vector<fs::path> holter_files(const Options& options) {
  std::vector<fs::path> files;
  for (const std::string& file : {options.report, options.rr, options.nn}) {
    if (!file.empty()) {
      files.emplace_back(file);
    }
  }
  return files;
}

class HolterFiles::Impl {
 public:
  Impl(const Options& options, const train::Recipe& recipe, const RecordingBlocks& recording, double rate,
       const std::vector<std::string>& lead_names, const std::vector<std::size_t>& qrs_leads)
      : about_{.name = options.identify ? recording.name : "",
               .start_date = options.identify ? recording.start_date : "",
               .start_time = recording.start_time,
               .model = recipe.title,
               .program = "secinfer " SEC_VERSION,
               .beats_given = !options.annotations.empty(),
               .warnings = {}} {
    // The files are opened at once: a folder that is missing is told before hours of work.
    const auto open = [this](const std::string& path) -> io::AtomicFile& {
      const bool first = !std::exchange(has_head_, true);
      return first ? files_.head(path) : files_.add(path);
    };
    if (!options.report.empty()) {
      report_ = &open(options.report);
    }
    if (!options.rr.empty()) {
      rr_.emplace(open(options.rr), train::rr_header);
    }
    if (!options.nn.empty()) {
      nn_.emplace(open(options.nn), train::nn_header);
    }
    holter_.emplace(
        train::HolterOptions{.classes = recipe.classes,
                             .rate = rate,
                             .lead_names = lead_names,
                             .qrs_leads = qrs_leads,
                             .on_interval = [this](const train::RrInterval& interval) { write(interval); }});
  }

  train::Holter& holter() { return *holter_; }

  void finish(const std::vector<std::string>& warnings) {
    holter_->finish();
    about_.warnings = warnings;
    if (report_ != nullptr) {
      report_->write(train::holter_page(*holter_, about_));
    }
    for (std::optional<TableFile>* table : {&rr_, &nn_}) {
      if (*table) {
        (*table)->flush();
      }
    }
    files_.commit();
  }

 private:
  void write(const train::RrInterval& interval) {
    if (rr_) {
      rr_->add(train::rr_line(interval, holter_->options().classes));
    }
    if (nn_ && interval.nn) {
      nn_->add(train::nn_line(interval));
    }
  }

  train::HolterAbout about_;
  io::FileGroup files_;
  bool has_head_ = false;
  io::AtomicFile* report_ = nullptr;  // in files_
  std::optional<TableFile> rr_;
  std::optional<TableFile> nn_;
  std::optional<train::Holter> holter_;
};

HolterFiles::HolterFiles(const Options& options, const train::Recipe& recipe,
                         const RecordingBlocks& recording, double rate,
                         const std::vector<std::string>& lead_names,
                         const std::vector<std::size_t>& qrs_leads) {
  const std::vector<fs::path> files = holter_files(options);
  for (const fs::path& file : files) {
    io::require_not_read(file, recording.file);
    require(options.overwrite || !fs::exists(file) || !fs::is_regular_file(file),
            "{}: exists; --overwrite replaces it", file.string());
  }
  if (!files.empty()) {
    impl_ = std::make_unique<Impl>(options, recipe, recording, rate, lead_names, qrs_leads);
  }
}

HolterFiles::~HolterFiles() = default;

void HolterFiles::push(std::span<const std::span<const float>> samples) {
  if (impl_) {
    impl_->holter().push(samples);
  }
}

void HolterFiles::add(const train::ClassifiedBeat& beat) {
  if (impl_) {
    impl_->holter().add(beat);
  }
}

void HolterFiles::finish(const std::vector<std::string>& warnings) {
  if (impl_) {
    impl_->finish(warnings);
  }
}

}  // namespace sec::tools
