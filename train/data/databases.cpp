#include "train/data/databases.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "engine/error.h"
#include "io/recording/annotation_codes.h"

namespace sec::train {
namespace {

// The folder of --data without a slash at its end. A link is not followed: databases are beside the link.
std::filesystem::path main_folder(const DataFolders& folders) {
  const std::filesystem::path path = std::filesystem::absolute(folders.main).lexically_normal();
  return path.has_filename() ? path : path.parent_path();
}

}  // namespace

RecordPlace place_of(const DataFolders& folders, const Recipe& recipe, const std::string& record) {
  const std::size_t colon = record.find(':');
  const auto found = colon == std::string::npos ? recipe.data.databases.end()
                                                : recipe.data.databases.find(record.substr(0, colon));
  if (found == recipe.data.databases.end()) {
    return {"", record, folders.main, nullptr};
  }
  const auto& [name, options] = *found;
  const auto given = folders.named.find(name);
  const std::filesystem::path folder =
      given != folders.named.end()
          ? given->second
          : main_folder(folders).parent_path() / (options.folder.empty() ? name : options.folder);
  return {name, record.substr(colon + 1), folder, &options};
}

std::string database_title(const DataFolders& folders, const RecordPlace& place) {
  return place.options != nullptr ? place.database : main_folder(folders).filename().string();
}

const std::vector<std::string>& leads_of(const Recipe& recipe, const Recipe::Database* database) {
  return database == nullptr || database->leads.empty() ? recipe.data.leads : database->leads;
}

std::optional<io::BeatClass> class_in(const Recipe::Database* database, int code) {
  if (database != nullptr && !database->classes.empty()) {
    const std::string symbol = io::symbol_of(code);
    for (const std::string& text : database->classes) {  // "SYMBOL=CLASS", as the recipe's check has found
      if (text.substr(0, text.rfind('=')) == symbol) {
        const auto found = std::ranges::find(io::beat_class_names, text.substr(text.rfind('=') + 1));
        return static_cast<io::BeatClass>(found - io::beat_class_names.begin());
      }
    }
  }
  return io::beat_class_of(code);
}

void require_known(const DataFolders& folders, const Recipe& recipe) {
  std::vector<std::string> names;
  for (const auto& [name, database] : recipe.data.databases) {
    names.push_back(name);
  }
  for (const auto& [name, folder] : folders.named) {
    require(recipe.data.databases.contains(name),
            "--data {}={}: the recipe has no section data.databases.{}{}", name, folder.string(), name,
            names.empty() ? "" : fmt::format("; it has {}", fmt::join(names, ", ")));
  }
}

std::map<std::string, std::string> named_patients(const Recipe& recipe) {
  std::map<std::string, std::string> patients;
  for (const auto& [name, database] : recipe.data.databases) {
    for (const std::string& text : database.patients) {
      patients[name + ":" + text.substr(0, text.rfind('='))] = text.substr(text.rfind('=') + 1);
    }
  }
  return patients;
}

}  // namespace sec::train
