// The folder of a training run: recipe.toml,
// log.jsonl, metrics.json, report.html, best.safetensors and last.safetensors.
#pragma once

#include <filesystem>
#include <string_view>

namespace sec::train {

class RunFolder {
 public:
  enum class Use { fresh, overwrite, resume };

  // Checks the folder without changing it. Throws Error if a fresh run would find files of another run,
  // if there is no run to resume, or if the path is not a folder.
  RunFolder(std::filesystem::path folder, Use use);

  // Makes the folder; Use::overwrite removes the files of the earlier run.
  // Call it after all input has been checked, so that bad input leaves earlier results intact.
  // Throws Error naming the path.
  void begin() const;

  std::filesystem::path file(std::string_view name) const { return folder_ / name; }
  void write(std::string_view name, std::string_view content) const;  // atomically
  // Appends a line to log.jsonl. Throws Error if that fails.
  void log(std::string_view line) const;

 private:
  std::filesystem::path folder_;
  Use use_;
};

}  // namespace sec::train
