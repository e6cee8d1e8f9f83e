// Downloads files over HTTP and HTTPS with libcurl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace sec::tools {

// Downloads files one after another over the same connection.
class Downloader {
 public:
  // Throws Error if libcurl is not installed.
  Downloader();
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  // Downloads `url` to the file `part`. If the file exists, only the missing rest is appended.
  // Makes up to three attempts if the connection breaks.
  // Returns false if the server cannot resume the download:
  // the part is not shorter than the file, or the server does not support ranges.
  // Throws Error, naming the URL and the reason; bytes received until then stay in `part`.
  // Also throws Error on more than `limit` bytes, and if another process is downloading the same part.
  bool download(const std::string& url, const std::filesystem::path& part, std::int64_t limit);

 private:
  struct Curl;
  std::unique_ptr<Curl> curl_;
};

}  // namespace sec::tools
