#include "tools/secdata/download.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>

#include "engine/error.h"
#include "engine/library.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;

constexpr int attempts = 3;

// The part file, opened for appending and locked, because two processes would mix their bytes.
class Part {
 public:
  explicit Part(fs::path path)
      : path_(std::move(path)),
        descriptor_(open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666)) {
    require(descriptor_ >= 0, "{}: cannot write: {}", path_.string(), std::strerror(errno));
    if (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
      close(descriptor_);
      fail("{}: another process is downloading it", path_.string());
    }
  }
  ~Part() {
    if (size() == 0) {
      unlink(path_.c_str());  // nothing was downloaded
    }
    close(descriptor_);
  }
  Part(const Part&) = delete;
  Part& operator=(const Part&) = delete;

  std::int64_t size() const { return lseek(descriptor_, 0, SEEK_END); }
  bool append(const char* bytes, std::size_t count) const {
    while (count > 0) {
      const ssize_t written = write(descriptor_, bytes, count);
      if (written < 0 && errno == EINTR) {
        continue;
      }
      if (written <= 0) {
        return false;
      }
      bytes += written;
      count -= static_cast<std::size_t>(written);
    }
    return true;
  }

 private:
  fs::path path_;
  int descriptor_;
};

struct Sink {
  const Part& part;
  std::int64_t room;  // bytes that may still be received
  int failure = 0;    // errno of a failed write
};

std::size_t take(char* bytes, std::size_t size, std::size_t count, void* sink_pointer) {
  Sink& sink = *static_cast<Sink*>(sink_pointer);
  const std::size_t length = size * count;
  sink.room -= static_cast<std::int64_t>(length);
  if (sink.room < 0) {
    return 0;
  }
  if (!sink.part.append(bytes, length)) {
    sink.failure = errno;
    return 0;
  }
  return length;
}

bool may_pass(CURLcode code, long status) {
  return code == CURLE_PARTIAL_FILE || code == CURLE_OPERATION_TIMEDOUT || code == CURLE_RECV_ERROR ||
         code == CURLE_GOT_NOTHING || code == CURLE_SEND_ERROR ||
         (code == CURLE_HTTP_RETURNED_ERROR && (status == 429 || status >= 500));
}

}  // namespace

struct Downloader::Curl {
  Library library{"fetch", "libcurl.so.4"};
  decltype(::curl_easy_init)* init = library.function<decltype(::curl_easy_init)>("curl_easy_init");
  decltype(::curl_easy_cleanup)* cleanup =
      library.function<decltype(::curl_easy_cleanup)>("curl_easy_cleanup");
  decltype(::curl_easy_setopt)* set = library.function<decltype(::curl_easy_setopt)>("curl_easy_setopt");
  decltype(::curl_easy_getinfo)* ask = library.function<decltype(::curl_easy_getinfo)>("curl_easy_getinfo");
  decltype(::curl_easy_perform)* perform =
      library.function<decltype(::curl_easy_perform)>("curl_easy_perform");
  decltype(::curl_easy_strerror)* text =
      library.function<decltype(::curl_easy_strerror)>("curl_easy_strerror");
  CURL* handle = nullptr;
  std::array<char, CURL_ERROR_SIZE> detail{};

  void option(CURLoption which, auto value) const {
    const CURLcode code = set(handle, which, value);
    require(code == CURLE_OK, "fetch: libcurl does not know option {}: {}", static_cast<int>(which),
            text(code));
  }
  std::string reason(CURLcode code, long status) const {
    switch (code) {
      case CURLE_HTTP_RETURNED_ERROR:
        return fmt::format("the server answers {}", status);
      case CURLE_COULDNT_RESOLVE_HOST:
        return "the host is not known: is there a network?";
      case CURLE_COULDNT_CONNECT:
        return "cannot connect: is there a network?";
      case CURLE_PARTIAL_FILE:
      case CURLE_RECV_ERROR:
      case CURLE_GOT_NOTHING:
        return "the connection broke; run again to go on";
      case CURLE_OPERATION_TIMEDOUT:
        return "the server does not answer; run again to go on";
      default:
        return detail[0] != '\0' ? detail.data() : text(code);
    }
  }
};

Downloader::Downloader() : curl_(std::make_unique<Curl>()) {
  curl_->handle = curl_->init();
  require(curl_->handle != nullptr, "fetch: libcurl does not start");
  curl_->option(CURLOPT_ERRORBUFFER, curl_->detail.data());
  curl_->option(CURLOPT_PROTOCOLS_STR, "http,https");
  curl_->option(CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
  curl_->option(CURLOPT_FOLLOWLOCATION, 1L);
  curl_->option(CURLOPT_MAXREDIRS, 10L);
  curl_->option(CURLOPT_FAILONERROR, 1L);
  curl_->option(CURLOPT_NOSIGNAL, 1L);
  curl_->option(CURLOPT_CONNECTTIMEOUT, 20L);
  curl_->option(CURLOPT_LOW_SPEED_LIMIT, 100L);  // slowest transfer allowed, bytes per second
  curl_->option(CURLOPT_LOW_SPEED_TIME, 60L);    // seconds
  curl_->option(CURLOPT_USERAGENT, "secdata");
  curl_->option(CURLOPT_WRITEFUNCTION, &take);
}

Downloader::~Downloader() {
  curl_->cleanup(curl_->handle);
}

bool Downloader::download(const std::string& url, const fs::path& path, std::int64_t limit) {
  const Part part(path);
  curl_->option(CURLOPT_URL, url.c_str());
  for (int attempt = 1;; ++attempt) {
    const std::int64_t begin = part.size();
    Sink sink{part, limit - begin};
    curl_->option(CURLOPT_WRITEDATA, &sink);
    curl_->option(CURLOPT_RESUME_FROM_LARGE, static_cast<curl_off_t>(begin));
    curl_->detail[0] = '\0';
    const CURLcode code = curl_->perform(curl_->handle);
    long status = 0;
    curl_->ask(curl_->handle, CURLINFO_RESPONSE_CODE, &status);
    if (code == CURLE_OK) {
      return true;
    }
    if (begin > 0 && (code == CURLE_RANGE_ERROR || (code == CURLE_HTTP_RETURNED_ERROR && status == 416))) {
      return false;
    }
    require(sink.room >= 0, "{}: more than {} bytes: not the file that was asked for", url, limit);
    require(sink.failure == 0, "{}: cannot write: {}", path.string(), std::strerror(sink.failure));
    if (attempt == attempts || !may_pass(code, status)) {
      fail("{}: {}", url, curl_->reason(code, status));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(500 * (attempt - 1)));
  }
}

}  // namespace sec::tools
