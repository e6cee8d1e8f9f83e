// The folder of a training run: recipe.toml, log.jsonl, metrics.json, report.html, best.safetensors and
// last.safetensors.
#pragma once

#include <filesystem>
#include <string_view>

namespace sec::train {

class RunFolder {
 public:
  enum class Use { fresh, overwrite, resume };

  // Looks, and changes nothing. Throws Error if a fresh run would meet another run's files, if there is
  // nothing to resume, or if the path is no folder.
  RunFolder(std::filesystem::path folder, Use use);

  // Makes the folder; with Use::overwrite removes the other run's files. To be called when all else is known
  // to be good, so that bad input leaves earlier outputs untouched. Throws Error naming the path.
  void begin() const;

  std::filesystem::path file(std::string_view name) const { return folder_ / name; }
  void write(std::string_view name, std::string_view content) const;  // atomically
  // Adds a line to log.jsonl. Throws Error if it could not be written.
  void log(std::string_view line) const;

 private:
  std::filesystem::path folder_;
  Use use_;
};

}  // namespace sec::train
