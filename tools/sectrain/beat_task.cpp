// Training on heartbeats, each of which has one class.
#include <fmt/ranges.h>

#include <algorithm>
#include <map>

#include "io/scoring/aami.h"
#include "tools/sectrain/training_task.h"
#include "train/scoring/score_beats.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::train;

// Formats counts: "22 record(s), 45842 beats: N 44000, S 900, V 3700, F 400, Q 8".
std::string counts_text(std::size_t records, const io::ClassCounts& counts) {
  std::vector<std::string> parts;
  std::int64_t total = 0;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    parts.push_back(fmt::format("{} {}", io::beat_class_names[c], counts[c]));
    total += counts[c];
  }
  return fmt::format("{} record(s), {} beats: {}", records, total, fmt::join(parts, ", "));
}

// Formats a split, and behind it each of its databases if there are several.
std::string split_text(const BeatDataset& inputs) {
  std::map<std::string, std::pair<std::size_t, io::ClassCounts>> databases;
  for (const BeatRecord& record : inputs.records()) {
    auto& [records, counts] = databases[record.database];
    ++records;
    for (const Beat& beat : record.beats) {
      counts[static_cast<std::size_t>(beat.aami)] += beat.in_split ? 1 : 0;
    }
  }
  const auto all = count_classes(inputs);
  io::ClassCounts total{};
  std::ranges::copy(all, total.begin());
  std::string text = counts_text(inputs.records().size(), total);
  for (const auto& [name, database] : databases) {
    text += databases.size() > 1 ? fmt::format("; {}: {}", name, counts_text(database.first, database.second))
                                 : "";
  }
  return text;
}

std::string data_text(const Recipe& recipe, const DataFolders& folders, const BeatSplits& data) {
  std::map<std::string, std::string> used;  // folders by database
  for (std::size_t i = 0; i < split_names.size(); ++i) {
    for (const std::string& name : data.splits.records(i)) {
      const RecordPlace place = place_of(folders, recipe, name);
      used.try_emplace(place.database, fs::weakly_canonical(place.folder).string());
    }
  }
  std::vector<std::string> places;
  for (const auto& [name, folder] : used) {
    places.push_back(name.empty() ? folder : fmt::format("{} as {}", folder, name));
  }
  return fmt::format("{}{}. Train: {}. Validation: {}. Test: {}.", fmt::join(places, ", "),
                     data.synthetic ? " (synthetic)" : "", split_text(data.train),
                     split_text(data.validation), split_text(data.test));
}

std::string protocol_text(const Recipe& recipe, const BeatSplits& data) {
  const auto list = [](const std::vector<std::string>& names) {
    return names.empty() ? std::string("none") : fmt::format("{}", fmt::join(names, " "));
  };
  const Recipe::Data& d = recipe.data;
  const std::string division =
      d.protocol == "beats"
          ? "Intra-patient: beats divided at random, every patient is on every side, and windows overlap "
            "across them. Such figures say little about another patient. "
      : d.protocol == "folds" ? fmt::format("Fold {} of {}, divided by patient. ", d.fold, d.folds)
      : d.protocol == "file"  ? fmt::format("Divided as {} says. ", d.split_file)
                              : "";
  return division + fmt::format(
                        "Beats at annotated R peaks, in the AAMI EC57 classes; the network tells {} apart. A "
                        "window holds {} s "
                        "before and {} s after the peak at {} Hz. The patient's amplitude, median beat and "
                        "rhythm are taken "
                        "from "
                        "earlier beats alone, without labels, but for the interval to the next beat. Trained "
                        "on: {}. Weights "
                        "chosen ({}) on: {}. Scored once on: {}.",
                        fmt::join(recipe.classes, ", "), recipe.data.before, recipe.data.after,
                        recipe.data.rate, list(data.splits.train),
                        recipe.train.choose == "best" ? "best macro-F1" : "last epoch",
                        list(data.splits.validation), list(data.splits.test));
}

class BeatTask final : public TrainingTask {
 public:
  BeatTask(const Recipe& recipe, const DataFolders& folders)
      : recipe_(recipe), folders_(folders), data_(load_beat_splits(recipe, folders)) {}

  const Recipe& recipe() const override { return recipe_; }
  const Splits& splits() const override { return data_.splits; }
  const std::string& fingerprint() const override { return data_.fingerprint; }
  std::array<std::string, 3> split_texts() const override {
    return {split_text(data_.train), split_text(data_.validation), split_text(data_.test)};
  }
  void describe(RunSummary& run) const override {
    run.data = data_text(recipe_, folders_, data_);
    run.synthetic = data_.synthetic;
    run.protocol = protocol_text(recipe_, data_);
    run.warnings = data_.warnings;
    run.leaks = data_.leaks;
  }
  TrainingData data() const override { return training_data(recipe_, data_); }
  void score(RunSummary& run, Trainer& trainer) const override {
    Classifier classifier = trainer.load_chosen();
    score_beats(run, classifier, data_);
  }

 private:
  Recipe recipe_;
  DataFolders folders_;
  BeatSplits data_;
};

}  // namespace

std::unique_ptr<TrainingTask> make_beat_task(const Recipe& recipe, const DataFolders& folders) {
  return std::make_unique<BeatTask>(recipe, folders);
}

}  // namespace sec::tools
