#include "io/files/folder.h"

#include <algorithm>
#include <set>

#include "engine/error.h"

namespace sec::io {
namespace {

namespace fs = std::filesystem;

// Adds the files of `folder` and of its folders. Links to folders are added to `links`, to be searched later.
void search(const fs::path& folder, std::set<fs::path>& searched, std::vector<fs::path>& links,
            std::vector<fs::path>& files) {
  std::error_code error;
  const fs::path real = fs::canonical(folder, error);
  require(!error, "{}: cannot read the folder: {}", folder.string(), error.message());
  if (!searched.insert(real).second) {
    return;
  }
  std::vector<fs::path> folders;
  for (fs::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
    std::error_code none;
    if (it->is_directory(none)) {
      (it->is_symlink(none) ? links : folders).push_back(it->path());
    } else if (it->is_regular_file(none) || (it->is_symlink(none) && !it->exists(none))) {
      files.push_back(it->path());
    }
  }
  require(!error, "{}: cannot read the folder: {}", folder.string(), error.message());
  std::ranges::sort(folders);
  for (const fs::path& each : folders) {
    search(each, searched, links, files);
  }
}

}  // namespace

std::vector<fs::path> files_below(const fs::path& folder) {
  std::set<fs::path> searched;
  std::vector<fs::path> files;
  std::vector<fs::path> links{folder};
  while (!links.empty()) {
    std::ranges::sort(links);
    std::vector<fs::path> further;
    for (const fs::path& link : links) {
      search(link, searched, further, files);
    }
    links = std::move(further);
  }
  std::ranges::sort(files);
  return files;
}

}  // namespace sec::io
