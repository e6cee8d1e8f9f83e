// Helpers for the tests of io: a temporary folder, and the message of an error.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <sstream>
#include <string>

#include "engine/error.h"

namespace sec::io {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "sec-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
      throw Error("cannot make a folder " + name);
    }
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::filesystem::path operator/(const std::string& name) const { return path_ / name; }
  const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::remove(path_ / name);  // some file systems write to disk when content is replaced
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::size_t entries() const {
    return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(path_), {}));
  }

 private:
  std::filesystem::path path_;
};

inline std::string content_of(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// The message of the Error that `action` throws. Fails the test if there is none or it has several lines.
inline std::string error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    std::string text = error.what();
    EXPECT_EQ(text.find('\n'), std::string::npos) << text;
    return text;
  }
  ADD_FAILURE() << "expected an Error";
  return "";
}

inline void expect_error(const std::function<void()>& action, const std::string& part) {
  const std::string text = error_of(action);
  EXPECT_NE(text.find(part), std::string::npos) << "got:      " << text << "\nexpected: " << part;
}

// The folder of real recordings, if it exists.
inline std::optional<std::filesystem::path> real_data(const std::string& part) {
  const char* root = std::getenv("SEC_DATA");
  if (root == nullptr || !std::filesystem::exists(std::filesystem::path(root) / part)) {
    return std::nullopt;
  }
  return std::filesystem::path(root) / part;
}

}  // namespace sec::io
