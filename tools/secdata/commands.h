// The subcommands of secdata, one file each, and their options.
//
// A command returns true if everything it examined is in order.
// It throws UsageError if options contradict each other, and Error if it fails.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "io/synthetic/database.h"

namespace sec::tools {

struct InfoOptions {
  std::string record;
  std::string annotator = "atr";
  bool as_json = false;
};
bool info(const InfoOptions& options);

struct DumpOptions {
  std::string record;
  std::string from = "0";
  std::string to;
  std::string annotator = "atr";
  std::vector<std::string> leads;
  std::string out;
  bool digital = false;
  bool annotations = false;
  bool as_json = false;
};
bool dump(const DumpOptions& options);

struct VerifyOptions {
  std::string path;
  std::string labels;  // a label table; empty: none
  bool as_json = false;
};
bool verify(const VerifyOptions& options);
// The same with a label table: checks the recordings that the table names, and the table.
bool verify_labels(const VerifyOptions& options);

struct ConvertOptions {
  std::string from;
  std::string to;
  std::string format;
  std::string annotator = "atr";
  std::vector<std::string> leads;
  bool digital = false;
  bool overwrite = false;
  bool as_json = false;
  bool quiet = false;
};
bool convert(const ConvertOptions& options);

struct FetchOptions {
  std::string database;
  std::string folder;
  std::string url;
  bool as_json = false;
  bool quiet = false;
};
bool fetch(const FetchOptions& options);
std::vector<std::string> fetchable_databases();

struct SynthOptions {
  std::string folder;
  io::SyntheticOptions synthetic;
  double rate = 360;             // Hz, with --count
  std::vector<std::string> mix;  // "N=8", "S=1"
  bool as_json = false;
  bool quiet = false;
};
bool synth(const SynthOptions& options);

struct ScoreOptions {
  std::filesystem::path reference;  // an annotation file, or a folder
  std::filesystem::path test;       // an annotation file or a folder; empty: `reference`
  std::string reference_annotator = "atr";
  std::string test_annotator = "sec";
  std::vector<std::string> records;
  double start = 300;            // s
  double window = 0.15;          // s
  std::string classes = "ec57";  // or "de-chazal": the class of escape beats, see io/scoring/aami.h
  bool as_json = false;
};
bool score(const ScoreOptions& options);

}  // namespace sec::tools
