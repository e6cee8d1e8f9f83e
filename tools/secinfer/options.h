// The command line of secinfer.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace sec::tools {

struct Options {
  std::string model;
  std::vector<std::string> records;
  std::string annotations;
  std::vector<std::string> leads;
  std::vector<std::string> qrs_leads;
  std::string out;
  std::string annotator = "sec";
  std::string format = "wfdb";
  std::string report;  // a Holter report
  std::string rr;      // a table of RR intervals
  std::string nn;      // a table of NN intervals
  bool identify = false;
  bool overwrite = false;
  bool verify = true;  // compare samples with the checksums in their headers first
  bool live = false;
  double rate = 0;
  std::string input = "csv";
  double gain = 200;
  double wait = 2;
  std::string device = "auto";
  std::string precision = "auto";
  std::string tiles;
  int threads = 0;
  bool eager = false;
  bool json = false;
  bool summary = false;
  bool quiet = false;
};

// Fills `options` in. Returns the exit status if there is nothing to run: 0 after --help or --version, 2 after
// wrong usage.
std::optional<int> parse_command_line(int argc, char** argv, Options& options);

}  // namespace sec::tools
