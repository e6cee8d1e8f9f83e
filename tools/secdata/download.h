// Files over HTTP and HTTPS, by libcurl.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

namespace sec::tools {

// Keeps its connection from one file to the next.
class Downloader {
 public:
  // Throws Error where libcurl is not installed.
  Downloader();
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  // Appends to the file `part` what `url` has beyond its bytes; all of it if there is no such file. A
  // connection that breaks is tried again, three times in all. Returns false where the server cannot go on
  // from there: the part is as long as the file or longer, or the server knows no ranges. Throws Error naming
  // the URL and the reason; what came by then stays in `part`. More than `limit` bytes are refused, and so is
  // a part that another process is filling.
  bool download(const std::string& url, const std::filesystem::path& part, std::int64_t limit);

 private:
  struct Curl;
  std::unique_ptr<Curl> curl_;
};

}  // namespace sec::tools
