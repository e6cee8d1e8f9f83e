// Trainings on several databases: which records, leads, gains, classes and patients, and what is refused.
#include "train/data/databases.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "io/wfdb/annotation.h"
#include "tests/train/data/two_databases.h"
#include "train/data/beat_splits.h"

namespace sec::train {
namespace {

namespace fs = std::filesystem;
using io::error_of;
using io::expect_error;
using Names = std::vector<std::string>;

const TwoDatabases& databases() {
  static const TwoDatabases made;
  return made;
}

TEST(Databases, SectionsAreReadWrittenAndOverridden) {
  const Recipe recipe =
      both_recipe({"data.databases.other.share=0.25", "data.databases.other.classes=['J=N']",
                   "data.databases.other.patients=['s00001=P']", "data.databases.more.folder='x'"});
  ASSERT_EQ(recipe.data.databases.size(), 2U);
  const Recipe::Database& other = recipe.data.databases.at("other");
  EXPECT_EQ(other.leads, (Names{"ECG1", "ECG2"}));
  EXPECT_EQ(other.share, 0.25);
  EXPECT_EQ(other.gain, 200);
  EXPECT_EQ(recipe.data.databases.at("more").folder, "x");
  EXPECT_TRUE(std::isnan(recipe.data.databases.at("more").gain));
  const std::string text = to_toml(recipe);
  EXPECT_EQ(to_toml(parse_recipe(text, "again.toml")), text);
  EXPECT_EQ(text.find("unset"), std::string::npos);
  // A section without keys is a database as well.
  const Recipe bare = parse_recipe(tiny_recipe_text + "[data.databases.bare]\n", "a.toml");
  EXPECT_TRUE(parse_recipe(to_toml(bare), "b.toml").data.databases.contains("bare"));
}

TEST(Databases, BadSectionsAreRefusedInOneLine) {
  const auto error = [](const std::string& section, const Names& overrides = {}) {
    return error_of([&] { parse_recipe(tiny_recipe_text + section, "a.toml", overrides); });
  };
  const std::string head = "[data.databases.other]\n";
  const std::pair<std::string, std::string> cases[] = {
      {head + "share = 0.0\n", "data.databases.other.share: expected a number from 1e-06 to 1, got 0"},
      {head + "share = -0.5\n", "data.databases.other.share"},
      {head + "share = nan\n", "data.databases.other.share"},
      {head + "gain = 0.0\n", "data.databases.other.gain"},
      {head + "classes = ['J=X']\n", "\"J=X\": expected an AAMI class (N, S, V, F or Q), got X"},
      {head + "classes = ['Zz=N']\n", "Zz is no symbol"},
      {head + "classes = ['J']\n", "expected SYMBOL=CLASS"},
      {head + "classes = ['J=N', 'J=S']\n", "J is listed twice"},
      {head + "patients = ['=P']\n", "expected RECORD=PATIENT"},
      {head + "leads = ['ECG1']\n", "1 lead(s) for the 2 of data.leads (MLII, other)"},
      {head + "lead = ['ECG1']\n", "unknown recipe key data.databases.other.lead"},
      {head + head, "a.toml:"},  // two databases of one name
      {"[[data.databases]]\nfolder = 'x'\n", "expected a section [data.databases.NAME]"},
      {"[data.databases.'a b']\n", "the name \"a b\", expected letters"},
      {head + "share = 0.6\n[data.databases.more]\nshare = 0.6\n", "the shares add up to 1.2"},
  };
  for (const auto& [section, says] : cases) {
    const std::string text = error(section);
    EXPECT_NE(text.find(says), std::string::npos) << section << "got: " << text;
    EXPECT_TRUE(text.starts_with("a.toml")) << text;
  }
  EXPECT_NE(error(head + "share = 0.5\n", {"sampler.kind=shuffle"}).find("sampler.kind = \"weighted\""),
            std::string::npos);
  expect_error(
      [] {
        parse_recipe(
            "[data]\ntask = 'recordings'\nprotocol = 'strat_folds'\nleads = ['I']\n[loss]\nkind = 'bce'\n"
            "[data.databases.x]\n",
            "r.toml");
      },
      "data.databases has no meaning with data.task = \"recordings\"");
}

// What is read of a record through a section is what is read of its folder alone with those leads.
TEST(Databases, RecordsOfBothAreReadWithTheirLeadsAndRates) {
  const Recipe recipe = both_recipe({"data.test=['100','other:s00003']"});
  const BeatSplits data = load_beat_splits(recipe, databases().main());
  EXPECT_EQ(data.splits.train,
            (Names{"101", "106", "119", "208", "201", "other:s00001", "other:s00002", "other:s00004"}));
  EXPECT_EQ(data.splits.test, (Names{"100", "other:s00003"}));
  Recipe alone = tiny_recipe({"data.leads=['ECG1','ECG2']"});
  for (const BeatRecord& record : data.train.records()) {
    const bool other = record.name.starts_with("other:");
    EXPECT_EQ(record.source_rate, other ? 128 : 360);
    EXPECT_EQ(record.database, other ? "other" : "main");
    if (!other) {
      continue;
    }
    EXPECT_EQ(record.lead_names, (Names{"ECG1", "ECG2"}));
    const std::string name = record.name.substr(6);
    const BeatRecord expected = load_record(databases().other(), name, alone);
    EXPECT_EQ(record.signals, expected.signals);
    EXPECT_EQ(record.templates, expected.templates);
    io::ClassCounts counts{};
    for (const Beat& beat : record.beats) {
      ++counts[static_cast<std::size_t>(beat.aami)];
    }
    EXPECT_EQ(counts, io::count_beats(io::read_annotations(databases().other() / (name + ".atr"))));
  }
  EXPECT_TRUE(data.synthetic);
  const BeatSplits one = load_beat_splits(tiny_recipe({"data.test=['100']"}), databases().main());
  EXPECT_NE(one.fingerprint, data.fingerprint);
}

TEST(Databases, AFolderOfTheCommandLineReplacesThatBesideData) {
  const io::TemporaryFolder elsewhere;
  fs::copy(databases().main(), elsewhere / "here");
  const DataFolders folders((elsewhere / "here"), {{"other", databases().other()}});
  EXPECT_EQ(load_beat_splits(both_recipe(), folders).splits.train.size(), 9U);
  expect_error([&] { load_beat_splits(both_recipe(), elsewhere / "here"); },
               "data.databases.other: " + (elsewhere / "other").string() +
                   ": no such folder; expected one with recordings and annotations of their beats; --data "
                   "other=DIR names another");
  expect_error(
      [&] {
        load_beat_splits(both_recipe(), DataFolders(databases().main(), {{"odd", "x"}}));
      },
      "--data odd=x: the recipe has no section data.databases.odd; it has other");
  expect_error(
      [&] { load_beat_splits(both_recipe({"data.databases.other.folder=main"}), databases().main()); },
      "--data and data.databases.other are the same folder");
}

TEST(Databases, UnknownDatabasesRecordsAndLeadsAreNamed) {
  const auto error = [](const Names& overrides) {
    return error_of([&] { load_beat_splits(both_recipe(overrides), databases().main()); });
  };
  EXPECT_NE(error({"data.test=['nowhere:1']"}).find("the recipe has no section [data.databases.nowhere]"),
            std::string::npos);
  EXPECT_NE(error({"data.test=['other:s99']"}).find("other: lacks 1 of the"), std::string::npos);
  const std::string lead = error({"data.databases.other.leads=['ECG1','ECG9']"});
  EXPECT_NE(lead.find("ECG9"), std::string::npos) << lead;
  EXPECT_NE(lead.find("s0000"), std::string::npos) << lead;
}

TEST(Databases, TheGainStandsInForHeadersWithoutOne) {
  const DataFolders folders(databases().main());
  const BeatRecord usual = load_record(folders, "other:s00001", both_recipe());
  const BeatRecord half =
      load_record(folders, "other:s00001", both_recipe({"data.databases.other.gain=100"}));
  ASSERT_EQ(usual.signals[0].size(), half.signals[0].size());
  for (std::size_t i = 0; i < usual.signals[0].size(); ++i) {
    ASSERT_EQ(half.signals[0][i], 2 * usual.signals[0][i]);  // doubling is exact in every step of the filter
  }
  const Recipe without = parse_recipe(tiny_recipe_text + "[data.databases.other]\nleads = ['ECG1', 'ECG2']\n",
                                      "a.toml", {"data.train=['101','106','other:*']"});
  expect_error([&] { load_record(folders, "other:s00001", without); },
               "s00001.hea: the gain of lead ECG1 is 0, that is not known; give data.databases.other.gain");
  // A header that states a gain keeps it.
  const io::TemporaryFolder copy;
  fs::copy(databases().other(), copy / "other");
  replace_in(copy / "other" / "s00001.hea", " 212 0 ", " 212 200 ");
  const DataFolders stated(databases().main(), {{"other", copy / "other"}});
  EXPECT_EQ(load_record(stated, "other:s00001", both_recipe({"data.databases.other.gain=100"})).signals,
            usual.signals);
  EXPECT_EQ(load_record(stated, "other:s00001", without).signals, usual.signals);
}

TEST(Databases, ClassesAreMapped) {
  const auto counts = [](const Recipe& recipe) {
    io::ClassCounts all{};
    for (const Beat& beat : load_record(databases().main(), "other:s00002", recipe).beats) {
      ++all[static_cast<std::size_t>(beat.aami)];
    }
    return all;
  };
  const io::ClassCounts usual = counts(both_recipe());
  ASSERT_GT(usual[2], 0);  // V
  const Recipe mapped = both_recipe({"data.databases.other.classes=['V=F']"});
  io::ClassCounts expected = usual;
  expected[3] += usual[2];
  expected[2] = 0;
  EXPECT_EQ(counts(mapped), expected);
  EXPECT_EQ(annotated_beats(place_of(databases().main(), mapped, "other:s00002")), expected);
}

TEST(Databases, PatientsAreComparedAcrossThem) {
  expect_error(
      [] {
        load_beat_splits(both_recipe({"data.databases.other.patients=['s00002=100']"}), databases().main());
      },
      "records 100 (test) and other:s00002 (train) are one person");
  EXPECT_TRUE(
      load_beat_splits(both_recipe({"data.databases.other.patients=['s00002=101']"}), databases().main())
          .leaks.empty());
  // The same recording under another name in another database, at the same rate and with the same leads.
  const io::TemporaryFolder copy;
  fs::create_directories(copy / "other");
  for (const char* extension : {".hea", ".dat", ".atr"}) {
    fs::copy(databases().main() / (std::string("100") + extension),
             copy / "other" / (std::string("x") + extension));
  }
  replace_in(copy / "other" / "x.hea", "100 ", "x ");
  replace_in(copy / "other" / "x.hea", "100.dat", "100.dat");
  fs::copy(databases().main() / "100.dat", copy / "other" / "100.dat");
  expect_error(
      [&] {
        load_beat_splits(both_recipe({"data.train=['101','106','119','208','201','other:x']",
                                      "data.databases.other.leads=['MLII','other']"}),
                         DataFolders(databases().main(), {{"other", copy / "other"}}));
      },
      "signals of record ");
}

// Records of one name in two databases are different recordings, also for the two records of one person.
TEST(Databases, EqualNamesAreDifferentRecords) {
  const io::TemporaryFolder twin;
  io::SyntheticOptions options;
  options.minutes = 1;
  options.seed = 9;
  options.records = {"101", "201", "202"};
  io::write_synthetic_database(twin / "twin", options);
  const Recipe recipe =
      parse_recipe(tiny_recipe_text + "[data.databases.twin]\n", "a.toml",
                   {"data.train=['106','119','208','201']", "data.test=['101','twin:101']"});
  const DataFolders folders(databases().main(), {{"twin", twin / "twin"}});
  const BeatSplits data = load_beat_splits(recipe, folders);
  EXPECT_EQ(data.splits.patient_of("twin:202"), "twin:201");
  EXPECT_TRUE(data.leaks.empty());
  EXPECT_TRUE(test_records_seen(data.splits).empty());
  const BeatSplits person = load_beat_splits(
      parse_recipe(tiny_recipe_text + "[data.databases.twin]\n", "a.toml",
                   {"data.train=['106','119','208','101','twin:201']", "data.test=['201','twin:202']"}),
      folders);
  EXPECT_EQ(test_records_seen(person.splits), Names{"twin:202"});
}

TEST(Databases, FoldsDivideTheRecordsOfAll) {
  const Recipe recipe = both_recipe({"data.protocol=folds", "data.folds=3", "classes=['N','V']"});
  const Splits splits = resolve_splits(recipe, databases().main());
  std::set<std::string> all;
  for (std::size_t i = 0; i < split_names.size(); ++i) {
    all.insert(splits.records(i).begin(), splits.records(i).end());
  }
  EXPECT_EQ(all.size(), 12U);
  EXPECT_TRUE(all.contains("other:s00001"));
}

TEST(Databases, SharesMakePoolsOfTheTrainingRecords) {
  const BeatSplits data =
      load_beat_splits(both_recipe({"data.databases.other.share=0.75"}), databases().main());
  for (const BeatRecord& record : data.train.records()) {
    EXPECT_EQ(record.pool.share, record.name.starts_with("other:") ? 0.75 : 0.25);
    EXPECT_EQ(record.pool.index != 0, record.name.starts_with("other:"));
  }
  expect_error([] { load_beat_splits(both_recipe({"data.databases.other.share=1.0"}), databases().main()); },
               "data.databases: the shares leave nothing for the records of main");
  const BeatSplits alone = load_beat_splits(
      both_recipe({"data.databases.other.share=1.0", "data.train=['other:*']"}), databases().main());
  EXPECT_EQ(alone.train.records().front().pool.share, 1);
}

}  // namespace
}  // namespace sec::train
