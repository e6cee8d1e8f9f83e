#include "train/loop/run_folder.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>
#include <system_error>

#include "engine/error.h"
#include "io/files/atomic_file.h"

namespace sec::train {
namespace {

constexpr std::array<std::string_view, 6> run_files = {"recipe.toml", "log.jsonl",        "metrics.json",
                                                       "report.html", "best.safetensors", "last.safetensors"};

}  // namespace

RunFolder::RunFolder(std::filesystem::path folder, Use use) : folder_(std::move(folder)), use_(use) {
  require(!std::filesystem::exists(folder_) || std::filesystem::is_directory(folder_),
          "{}: not a folder; --out names the run's folder", folder_.string());
  if (use_ == Use::resume) {
    require(std::filesystem::exists(file("last.safetensors")), "{}: no such file: there is no run to resume",
            file("last.safetensors").string());
    return;
  }
  for (const std::string_view name : run_files) {
    require(use_ == Use::overwrite || !std::filesystem::exists(file(name)),
            "{}: exists: --resume continues this run, --overwrite replaces it", file(name).string());
  }
}

void RunFolder::begin() const {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  require(!error, "{}: cannot make the folder: {}", folder_.string(), error.message());
  for (const std::string_view name : run_files) {
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
