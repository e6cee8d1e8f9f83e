// secdata fetch: downloads databases and checks every file against its SHA-256 sum.
#include <algorithm>
#include <filesystem>
#include <map>
#include <sstream>

#include "io/databases/mitdb.h"
#include "io/files/read_file.h"
#include "io/files/standard_streams.h"
#include "tools/secdata/commands.h"
#include "tools/secdata/download.h"
#include "tools/secdata/output.h"
#include "tools/secdata/sha256.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using namespace sec::io;

constexpr std::int64_t largest_file = 64 << 20;  // bytes; the largest of MIT-BIH has 2 MB
constexpr const char* sums_name = "SHA256SUMS.txt";

struct Source {
  std::string_view url;
  std::string_view folder;
};

const std::map<std::string, Source> sources = {
    {"mitdb", {"https://physionet.org/files/mitdb/1.0.0/", "data/mitdb"}},
    {"svdb", {"https://physionet.org/files/svdb/1.0.0/", "data/svdb"}},
};

// Reads a file of lines "SUM  NAME". Returns sums by name.
std::map<std::string, std::string> read_sums(const fs::path& path) {
  std::map<std::string, std::string> sums;
  std::istringstream lines(read_file(path, largest_file));
  for (std::string sum, name; lines >> sum >> name;) {
    sums[name] = sum;
  }
  return sums;
}

class Fetch {
 public:
  Fetch(std::string url, fs::path folder) : url_(std::move(url)), folder_(std::move(folder)) {
    if (!url_.ends_with('/')) {
      url_ += '/';
    }
  }

  // Downloads the list of sums. The list itself is not checked.
  void sums() {
    const fs::path path = folder_ / sums_name;
    if (!fs::exists(path)) {
      fs::remove(part_of(sums_name));  // nothing could verify a partial list, and the list is small
      download(sums_name);
      fs::rename(part_of(sums_name), path);
    }
    sums_ = read_sums(path);
  }

  // Makes sure that a correct file of that name exists. Returns whether anything was downloaded.
  bool file(const std::string& name) {
    const std::string sum = sum_of(name);
    if (is_sound(folder_ / name, sum)) {
      return false;
    }
    const fs::path part = part_of(name);
    const bool complete = is_sound(part, sum);  // the program was stopped before the renaming
    if (!complete) {
      const bool resumed = fs::exists(part) && fs::file_size(part) > 0;
      const bool went_on = download(name);
      if (!went_on || (resumed && !is_sound(part, sum))) {
        fs::remove(part);  // the part belongs to another file
        download(name);
      }
      const std::string found = sha256_of(part);
      if (found != sum) {
        fs::remove(part);
        fs::remove(folder_ / sums_name);  // either file may be the wrong one
        fail("{}{}: SHA-256 is {}, expected {}; the file was thrown away", url_, name, found, sum);
      }
    }
    fs::rename(part, folder_ / name);
    return !complete;
  }

 private:
  fs::path part_of(const std::string& name) const { return folder_ / (name + ".part"); }
  bool download(const std::string& name) {
    return downloader_.download(url_ + name, part_of(name), largest_file);
  }
  static bool is_sound(const fs::path& path, const std::string& sum) {
    return fs::is_regular_file(path) && sha256_of(path) == sum;
  }
  std::string sum_of(const std::string& name) const {
    const auto found = sums_.find(name);
    const bool good = found != sums_.end() && found->second.size() == 64 &&
                      found->second.find_first_not_of("0123456789abcdef") == std::string::npos;
    require(good, "{}: no SHA-256 of {} (remove that file and run again)", (folder_ / sums_name).string(),
            name);
    return found->second;
  }

  std::string url_;
  fs::path folder_;
  std::map<std::string, std::string> sums_;
  Downloader downloader_;
};

}  // namespace

bool fetch(const FetchOptions& options) {
  const Source& source = sources.at(options.database);
  const fs::path folder = options.folder.empty() ? fs::path(source.folder) : fs::path(options.folder);
  require(!is_synthetic(folder), "{}: holds a synthetic database: name another folder or remove it",
          folder.string());
  std::error_code error;
  fs::create_directories(folder, error);
  require(!error, "{}: cannot make the folder: {}", folder.string(), error.message());
  Fetch files(options.url.empty() ? std::string(source.url) : options.url, folder);
  files.sums();
  std::int64_t downloaded = files.file("RECORDS") ? 1 : 0;
  const std::vector<std::string> records = read_record_names(folder);
  for (const std::string& record : records) {
    const bool plain = std::ranges::all_of(
        record, [](unsigned char c) { return c < 0x80 && (std::isalnum(c) != 0 || c == '_'); });
    require(plain, "{}: '{}' is not the name of a record", (folder / "RECORDS").string(), record);
  }
  std::size_t count = 0;
  for (const std::string& record : records) {
    for (const char* extension : {".hea", ".dat", ".atr"}) {
      ++count;
      if (!options.quiet) {
        io::tell("[{}/{}] {}{}\n", count, 3 * records.size(), record, extension);
      }
      downloaded += files.file(record + extension) ? 1 : 0;
    }
  }
  if (options.as_json) {
    print_json(
        Json{{"folder", folder.string()}, {"records", records.size()}, {"downloaded_files", downloaded}});
  } else if (!options.quiet) {
    print(fmt::format("{}: {} records, all sums right; {} files downloaded\n", folder.string(),
                      records.size(), downloaded));
  }
  return true;
}

std::vector<std::string> fetchable_databases() {
  std::vector<std::string> names;
  for (const auto& [name, source] : sources) {
    names.push_back(name);
  }
  return names;
}

}  // namespace sec::tools
