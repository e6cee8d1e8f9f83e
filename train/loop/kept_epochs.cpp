#include "train/loop/kept_epochs.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>

namespace sec::train {
namespace {

constexpr std::string_view prefix = "epoch_";

// The epoch of a name that kept_epoch_name() gives, or nullopt.
std::optional<int> epoch_of(std::string_view name) {
  int epoch = 0;
  if (!name.starts_with(prefix)) {
    return std::nullopt;
  }
  const char* const end = name.data() + name.size();
  const auto [next, error] = std::from_chars(name.data() + prefix.size(), end, epoch);
  const bool right = error == std::errc() && epoch > 0 && kept_epoch_name(epoch) == name;
  return right ? std::optional(epoch) : std::nullopt;
}

std::vector<std::string> names_in(const std::filesystem::path& folder) {
  std::vector<std::string> names;
  std::error_code ignored;  // of a folder that is missing
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    names.push_back(entry.path().filename().string());
  }
  return names;
}

}  // namespace

std::string kept_epoch_name(int epoch) {
  return fmt::format("{}{:04}.safetensors", prefix, epoch);
}

std::vector<KeptEpoch> kept_epochs(const std::filesystem::path& folder) {
  std::vector<KeptEpoch> kept;
  for (const std::string& name : names_in(folder)) {
    if (const auto epoch = epoch_of(name)) {
      kept.push_back({*epoch, folder / name});
    }
  }
  std::ranges::sort(kept, {}, &KeptEpoch::epoch);
  return kept;
}

std::vector<std::string> interrupted_epoch_names(const std::filesystem::path& folder) {
  std::set<std::string> found;  // without repetition
  for (const std::string& name : names_in(folder)) {
    const std::size_t end = name.find(".tmp-");
    if (name.starts_with('.') && end != std::string::npos && epoch_of(name.substr(1, end - 1))) {
      found.insert(name.substr(1, end - 1));
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace sec::train
