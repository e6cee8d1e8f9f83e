// secdata score: compares beat annotations with reference annotations by the rules of ANSI/AAMI EC57.
#include <filesystem>

#include "engine/error.h"
#include "engine/parallel.h"
#include "io/databases/mitdb.h"
#include "io/scoring/ec57.h"
#include "io/wfdb/annotation.h"
#include "io/wfdb/header.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/output.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;
struct Pair {
  std::string name;
  fs::path header;
  fs::path reference;
  fs::path test;
};

std::vector<Pair> pairs_of(const ScoreOptions& options) {
  if (!fs::is_directory(options.reference)) {
    require(!options.test.empty(), "{}: no such folder; for annotation files, expected REFERENCE and TEST",
            options.reference.string());
    require(options.records.empty(), "--records {}: {} is no folder", fmt::join(options.records, ","),
            options.reference.string());
    fs::path header = options.reference;
    header.replace_extension(".hea");
    return {{options.reference.stem().string(), header, options.reference, options.test}};
  }
  const fs::path& tests = options.test.empty() ? options.reference : options.test;
  require(fs::is_directory(tests), "{}: expected a folder, as {} is one", tests.string(),
          options.reference.string());
  const std::vector<std::string> names =
      options.records.empty() ? read_record_names(options.reference) : options.records;
  std::vector<Pair> pairs;
  for (const std::string& name : names) {
    pairs.push_back({name, options.reference / (name + ".hea"),
                     options.reference / (name + "." + options.reference_annotator),
                     tests / (name + "." + options.test_annotator)});
  }
  return pairs;
}

Ec57Record compare(const Pair& pair, const ScoreOptions& options) {
  const WfdbHeader header = read_wfdb_header(pair.header);
  Ec57Options comparison;
  comparison.rate = header.rate;
  comparison.start = options.start;
  comparison.window = options.window;
  comparison.mapping =
      options.classes == io::beat_mapping_names.front() ? BeatMapping::ec57 : BeatMapping::de_chazal;
  if (header.samples > 0) {
    comparison.end = header.samples;
  }
  return {pair.name, compare_beats(read_annotations(pair.reference, header.rate),
                                   read_annotations(pair.test, header.rate), comparison)};
}

Json json_of(const std::optional<double>& value) {
  return value ? Json(*value) : Json();
}

Json json_of(const Ec57Scores& s) {
  return {{"QRS", {{"Se", json_of(s.q_se)}, {"+P", json_of(s.q_p)}}},
          {"V", {{"Se", json_of(s.v_se)}, {"+P", json_of(s.v_p)}}},
          {"S", {{"Se", json_of(s.s_se)}, {"+P", json_of(s.s_p)}}},
          {"rr_error_ms", json_of(s.rr_error)}};
}

Json json_of(const Ec57Counts& counts) {
  return {{"matrix", counts.cells}, {"shutdown_s", counts.shutdown}};
}

std::string json_text(const std::vector<Ec57Record>& records, const ScoreOptions& options) {
  Json list = Json::array();
  Ec57Counts sum;
  for (const Ec57Record& record : records) {
    Json one = {{"record", record.name}};
    one.update(json_of(record.counts));
    one.update(json_of(ec57_scores(record.counts)));
    list.push_back(one);
    sum += record.counts;
  }
  const Json json = {{"start_s", options.start},
                     {"window_s", options.window},
                     {"classes", options.classes},
                     {"rows_reference_columns_test", Json::array({"N", "S", "V", "F", "Q", "O", "X"})},
                     {"records", list},
                     {"sum", json_of(sum)},
                     {"gross", json_of(ec57_gross(records))},
                     {"average", json_of(ec57_average(records))}};
  return json.dump() + "\n";
}

std::string score_text(const ScoreOptions& options) {
  const std::vector<Pair> pairs = pairs_of(options);
  std::vector<Ec57Record> records(pairs.size());
  parallel_for(std::ssize(pairs), [&](std::int64_t i) {
    const auto index = static_cast<std::size_t>(i);
    records[index] = compare(pairs[index], options);
  });
  return options.as_json
             ? json_text(records, options)
             : ec57_table(records) + fmt::format("Classes: {} (escape beats e, j, n are {})\n",
                                                 options.classes, options.classes == "ec57" ? "S" : "N");
}

}  // namespace

bool score(const ScoreOptions& options) {
  print(score_text(options));
  return true;
}

}  // namespace sec::tools
