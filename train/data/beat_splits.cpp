#include "train/data/beat_splits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "engine/error.h"
#include "io/databases/mitdb.h"
#include "io/databases/open_recording.h"
#include "io/databases/recording_annotations.h"
#include "io/files/random_file.h"
#include "io/tables/annotation_table.h"
#include "train/data/fnv.h"

namespace sec::train {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Names records_of(io::Split split) {
  Names names;
  for (const io::MitdbRecord& record : io::mitdb_records()) {
    if (record.split == split) {
      names.emplace_back(record.name);
    }
  }
  return names;
}

// Replaces "DS1" and "DS2", also "NAME:DS1", by their records. "*" stays, as its records depend on the other splits.
Names expand(const Names& wanted, const char* key) {
  Names names;
  for (const std::string& name : wanted) {
    const std::string database = name.substr(0, name.find(':') + 1);  // "svdb:", or nothing
    const std::string record = name.substr(database.size());
    const Names some = record == "DS1"   ? records_of(io::Split::ds1)
                       : record == "DS2" ? records_of(io::Split::ds2)
                                         : Names{record};
    for (const std::string& one : some) {
      require(!contains(names, database + one), "{}: record {} is listed twice", key, database + one);
      names.push_back(database + one);
    }
  }
  return names;
}

void expand_rest(Names& names, const Names& first_split, const Names& second_split, const Recipe& recipe,
                 const DataFolders& folders) {
  const Names paced = records_of(io::Split::paced);
  Names stars;
  std::ranges::copy_if(names, std::back_inserter(stars),
                       [&](const std::string& name) { return place_of(folders, recipe, name).name == "*"; });
  for (const std::string& star : stars) {
    std::erase(names, star);
    const std::string database = star.substr(0, star.size() - 1);
    for (const std::string& record : io::annotated_recordings(place_of(folders, recipe, star).folder)) {
      const std::string name = database + record;
      if (!contains(names, name) && !contains(first_split, name) && !contains(second_split, name) &&
          !contains(paced, record)) {
        names.push_back(name);
      }
    }
  }
}

// The databases of these records, by name; the folder of --data has an empty name.
std::map<std::string, RecordPlace> databases_of(const Recipe& recipe, const DataFolders& folders,
                                                const Names& records) {
  std::map<std::string, RecordPlace> databases;
  for (const std::string& name : records) {
    const RecordPlace place = place_of(folders, recipe, name);
    databases.try_emplace(place.database, place);
  }
  return databases;
}

// Throws Error unless every database that the records belong to has a folder that no other has.
void require_folders(const Recipe& recipe, const DataFolders& folders, const Names& records) {
  std::map<std::filesystem::path, std::string> owners;
  for (const auto& [name, place] : databases_of(recipe, folders, records)) {
    const std::string shown = name.empty() ? "--data" : "data.databases." + name;
    require(std::filesystem::is_directory(place.folder),
            "{}{}: no such folder; expected one with recordings and annotations of their beats{}",
            name.empty() ? "" : shown + ": ", place.folder.string(),
            name.empty() ? "" : fmt::format("; --data {}=DIR names another", name));
    const auto [owner, fresh] = owners.try_emplace(std::filesystem::canonical(place.folder), shown);
    require(fresh, "{} and {} are the same folder, {}", owner->second, shown, place.folder.string());
  }
}

std::uint64_t hash(std::uint64_t state, std::string_view bytes) {
  for (const char c : bytes) {
    state = fnv_next(state, static_cast<unsigned char>(c));
  }
  return state;
}

std::uint64_t hash_file(std::uint64_t state, const std::filesystem::path& path) {
  const io::RandomFile file(path);
  std::vector<char> block(1 << 20);
  for (std::int64_t done = 0; done < file.size();) {
    const auto part = std::span(block).first(
        static_cast<std::size_t>(std::min<std::int64_t>(std::ssize(block), file.size() - done)));
    file.read(done, part);
    state = hash(state, {part.data(), part.size()});
    done += std::ssize(part);
  }
  return state;
}

std::string fingerprint_of(const Recipe& recipe, const Splits& splits, const DataFolders& folders) {
  std::uint64_t state = fnv_start;
  for (const Names* split : {&splits.train, &splits.validation, &splits.test}) {
    state = hash(state, "|");
    for (const std::string& name : *split) {
      const RecordPlace place = place_of(folders, recipe, name);
      const std::filesystem::path path = place.folder / place.name;
      if (!io::is_wfdb_record(place.name)) {
        for (const std::filesystem::path& file : io::files_of_recording(path)) {
          state = hash_file(hash(state, file.filename().string()), file);
        }
        continue;
      }
      if (const auto table = io::annotation_table_of(path); std::filesystem::exists(table)) {
        state = hash_file(state, table);
      }
      for (const char* suffix : {".hea", ".atr", ".dat"}) {
        const std::filesystem::path file = path.string() + suffix;
        state = hash(state, name + suffix);
        if (std::filesystem::exists(file)) {  // the header may name a signal file other than NAME.dat
          state = hash_file(state, file);
        }
      }
    }
  }
  return fmt::format("fnv1a64:{:016x}", state);
}

bool same_set(const Names& a, const Names& b) {
  return std::set(a.begin(), a.end()) == std::set(b.begin(), b.end());
}

// The records of one database, without its name.
Names records_in(const Recipe& recipe, const DataFolders& folders, const Names& records,
                 const std::string& database) {
  Names names;
  for (const std::string& record : records) {
    const RecordPlace place = place_of(folders, recipe, record);
    if (place.database == database) {
      names.push_back(place.name);
    }
  }
  return names;
}

void add_counts(const Recipe& recipe, const DataFolders& folders, const BeatDataset& dataset,
                const std::string& database, io::ClassCounts& counts) {
  for (const BeatRecord& record : dataset.records()) {
    if (place_of(folders, recipe, record.name).database != database) {
      continue;
    }
    for (const Beat& beat : record.beats) {
      counts[static_cast<std::size_t>(beat.aami)] += beat.in_split ? 1 : 0;
    }
  }
}

// Compares the beats of DS1 and DS2 with the published counts, in every database that has all of their records.
void check_published(const Recipe& recipe, const DataFolders& folders, const BeatSplits& data) {
  Names development = data.splits.train;
  development.insert(development.end(), data.splits.validation.begin(), data.splits.validation.end());
  Names all = development;
  all.insert(all.end(), data.splits.test.begin(), data.splits.test.end());
  for (const auto& [name, place] : databases_of(recipe, folders, all)) {
    if (recipe.data.protocol != "records" || (place.options != nullptr && !place.options->classes.empty())) {
      continue;
    }
    if (same_set(records_in(recipe, folders, development, name), records_of(io::Split::ds1))) {
      io::ClassCounts counts{};
      add_counts(recipe, folders, data.train, name, counts);
      add_counts(recipe, folders, data.validation, name, counts);
      io::check_counts(place.folder, io::Split::ds1, counts);
    }
    if (same_set(records_in(recipe, folders, data.splits.test, name), records_of(io::Split::ds2))) {
      io::ClassCounts counts{};
      add_counts(recipe, folders, data.test, name, counts);
      io::check_counts(place.folder, io::Split::ds2, counts);
    }
  }
}

// The number of beats of each class that the recipe trains on.
std::vector<std::int64_t> trained_counts(const Recipe& recipe, const BeatDataset& dataset) {
  std::vector<std::int64_t> counts(recipe.classes.size());
  for (const ExampleId id : dataset.beats()) {
    ++counts[static_cast<std::size_t>(dataset.beat(id).label)];
  }
  return counts;
}

// Formats counts of classes: "N 1200, S 0, V 0".
std::string counts_text(const Recipe& recipe, const std::vector<std::int64_t>& counts) {
  Names parts;
  for (std::size_t c = 0; c < counts.size(); ++c) {
    parts.push_back(fmt::format("{} {}", recipe.classes[c], counts[c]));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::ptrdiff_t occurring(const std::vector<std::int64_t>& counts) {
  return std::ranges::count_if(counts, [](std::int64_t count) { return count > 0; });
}

void require_every_class(const Recipe& recipe, const BeatDataset& dataset, const char* purpose,
                         const Names& records) {
  const std::vector<std::int64_t> counts = trained_counts(recipe, dataset);
  require(occurring(counts) != 1,
          "only one class has beats to {}: {} in record(s) {}; expected beats of every class", purpose,
          counts_text(recipe, counts), fmt::join(records, ", "));
  for (std::size_t c = 0; c < counts.size(); ++c) {
    require(counts[c] > 0, "no beat of class {} to {}: {} in record(s) {}", recipe.classes[c], purpose,
            counts_text(recipe, counts), fmt::join(records, ", "));
  }
}

// Scores over one class do not show whether classes are told apart: one fixed answer reaches 100 %.
void warn_of_one_class(const Recipe& recipe, BeatSplits& data) {
  const std::vector<std::int64_t> counts = trained_counts(recipe, data.test);
  if (!data.splits.test.empty() && occurring(counts) < 2) {
    data.warnings.push_back(
        fmt::format("{} to test with ({}): the test scores do not show whether classes are told apart",
                    occurring(counts) == 1 ? "only one class has beats" : "no trained class has beats",
                    counts_text(recipe, counts)));
  }
}

// The records of all splits, each once, sorted.
Names pooled(const Splits& splits) {
  Names all;
  for (std::size_t i = 0; i < split_names.size(); ++i) {
    for (const std::string& name : splits.records(i)) {
      if (!contains(all, name)) {
        all.push_back(name);
      }
    }
  }
  std::ranges::sort(all);
  return all;
}

Splits fold_splits(const Recipe& recipe, const DataFolders& folders, const Names& records) {
  Splits splits;
  splits.patients = named_patients(recipe);
  std::map<std::string, PatientBeats> patients;
  for (const std::string& name : records) {
    PatientBeats& patient = patients[splits.patient_of(name)];
    patient.patient = splits.patient_of(name);
    patient.records.push_back(name);
    const io::ClassCounts beats = annotated_beats(place_of(folders, recipe, name));
    for (std::size_t c = 0; c < beats.size(); ++c) {
      patient.beats[c] += beats[c];
    }
  }
  std::vector<PatientBeats> list;
  for (const auto& [name, patient] : patients) {
    list.push_back(patient);
  }
  const auto folds = folds_by_patient(list, recipe.data.folds, recipe.data.split_seed);
  const std::int64_t tested = recipe.data.fold - 1;
  for (std::int64_t i = 0; i < recipe.data.folds; ++i) {
    const std::int64_t after = (i - tested + recipe.data.folds) % recipe.data.folds;
    Names& split = splits.records(after == 0 ? 2 : after == 1 ? 1 : 0);
    const Names& fold = folds[static_cast<std::size_t>(i)];
    split.insert(split.end(), fold.begin(), fold.end());
  }
  return splits;
}

// A pseudo-random number in [0, 1) that depends only on its arguments (SplitMix64).
double draw(std::int64_t seed, std::size_t record, std::size_t beat) {
  std::uint64_t z = static_cast<std::uint64_t>(seed) * 0x9E3779B97F4A7C15ULL + (record << 32U) + beat;
  for (int round = 0; round < 2; ++round) {
    z += 0x9E3779B97F4A7C15ULL;
    z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
    z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
    z ^= z >> 31U;
  }
  return static_cast<double>(z >> 11U) * 0x1p-53;
}

// Throws Error if records of one database that the recipe names are missing, as when it was written for another database.
void require_records_in(const Recipe& recipe, const RecordPlace& place, const Names& records) {
  Names missing;
  std::ranges::copy_if(records, std::back_inserter(missing), [&](const std::string& name) {
    return !std::filesystem::exists(place.folder / (io::is_wfdb_record(name) ? name + ".hea" : name));
  });
  const Recipe::Data& d = recipe.data;
  const bool mitdb = std::ranges::any_of(
      std::array{&d.train, &d.validation, &d.test},
      [](const Names* names) { return contains(*names, "DS1") || contains(*names, "DS2"); });
  constexpr std::size_t shown = 5;
  const std::size_t count = missing.size();
  const std::size_t colon = count == 0 ? std::string::npos : missing.front().find(':');
  missing.resize(std::min(count, shown));
  require(
      count == 0, "{}: lacks {} of the {} records that the recipe names: {}{}{}", place.folder.string(),
      count, records.size(), fmt::join(missing, ", "), count > shown ? ", ..." : "",
      colon != std::string::npos
          ? fmt::format("; the recipe has no section [data.databases.{}]", missing.front().substr(0, colon))
      : mitdb
          ? "; DS1 and DS2 are records of MIT-BIH: for another database set data.train, data.validation and "
            "data.test"
          : "");
}

void require_records(const Recipe& recipe, const DataFolders& folders, const Names& records) {
  require_folders(recipe, folders, records);
  for (const auto& [database, place] : databases_of(recipe, folders, records)) {
    require_records_in(recipe, place, records_in(recipe, folders, records, database));
  }
}

// Marks which beats of each record belong to a split, where the split holds only part of the record.
void keep_part(const Recipe& recipe, const Splits& splits, std::size_t split,
               std::vector<BeatRecord>& records) {
  for (std::size_t r = 0; r < records.size(); ++r) {
    BeatRecord& record = records[r];
    const auto part = splits.parts[split].find(record.name);
    for (std::size_t b = 0; b < record.beats.size(); ++b) {
      Beat& beat = record.beats[b];
      if (recipe.data.protocol == "beats") {
        const double u = draw(recipe.data.split_seed, r, b);
        const double tested = recipe.data.test_share;
        beat.in_split = split == (u < tested ? 2U : u < tested + recipe.data.validation_share ? 1U : 0U);
      } else if (part != splits.parts[split].end()) {
        const double time = static_cast<double>(beat.sample) / record.source_rate;
        beat.in_split = part->second.from <= time && time < part->second.to;
      }
    }
  }
}

// Divides records into pools of which each has its share of the draw: one of each database with a share, and one of
// all other records.
void set_pools(const Recipe& recipe, const DataFolders& folders, std::vector<BeatRecord>& records) {
  constexpr double least = 1e-9;  // what rounding leaves of 1 - 0.7 - 0.3
  std::map<std::string, DrawPool> pools;
  double rest = 1;
  std::string others;
  for (const BeatRecord& record : records) {
    const RecordPlace place = place_of(folders, recipe, record.name);
    const bool shared = place.options != nullptr && !std::isnan(place.options->share);
    if (!shared) {
      others = database_title(folders, place);
    } else if (!pools.contains(place.database)) {
      rest -= place.options->share;
      pools[place.database] = {static_cast<int>(pools.size()) + 1, place.options->share};
    }
  }
  require(others.empty() || rest > least, "data.databases: the shares leave nothing for the records of {}",
          others);
  for (BeatRecord& record : records) {
    const auto pool = pools.find(place_of(folders, recipe, record.name).database);
    record.pool = pool == pools.end() ? DrawPool{0, rest} : pool->second;
  }
}

BeatDataset load_split(const Recipe& recipe, const DataFolders& folders, const Splits& splits,
                       std::size_t split) {
  std::vector<BeatRecord> records = load_records(folders, splits.records(split), recipe);
  if (split == 0) {
    set_pools(recipe, folders, records);
  }
  keep_part(recipe, splits, split, records);
  return {recipe, std::move(records)};
}

bool is_synthetic(const Recipe& recipe, const DataFolders& folders, const Splits& splits) {
  return std::ranges::any_of(databases_of(recipe, folders, pooled(splits)),
                             [](const auto& one) { return io::is_synthetic(one.second.folder); });
}

// Whether these are the two records of MIT-BIH that are of one person, in one database.
bool is_usual_pair(const Names& records) {
  if (records.size() != 2 || !records[0].ends_with("201")) {
    return false;
  }
  const std::string database = records[0].substr(0, records[0].size() - 3);
  return (database.empty() || database.ends_with(':')) && records[1] == database + "202";
}

// Searches the splits for leaks.
// Throws Error on a leak, or stores it for the report if the recipe allows leaks.
void look_for_leaks(const Recipe& recipe, BeatSplits& data) {
  std::map<std::string, std::string> patients;
  for (const std::string& name : pooled(data.splits)) {
    patients[name] = data.splits.patient_of(name);
  }
  Names texts;
  for (const Leak& leak : find_leaks(
           {{"train", &data.train}, {"validation", &data.validation}, {"test", &data.test}}, patients)) {
    const bool usual = leak.kind == Leak::Kind::patient && is_usual_pair(leak.records) &&
                       (recipe.data.protocol != "file" || data.splits.patients.empty());
    if (usual && !recipe.data.strict_patients) {
      data.warnings.push_back(leak.text + ": test scores are reported with and without this person");
    } else {
      texts.push_back(leak.text);
    }
  }
  if (texts.empty()) {
    return;
  }
  require(recipe.data.allow_leakage,
          "data: the splits are not independent: {}{}; data.allow_leakage = true would train on them anyway",
          texts.front(), texts.size() > 1 ? fmt::format(" (and {} more)", texts.size() - 1) : "");
  data.leaks = texts;
}

}  // namespace

Splits resolve_splits(const Recipe& recipe, const DataFolders& folders) {
  require_known(folders, recipe);
  if (recipe.data.protocol == "file") {
    Splits listed = read_split_file(recipe.data.split_file);
    require(!listed.validation.empty() || (recipe.train.choose != "best" && recipe.train.patience == 0),
            "{}: no record is listed for validation, but train.choose = \"best\" and train.patience need it",
            recipe.data.split_file);
    require_folders(recipe, folders, pooled(listed));
    listed.patients.merge(named_patients(recipe));
    return listed;
  }
  Splits splits{expand(recipe.data.train, "data.train"), expand(recipe.data.validation, "data.validation"),
                expand(recipe.data.test, "data.test")};
  splits.patients = named_patients(recipe);
  require_folders(recipe, folders, pooled(splits));
  expand_rest(splits.test, splits.train, splits.validation, recipe, folders);
  expand_rest(splits.validation, splits.train, splits.test, recipe, folders);
  expand_rest(splits.train, splits.validation, splits.test, recipe, folders);
  if (recipe.data.protocol == "folds" || recipe.data.protocol == "beats") {
    const Names all = pooled(splits);
    require_records(recipe, folders, all);
    return recipe.data.protocol == "folds" ? fold_splits(recipe, folders, all)
                                           : Splits{all, all, all, splits.patients};
  }
  for (const std::string& name : splits.validation) {
    require(!contains(splits.test, name), "record {} is in data.validation and in data.test", name);
  }
  std::erase_if(splits.train, [&](const std::string& name) {
    return contains(splits.validation, name) || contains(splits.test, name);
  });
  require(!splits.train.empty(), "data.train: every record is in data.validation or data.test too");
  return splits;
}

std::vector<std::string> test_records_seen(const Splits& splits) {
  std::set<std::string> seen;
  for (const Names* names : {&splits.train, &splits.validation}) {
    for (const std::string& name : *names) {
      seen.insert(splits.patient_of(name));
    }
  }
  Names result;
  std::copy_if(splits.test.begin(), splits.test.end(), std::back_inserter(result),
               [&](const std::string& name) { return seen.contains(splits.patient_of(name)); });
  return result;
}

BeatSplits load_beat_splits(const Recipe& recipe, const DataFolders& folders) {
  const Splits splits = resolve_splits(recipe, folders);
  require_records(recipe, folders, pooled(splits));
  BeatSplits data{splits,
                  load_split(recipe, folders, splits, 0),
                  load_split(recipe, folders, splits, 1),
                  load_split(recipe, folders, splits, 2),
                  is_synthetic(recipe, folders, splits),
                  fingerprint_of(recipe, splits, folders),
                  {},
                  {}};
  for (const BeatDataset* side : {&data.train, &data.validation, &data.test}) {
    for (const BeatRecord& record : side->records()) {
      data.warnings.insert(data.warnings.end(), record.warnings.begin(), record.warnings.end());
    }
  }
  shorten_warnings(data.warnings);
  look_for_leaks(recipe, data);
  check_published(recipe, folders, data);
  require_every_class(recipe, data.train, "train on", splits.train);
  if (!splits.validation.empty()) {
    require_every_class(recipe, data.validation, "validate with", splits.validation);
  }
  warn_of_one_class(recipe, data);
  if (data.synthetic) {
    data.warnings.push_back("the signals are synthetic: these scores say nothing about patients");
  }
  return data;
}

std::array<std::int64_t, 5> count_classes(const BeatDataset& dataset) {
  std::array<std::int64_t, 5> counts{};
  for (const ExampleId id : dataset.beats(true)) {
    ++counts[static_cast<std::size_t>(dataset.beat(id).aami)];
  }
  return counts;
}

}  // namespace sec::train
