// The fuzz targets: every parser of files from untrusted sources.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace sec::fuzz {

struct Target {
  const char* name;
  // Parses the bytes. Throwing Error is a success.
  // Findings are any other exception, a sanitizer's report and a failed call of expect().
  void (*read)(std::string_view bytes);
  // Valid inputs to start from, made by this project's writers.
  std::vector<std::string> (*seeds)();
};

std::span<const Target> targets();

// If `holds` is false, ends the program, which libFuzzer reports as a finding.
void expect(bool holds, const char* what);

// Splits an input into several files, each of which begins with a line "%% NAME". Skips names with folders.
// Writes the files to a folder, in memory if possible, and returns its path. Each call empties the folder.
using Files = std::vector<std::pair<std::string, std::string>>;
std::string join(const Files& files);
std::string write_files(std::string_view bytes);
std::string write_file(const std::string& name, std::string_view bytes);  // returns its path

// Returns what a writer writes to a file of that name, as a seed.
std::string written(const std::string& name, void (*write)(const std::string& path));

// The targets, grouped by what they read.
extern const Target wfdb_header, wfdb_record, wfdb_annotations, edf, csv, npy, tianchi, safetensors, recipe,
    split, labels, live;

}  // namespace sec::fuzz
