#include "train/loop/run_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "engine/error.h"
#include "io/files/atomic_file.h"
#include "train/loop/event_file.h"
#include "train/loop/kept_epochs.h"

namespace sec::train {
namespace {

// In the order in which they are removed: without the first, no run is resumed from the others.
constexpr std::array<std::string_view, 9> run_files = {"last.safetensors", "recipe.toml",  "best.safetensors",
                                                       "log.jsonl",        "metrics.json", "report.html",
                                                       "predictions.csv",  "trace.json",   EventFile::name};

// The names of all files of a run, in the same order: those that every run has, then the epochs kept in the folder.
std::vector<std::string> names_of_run(const std::filesystem::path& folder) {
  std::vector<std::string> names(run_files.begin(), run_files.end());
  for (const KeptEpoch& kept : kept_epochs(folder)) {
    names.push_back(kept_epoch_name(kept.epoch));
  }
  return names;
}

}  // namespace

RunFolder::MadeFolders::~MadeFolders() {
  std::error_code ignored;
  for (const std::filesystem::path& path : paths) {
    std::filesystem::remove(path, ignored);  // fails if another program has put a file there
  }
}

RunFolder::Lock::~Lock() {
  if (folder >= 0) {
    ::close(folder);
  }
}

RunFolder::RunFolder(std::filesystem::path folder, Use use) : folder_(std::move(folder)), use_(use) {
  require(!std::filesystem::exists(folder_) || std::filesystem::is_directory(folder_),
          "{}: not a folder; --out names the run's folder", folder_.string());
  const auto require_run = [&] {
    require(has_checkpoint() || std::filesystem::exists(file("recipe.toml")),
            "{}: no such file: there is no run to resume", file("last.safetensors").string());
  };
  if (use_ == Use::resume) {
    require_run();
  } else {
    make();
  }
  lock();
  if (use_ == Use::resume) {
    require_run();
    require(has_checkpoint() || !std::filesystem::exists(file("best.safetensors")),
            "{}: no such file: there is no run to resume", file("last.safetensors").string());
  }
  for (const std::string& name : names_of_run(folder_)) {
    require(use_ != Use::fresh || !std::filesystem::exists(file(name)),
            "{}: exists: --resume continues this run, --overwrite replaces it", file(name).string());
  }
  const io::AtomicFile probe(file("recipe.toml"));  // throws if the folder cannot be written to
}

// Makes the folder and those above it that are missing.
void RunFolder::make() {
  std::vector<std::filesystem::path> missing;  // innermost first
  std::filesystem::path path = std::filesystem::absolute(folder_).lexically_normal();
  path = path.has_filename() ? path : path.parent_path();  // without a slash at the end
  for (; !std::filesystem::exists(path); path = path.parent_path()) {
    missing.push_back(path);
  }
  std::error_code error;
  for (auto next = missing.rbegin(); next != missing.rend(); ++next) {
    if (std::filesystem::create_directory(*next, error)) {
      made_.paths.insert(made_.paths.begin(), *next);
    }
    require(!error, "{}: cannot make the folder: {}", folder_.string(), error.message());
  }
}

// The lock is on the folder itself and leaves no file behind. The system drops it when the process dies.
void RunFolder::lock() {
  lock_.folder = ::open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  require(lock_.folder >= 0, "{}: cannot open the folder: {}", folder_.string(), std::strerror(errno));
  // Some network file systems cannot lock folders: then runs are not kept apart.
  require(::flock(lock_.folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK,
          "{}: another training is using this run folder", folder_.string());
}

bool RunFolder::has_checkpoint() const {
  return std::filesystem::exists(file("last.safetensors"));
}

void RunFolder::begin() {
  made_.paths.clear();
  std::error_code error;
  for (const std::string& name : interrupted_epoch_names(folder_)) {
    io::remove_abandoned_temporaries(file(name));
  }
  for (const std::string& name : names_of_run(folder_)) {
    io::remove_abandoned_temporaries(file(name));
    if (use_ == Use::overwrite) {
      std::filesystem::remove(file(name), error);
      require(!error, "{}: cannot remove: {}", file(name).string(), error.message());
    }
  }
}

void RunFolder::write(std::string_view name, std::string_view content) const {
  io::write_atomically(file(name), content);
}

void RunFolder::log(std::string_view line) const {
  const std::filesystem::path path = file("log.jsonl");
  const std::string text = std::string(line) + "\n";
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  require(fd >= 0, "{}: cannot open: {}", path.string(), std::strerror(errno));
  const ssize_t written = ::write(fd, text.data(), text.size());
  const int reason = written < 0 ? errno : ENOSPC;
  close(fd);
  require(written == static_cast<ssize_t>(text.size()), "{}: cannot write: {}", path.string(),
          std::strerror(reason));
}

}  // namespace sec::train
