#include "train/data/splits.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <sstream>

#include "engine/error.h"
#include "io/databases/mitdb.h"
#include "io/files/json.h"
#include "io/files/read_file.h"

namespace sec::train {
namespace {

using Names = std::vector<std::string>;

constexpr std::uintmax_t largest_file = 1'000'000;  // bytes

void add_record(Splits& splits, const std::string& record, const std::string& split,
                const std::string& place) {
  const auto* const found =
      std::ranges::find(split_names, split, [](const char* s) { return std::string(s); });
  require(found != split_names.end(), "{}: split '{}' of record {}: expected train, validation or test",
          place, split, record);
  Names& names = splits.records(static_cast<std::size_t>(found - split_names.begin()));
  require(std::ranges::find(names, record) == names.end(), "{}: record {} is listed twice for {}", place,
          record, split);
  names.push_back(record);
}

void add_patient(Splits& splits, const std::string& record, const std::string& patient,
                 const std::string& place) {
  const auto [entry, fresh] = splits.patients.try_emplace(record, patient);
  require(fresh || entry->second == patient, "{}: record {} belongs to patient {}, but was listed for {}",
          place, record, patient, entry->second);
}

double seconds_of(const std::string& text, const std::string& place) {
  std::size_t used = 0;
  double value = -1;
  try {
    value = std::stod(text, &used);
  } catch (const std::exception&) {
    used = std::string::npos;
  }
  require(used == text.size() && value >= 0, "{}: '{}', expected a time in seconds", place, text);
  return value;
}

Names fields_of(std::string line) {
  line = line.substr(0, line.find('#'));
  std::ranges::replace_if(
      line, [](char c) { return c == ',' || c == '\t' || c == '\r'; }, ' ');
  std::istringstream stream(line);
  Names fields;
  for (std::string field; stream >> field;) {
    fields.push_back(field);
  }
  return fields;
}

Splits read_text(const std::string& text, const std::string& file) {
  Splits splits;
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    const std::string place = fmt::format("{}:{}", file, ++number);
    const Names fields = fields_of(line);
    if (fields.empty() || fields.front() == "record") {
      continue;
    }
    require(fields.size() >= 2 && fields.size() <= 5 && fields.size() != 4,
            "{}: '{}': expected a record, its split, and optionally patient, first and last second", place,
            line);
    add_record(splits, fields[0], fields[1], place);
    if (fields.size() > 2 && fields[2] != "-") {
      add_patient(splits, fields[0], fields[2], place);
    }
    if (fields.size() == 5) {
      const TimeRange range{seconds_of(fields[3], place), seconds_of(fields[4], place)};
      require(range.from < range.to, "{}: the part from {} s to {} s is empty", place, range.from, range.to);
      for (std::size_t i = 0; i < split_names.size(); ++i) {
        if (fields[1] == split_names[i]) {
          splits.parts[i][fields[0]] = range;
        }
      }
    }
  }
  return splits;
}

Splits read_json(const std::string& text, const std::string& file) {
  const io::Json json = io::Json::parse_or_null(text);
  require(json.is_object(), "{}: expected a JSON object with train, validation and test", file);
  Splits splits;
  for (const auto& [key, value] : json.items()) {
    if (key == "patients") {
      require(value.is_object(), "{}: patients: expected an object of record: patient", file);
      for (const auto& [record, patient] : value.items()) {
        require(patient.is_string(), "{}: patients: {}: expected a string", file, record);
        add_patient(splits, record, patient.get<std::string>(), file);
      }
      continue;
    }
    require(value.is_array(), "{}: {}: expected a list of records", file, key);
    for (const io::Json& record : value) {
      require(record.is_string(), "{}: {}: expected record names as strings", file, key);
      add_record(splits, record.get<std::string>(), key, file);
    }
  }
  return splits;
}

}  // namespace

std::string Splits::patient_of(const std::string& record) const {
  if (const auto known = patients.find(record); known != patients.end()) {
    return known->second;
  }
  const std::size_t name = record.find(':') + 1;  // after the name of a database, or the whole
  for (const io::MitdbRecord& known : io::mitdb_records()) {
    if (known.name == std::string_view(record).substr(name)) {
      return record.substr(0, name) + std::string(known.subject);
    }
  }
  return record;
}

void shorten_warnings(std::vector<std::string>& warnings) {
  constexpr std::size_t shown = 5;
  if (warnings.size() > shown) {
    const std::size_t more = warnings.size() - shown;
    warnings.resize(shown);
    warnings.push_back(fmt::format("and {} more warnings about recordings", more));
  }
}

Splits read_split_file(const std::filesystem::path& path) {
  const std::string text = io::read_file(path, largest_file);
  Splits splits =
      path.extension() == ".json" ? read_json(text, path.string()) : read_text(text, path.string());
  require(!splits.train.empty(), "{}: no record is listed for train", path.string());
  return splits;
}

std::vector<Names> folds_by_patient(std::vector<PatientBeats> patients, std::int64_t folds,
                                    std::int64_t seed) {
  const auto count = static_cast<std::size_t>(folds);
  require(patients.size() >= count, "data.folds: {} folds of {} patients", folds, patients.size());
  std::ranges::sort(patients, {}, &PatientBeats::patient);
  std::mt19937_64 random(static_cast<std::uint64_t>(seed));
  for (std::size_t i = patients.size(); i > 1; --i) {
    std::swap(patients[i - 1], patients[random() % i]);
  }
  std::array<double, io::beat_classes> total{};
  for (const PatientBeats& patient : patients) {
    for (std::size_t c = 0; c < total.size(); ++c) {
      total[c] += static_cast<double>(patient.beats[c]);
    }
  }
  using Shares =
      std::array<double, io::beat_classes + 1>;  // shares of the beats of each class, and of patients
  const auto shares_of = [&](const PatientBeats& patient) {
    Shares shares{};
    for (std::size_t c = 0; c < total.size(); ++c) {
      shares[c] = total[c] > 0 ? static_cast<double>(patient.beats[c]) / total[c] : 0;
    }
    shares.back() = 1 / static_cast<double>(patients.size());
    return shares;
  };
  std::ranges::stable_sort(patients, std::greater<>(),
                           [&](const PatientBeats& patient) { return std::ranges::max(shares_of(patient)); });
  std::vector<Names> result(count);
  std::vector<Shares> filled(count);
  for (const PatientBeats& patient : patients) {
    const Shares shares = shares_of(patient);
    // The sum of squared shares grows by 2 * filled * shares, and a term that is equal for all folds.
    const auto growth = [&](std::size_t fold) {
      return std::inner_product(shares.begin(), shares.end(), filled[fold].begin(), 0.0);
    };
    std::size_t best = 0;
    for (std::size_t fold = 1; fold < count; ++fold) {
      best = growth(fold) < growth(best) ? fold : best;
    }
    result[best].insert(result[best].end(), patient.records.begin(), patient.records.end());
    for (std::size_t c = 0; c < shares.size(); ++c) {
      filled[best][c] += shares[c];
    }
  }
  for (Names& names : result) {
    std::ranges::sort(names);
  }
  return result;
}

}  // namespace sec::train
