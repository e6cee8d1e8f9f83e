// What is fuzzed: every parser of files that come from elsewhere.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sec::fuzz {

struct Target {
  const char* name;
  // Reads the bytes. An Error is as good as success; what a sanitizer reports, any other exception, and a
  // call of expect() that fails are findings.
  void (*read)(std::string_view bytes);
  // Sound inputs, made by our writers, to start from.
  std::vector<std::string> (*seeds)();
};

std::span<const Target> targets();

// Ends the program, as a finding, unless `holds`.
void expect(bool holds, const char* what);

// Several files in one input: each begins with a line "%% NAME". Files are written to a folder in memory,
// where there is one, whose path is returned; it is emptied with each call. Names are plain; others are
// passed over.
using Files = std::vector<std::pair<std::string, std::string>>;
std::string join(const Files& files);
std::string write_files(std::string_view bytes);
std::string write_file(const std::string& name, std::string_view bytes);  // a single one, its path

// What a writer puts into a file of that name, for seeds.
std::string written(const std::string& name, void (*write)(const std::string& path));

// The targets, by what they read.
extern const Target wfdb_header, wfdb_record, wfdb_annotations, edf, csv, npy, tianchi, safetensors, recipe,
    split, labels, live;

}  // namespace sec::fuzz
