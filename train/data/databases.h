// The databases of a training on heartbeats: the folder of --data, and those of the sections [data.databases.NAME].
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "io/scoring/aami.h"
#include "train/recipe/recipe.h"

namespace sec::train {

struct DataFolders {
  DataFolders(std::filesystem::path folder, std::map<std::string, std::filesystem::path> others = {})
      : main(std::move(folder)), named(std::move(others)) {}

  std::filesystem::path main;                          // of records without a database's name before them
  std::map<std::string, std::filesystem::path> named;  // of databases that are not beside `main`, by name
};

// Where a record of a recipe is.
struct RecordPlace {
  std::string database;  // empty: the folder of --data
  std::string name;      // in its folder, without the database's name
  std::filesystem::path folder;
  const Recipe::Database* options = nullptr;  // nullptr: the folder of --data
};

// Splits a record's name as it is in data.train, "NAME:RECORD". A name before the colon that is none of the recipe's
// databases is part of the record's name.
RecordPlace place_of(const DataFolders& folders, const Recipe& recipe, const std::string& record);

// The database of a record for people: the name in the recipe, or the last part of the path of --data.
std::string database_title(const DataFolders& folders, const RecordPlace& place);

// The leads of a database that stand for data.leads.
const std::vector<std::string>& leads_of(const Recipe& recipe, const Recipe::Database* database);

// The class of an annotation type in a database; nullopt if it marks no beat.
std::optional<io::BeatClass> class_in(const Recipe::Database* database, int code);

// Throws Error if a folder named on the command line belongs to no database of the recipe.
void require_known(const DataFolders& folders, const Recipe& recipe);

// The patients that the databases name: by record, as NAME:RECORD.
std::map<std::string, std::string> named_patients(const Recipe& recipe);

}  // namespace sec::train
