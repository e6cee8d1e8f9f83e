#include "tests/fuzz/targets.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace sec::fuzz {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view mark = "%% ";

// A temporary folder that is removed when the program ends.
class Folder {
 public:
  Folder() {
    std::error_code none;
    const fs::path in_memory = "/dev/shm";
    std::string name =
        ((::access(in_memory.c_str(), W_OK) == 0 ? in_memory : fs::temp_directory_path()) / "sec-fuzz-XXXXXX")
            .string();
    expect(::mkdtemp(name.data()) != nullptr, "cannot make a folder");
    path_ = name;
  }
  ~Folder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  void empty() const {
    for (const fs::directory_entry& entry : fs::directory_iterator(path_)) {
      fs::remove_all(entry.path());
    }
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

const Folder& folder() {
  static const Folder made;
  return made;
}

void put(const std::string& name, std::string_view bytes) {
  std::ofstream(folder().path() / name, std::ios::binary).write(bytes.data(), std::ssize(bytes));
}

bool is_plain(std::string_view name) {
  return !name.empty() && name.size() <= 20 && name.front() != '.' && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_';
  });
}

}  // namespace

std::span<const Target> targets() {
  static const std::array<Target, 12> all{wfdb_header, wfdb_record, wfdb_annotations, edf,   csv,    npy,
                                          tianchi,     safetensors, recipe,           split, labels, live};
  return all;
}

void expect(bool holds, const char* what) {
  if (!holds) {
    std::fprintf(stderr, "fuzz: %s\n", what);
    std::abort();
  }
}

std::string join(const Files& files) {
  std::string bytes;
  for (const auto& [name, content] : files) {
    bytes += fmt::format("{}{}{}\n{}", bytes.empty() ? "" : "\n", mark, name, content);
  }
  return bytes;
}

std::string write_files(std::string_view bytes) {
  folder().empty();
  while (bytes.starts_with(mark)) {
    const std::size_t line = std::min(bytes.find('\n'), bytes.size());
    const std::string name(bytes.substr(mark.size(), line - mark.size()));
    bytes.remove_prefix(std::min(line + 1, bytes.size()));
    const std::size_t end = bytes.find("\n" + std::string(mark));
    if (is_plain(name)) {
      put(name, bytes.substr(0, end));
    }
    bytes.remove_prefix(end == std::string_view::npos ? bytes.size() : end + 1);
  }
  return folder().path().string();
}

std::string write_file(const std::string& name, std::string_view bytes) {
  folder().empty();
  put(name, bytes);
  return (folder().path() / name).string();
}

std::string written(const std::string& name, void (*write)(const std::string& path)) {
  const std::string path = (folder().path() / name).string();
  write(path);
  std::ostringstream content;
  content << std::ifstream(path, std::ios::binary).rdbuf();
  return content.str();
}

}  // namespace sec::fuzz
