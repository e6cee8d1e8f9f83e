#include "tools/secinspect/watch.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <CLI/CLI.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "engine/error.h"
#include "io/files/atomic_file.h"
#include "io/files/standard_streams.h"
#include "tools/page/page.h"
#include "tools/secinspect/http_server.h"
#include "tools/secinspect/run_files.h"
#include "tools/secinspect/run_json.h"
#include "tools/secinspect/runs_page.h"
#include "tools/usage_error.h"
#include "train/report/html.h"

namespace sec::tools {
namespace {

namespace fs = std::filesystem;
using io::Json;

struct WatchOptions {
  fs::path run;
  std::uint16_t port = 0;
  fs::path out;
};

// Whether a training holds the lock of its run folder (train/loop/run_folder.h). The kernel lists all locks; to try the lock
// itself could turn away a training that is just starting.
bool is_locked(const fs::path& folder) {
  struct stat status = {};
  if (::stat(folder.c_str(), &status) != 0) {
    return false;
  }
  const std::string place =
      fmt::format(" {:02x}:{:02x}:{} ", major(status.st_dev), minor(status.st_dev), status.st_ino);
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    if (line.find(" FLOCK ") != std::string::npos && line.find(place) != std::string::npos) {
      return true;
    }
  }
  return false;
}

// The page's data, made anew only when a file has changed.
class Watched {
 public:
  explicit Watched(fs::path folder) : folder_(std::move(folder)), log_(folder_ / "log.jsonl") {
    data_ = read();
  }

  // The data, and a name for this state of them. If a file cannot be read, as while a run is replaced, the former data.
  const std::string& data() {
    try {
      const std::string stamp =
          stamp_of("recipe.toml") + stamp_of("metrics.json") + (is_locked(folder_) ? "t" : "");
      if (log_.read() || stamp != stamp_) {
        data_ = read();
        ++version_;
      }
    } catch (const Error&) {
      return data_;
    }
    return data_;
  }
  std::string tag() const { return fmt::format("\"{}\"", version_); }

 private:
  std::string stamp_of(const char* name) const {
    std::error_code error;
    const auto time = fs::last_write_time(folder_ / name, error);
    return error ? "-" : fmt::format("{} ", time.time_since_epoch().count());
  }

  std::string read() {
    const std::string stamp =
        stamp_of("recipe.toml") + stamp_of("metrics.json") + (is_locked(folder_) ? "t" : "");
    const RunFiles run = read_run(folder_);
    log_.read();
    stamp_ = stamp;
    const Json page = {{"format", 1},
                       {"kind", "watch"},
                       {"training", is_locked(folder_)},
                       {"runs", Json::array({run_json(run, log_)})},
                       {"recipe_text", run.recipe_text}};
    return page.dump();
  }

  fs::path folder_;
  RunLog log_;
  std::string data_;
  std::string stamp_;
  std::uint64_t version_ = 1;
};

std::string page_for(const fs::path& folder, const std::string& data) {
  return page_of(runs_page_shell, train::escape(folder.filename().string()), data);
}

// Marks the data as those of a page that can ask for newer ones.
std::string as_live(const std::string& data) {
  return "{\"live\":true," + data.substr(1);
}

void declare(CLI::App& app, WatchOptions& o) {
  app.description(
      "Follows a training: serves a page with its curves, gradients, gates, speed and scores to browsers on this\n"
      "machine, until Ctrl-C. The page goes on while the run is stopped, killed and resumed.");
  app.footer(
      "Examples:\n"
      "  secinspect --watch runs/inter                    prints the address, on a free port\n"
      "  secinspect --watch runs/inter --out now.html     the page as it is now, as a file\n"
      "Exit status: 0 done, 1 failed, 2 wrong usage.");
  app.add_option("--watch", o.run, "Run folder of sectrain")->required()->type_name("RUN");
  CLI::Option* port =
      app.add_option("--port", o.port, "Port on 127.0.0.1; 0: a free one")->capture_default_str();
  app.add_option("--out", o.out, "Write the page to a file and stop")->type_name("FILE")->excludes(port);
}

void run(const WatchOptions& options) {
  Watched watched(options.run);
  if (!options.out.empty()) {
    io::write_atomically(options.out, page_for(options.run, watched.data()));
    return;
  }
  HttpServer server(options.port, [&](const std::string& path) -> HttpAnswer {
    if (path == "/") {
      return {200, "text/html", page_for(options.run, as_live(watched.data())), ""};
    }
    if (path == "/data") {
      const std::string data = as_live(watched.data());
      return {200, "application/json", data, watched.tag()};
    }
    return {404, "text/plain", "404: there is only the page, /\n", ""};
  });
  io::print(fmt::format("http://127.0.0.1:{}/\n", server.port()));
  io::flush_stdout();
  server.run();
}

}  // namespace

std::optional<int> start_watch(int argc, char** argv) {
  const std::string first = argc < 2 ? "" : argv[1];
  if (first != "--watch" && !first.starts_with("--watch=")) {
    return std::nullopt;
  }
  WatchOptions options;
  CLI::App app;
  declare(app, options);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return usage_error(app, error, "secinspect");
  }
  try {
    run(options);
    return 0;
  } catch (const std::exception& error) {
    io::tell_error("secinspect", error);
    return 1;
  }
}

}  // namespace sec::tools
