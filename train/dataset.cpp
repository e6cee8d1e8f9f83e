#include "train/dataset.h"

#include <algorithm>
#include <map>
#include <set>

#include "engine/error.h"
#include "io/mitdb.h"
#include "io/read_file.h"
#include "train/metrics.h"

namespace sec::train {
namespace {

using Names = std::vector<std::string>;

bool contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Names split_names(io::Split split) {
  Names names;
  for (const io::MitdbRecord& record : io::mitdb_records()) {
    if (record.split == split) {
      names.emplace_back(record.name);
    }
  }
  return names;
}

// "*" stays: what it stands for depends on the other sides.
Names expand(const Names& wanted, const char* key) {
  Names names;
  for (const std::string& name : wanted) {
    const Names some = name == "DS1"   ? split_names(io::Split::ds1)
                       : name == "DS2" ? split_names(io::Split::ds2)
                                       : Names{name};
    for (const std::string& one : some) {
      require(!contains(names, one), "{}: record {} is listed twice", key, one);
      names.push_back(one);
    }
  }
  return names;
}

void expand_rest(Names& names, const Names& one_side, const Names& other_side,
                 const std::filesystem::path& folder) {
  const auto star = std::find(names.begin(), names.end(), "*");
  if (star == names.end()) {
    return;
  }
  names.erase(star);
  const Names paced = split_names(io::Split::paced);
  for (const std::string& name : io::read_record_names(folder)) {
    if (!contains(names, name) && !contains(one_side, name) && !contains(other_side, name) &&
        !contains(paced, name)) {
      names.push_back(name);
    }
  }
}

// FNV-1a, 64 bits: tells data sets apart, no protection against forgery.
std::uint64_t hash(std::uint64_t state, std::string_view bytes) {
  for (const char c : bytes) {
    state = (state ^ static_cast<unsigned char>(c)) * 0x100000001B3ULL;
  }
  return state;
}

std::string fingerprint_of(const Sides& sides, const std::filesystem::path& folder) {
  std::uint64_t state = 0xCBF29CE484222325ULL;
  for (const Names* side : {&sides.train, &sides.validation, &sides.test}) {
    state = hash(state, "|");
    for (const std::string& name : *side) {
      for (const char* suffix : {".hea", ".atr", ".dat"}) {
        const std::filesystem::path file = folder / (name + suffix);
        state = hash(state, name + suffix);
        if (std::filesystem::exists(file)) {  // the header may name another signal file
          state = hash(state, io::read_file(file));
        }
      }
    }
  }
  return fmt::format("fnv1a64:{:016x}", state);
}

bool same_set(const Names& a, const Names& b) {
  return std::set(a.begin(), a.end()) == std::set(b.begin(), b.end());
}

io::ClassCounts counts_of(const Inputs& inputs) {
  io::ClassCounts counts{};
  const auto by_class = count_classes(inputs);
  std::copy(by_class.begin(), by_class.end(), counts.begin());
  return counts;
}

void require_every_class(const Recipe& recipe, const Inputs& inputs, const char* side, const Names& records) {
  std::vector<std::int64_t> counts(recipe.classes.size());
  for (const BeatId id : inputs.beats()) {
    ++counts[static_cast<std::size_t>(inputs.beat(id).label)];
  }
  for (std::size_t c = 0; c < counts.size(); ++c) {
    require(counts[c] > 0, "no beat of class {} to {}: none in record(s) {}", recipe.classes[c], side,
            fmt::join(records, ", "));
  }
}

}  // namespace

Sides resolve_sides(const Recipe& recipe, const std::filesystem::path& folder) {
  require(std::filesystem::is_directory(folder),
          "{}: no such folder; expected one with WFDB records (.hea, "
          ".dat, .atr)",
          folder.string());
  Sides sides{expand(recipe.data.train, "data.train"), expand(recipe.data.validation, "data.validation"),
              expand(recipe.data.test, "data.test")};
  expand_rest(sides.test, sides.train, sides.validation, folder);
  expand_rest(sides.validation, sides.train, sides.test, folder);
  expand_rest(sides.train, sides.validation, sides.test, folder);
  for (const std::string& name : sides.validation) {
    require(!contains(sides.test, name), "record {} is in data.validation and in data.test", name);
  }
  std::erase_if(sides.train, [&](const std::string& name) {
    return contains(sides.validation, name) || contains(sides.test, name);
  });
  require(!sides.train.empty(), "data.train: no record is left that is not in data.validation or data.test");
  return sides;
}

std::string subject_of(const std::string& record) {
  for (const io::MitdbRecord& known : io::mitdb_records()) {
    if (known.name == record) {
      return std::string(known.subject);
    }
  }
  return record;
}

std::vector<std::string> shared_subjects(const Sides& sides) {
  std::map<std::string, std::map<std::string, Names>> by_subject;  // subject -> side -> records
  const std::pair<const char*, const Names*> all[] = {
      {"train", &sides.train}, {"validation", &sides.validation}, {"test", &sides.test}};
  for (const auto& [side, names] : all) {
    for (const std::string& name : *names) {
      by_subject[subject_of(name)][side].push_back(name);
    }
  }
  std::vector<std::string> lines;
  for (const auto& [subject, on_sides] : by_subject) {
    if (on_sides.size() < 2) {
      continue;
    }
    Names parts;
    for (const auto& [side, names] : on_sides) {
      parts.push_back(fmt::format("{} ({})", fmt::join(names, ", "), side));
    }
    lines.push_back(fmt::format("records {} are one person", fmt::join(parts, " and ")));
  }
  return lines;
}

std::vector<std::string> test_records_seen(const Sides& sides) {
  std::set<std::string> seen;
  for (const Names* names : {&sides.train, &sides.validation}) {
    for (const std::string& name : *names) {
      seen.insert(subject_of(name));
    }
  }
  Names result;
  std::copy_if(sides.test.begin(), sides.test.end(), std::back_inserter(result),
               [&](const std::string& name) { return seen.contains(subject_of(name)); });
  return result;
}

Dataset load_dataset(const Recipe& recipe, const std::filesystem::path& folder) {
  const Sides sides = resolve_sides(recipe, folder);
  Dataset data{sides,
               Inputs(recipe, load_records(folder, sides.train, recipe)),
               Inputs(recipe, load_records(folder, sides.validation, recipe)),
               Inputs(recipe, load_records(folder, sides.test, recipe)),
               io::is_synthetic(folder),
               fingerprint_of(sides, folder),
               {}};
  io::ClassCounts ds1 = counts_of(data.train);
  const io::ClassCounts validation = counts_of(data.validation);
  for (std::size_t c = 0; c < ds1.size(); ++c) {
    ds1[c] += validation[c];
  }
  Names development = sides.train;
  development.insert(development.end(), sides.validation.begin(), sides.validation.end());
  if (same_set(development, split_names(io::Split::ds1))) {
    io::check_counts(folder, io::Split::ds1, ds1);
  }
  if (same_set(sides.test, split_names(io::Split::ds2))) {
    io::check_counts(folder, io::Split::ds2, counts_of(data.test));
  }
  require_every_class(recipe, data.train, "train on", sides.train);
  if (!sides.validation.empty()) {
    require_every_class(recipe, data.validation, "validate with", sides.validation);
  }
  if (data.synthetic) {
    data.warnings.push_back("the signals are synthetic: these figures say nothing about patients");
  }
  for (const std::string& line : shared_subjects(sides)) {
    data.warnings.push_back(line + ": the test is reported with and without");
  }
  return data;
}

std::array<std::int64_t, 5> count_classes(const Inputs& inputs) {
  std::array<std::int64_t, 5> counts{};
  for (const BeatId id : inputs.beats(true)) {
    ++counts[static_cast<std::size_t>(inputs.beat(id).aami)];
  }
  return counts;
}

}  // namespace sec::train
