// The folder of a training run: recipe.toml,
// log.jsonl, metrics.json, report.html, predictions.csv, best.safetensors and last.safetensors;
// trace.json if steps were profiled, events.out.tfevents.sec with --tensorboard, and the weights of single epochs (train/loop/kept_epochs.h) if the recipe keeps them.
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

namespace sec::train {

class RunFolder {
 public:
  enum class Use { fresh, overwrite, resume };

  // Locks the folder for this process, and makes it if it is missing. Its files stay as they are.
  // The lock ends with the object or the process, however that ends.
  // Throws Error, naming the path, if the path is not a folder or cannot be written to, if another training
  // holds the lock, if a fresh run would find files of another run, or if there is no run to resume.
  RunFolder(std::filesystem::path folder, Use use);
  // Removes the folders that the constructor made, unless begin() was called.
  ~RunFolder() = default;
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  // Removes temporary files of killed runs, and for Use::overwrite the files of the earlier run.
  // Call it after all input has been checked, so that bad input leaves earlier results intact.
  // Throws Error naming the path.
  void begin();

  // Whether there is a state to resume from.
  // A run that was killed before its first checkpoint has none, and starts again with its recipe.
  bool has_checkpoint() const;

  std::filesystem::path file(std::string_view name) const { return folder_ / name; }
  void write(std::string_view name, std::string_view content) const;  // atomically
  // Appends a line to log.jsonl. Throws Error if that fails.
  void log(std::string_view line) const;

 private:
  // Folders that are removed again if the run does not begin, innermost first.
  struct MadeFolders {
    std::vector<std::filesystem::path> paths;
    ~MadeFolders();
  };
  // An open folder with an exclusive lock.
  struct Lock {
    int folder = -1;
    ~Lock();
  };

  void make();
  void lock();

  std::filesystem::path folder_;
  Use use_;
  MadeFolders made_;
  Lock lock_;
};

}  // namespace sec::train
