#include "tools/secdata/recordings.h"

#include <algorithm>
#include <set>
#include <sstream>

#include "engine/error.h"
#include "engine/utf8.h"
#include "io/databases/open_recording.h"
#include "io/files/folder.h"
#include "io/files/read_file.h"
#include "io/wfdb/header.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

// A record's path without ".hea".
fs::path base_of(fs::path path) {
  return path.extension() == ".hea" ? path.replace_extension() : path;
}

bool is_edf(const fs::path& path) {
  return lower_extension(path) == ".edf";
}

// The segments of the record with this header; none if the header cannot be read, which is reported later.
void add_segments(const fs::path& header, std::set<fs::path>& segments) {
  try {
    for (const WfdbSegment& segment : read_wfdb_header(header).segments) {
      segments.insert(header.parent_path() / segment.name);
    }
  } catch (const Error&) {
    return;
  }
}

void check_list(const fs::path& list, std::vector<std::string>& problems) {
  constexpr std::uintmax_t largest_list = 64'000'000;  // bytes
  std::istringstream lines(read_file(list, largest_list));
  for (std::string line; std::getline(lines, line);) {
    line.erase(line.find_last_not_of(" \t\r") + 1);
    if (line.empty() || line.ends_with('/')) {  // a folder: search it for records
      continue;
    }
    const fs::path named = list.parent_path() / line;
    if (!fs::exists(named) && !fs::exists(named.string() + ".hea")) {
      problems.push_back(one_line(fmt::format("{}: names '{}', which is not there", list.string(), line)));
    }
  }
}

}  // namespace

FoundRecordings find_recordings(const fs::path& path) {
  FoundRecordings found;
  require(fs::exists(path) || fs::exists(path.string() + ".hea"), "{}: no such folder or recording",
          path.string());
  if (!fs::is_directory(path)) {
    found.recordings.push_back({base_of(path), base_of(path).filename().string()});
    return found;
  }
  std::set<fs::path> bases;
  std::set<fs::path> segments;
  for (const fs::path& file : files_below(path)) {
    if (file.extension() == ".hea") {
      bases.insert(base_of(file));
      add_segments(file, segments);
    } else if (is_edf(file)) {
      bases.insert(file);
    } else if (file.filename() == "RECORDS") {
      check_list(file, found.problems);
    }
  }
  for (const fs::path& base : bases) {
    if (!segments.contains(base)) {
      found.recordings.push_back({base, base.lexically_relative(path).string()});
    }
  }
  require(!found.recordings.empty() || !found.problems.empty(), "{}: no recordings in this folder",
          path.string());
  return found;
}

}  // namespace sec::tools
