#include "train/recipe/recipe.h"

#include <toml++/toml.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <utility>

#include "engine/error.h"
#include "io/files/edit_distance.h"
#include "io/files/read_file.h"
#include "io/files/utf8.h"

namespace sec::train {
namespace {

constexpr std::uintmax_t largest_recipe = 4'000'000;  // bytes

struct Entry {
  const toml::node* node;
  std::string place;  // origin of the value, for messages: "recipes/a.toml:12" or "--set"
};
using Entries = std::map<std::string, Entry>;

void collect(const toml::table& table, const std::string& prefix, const std::string& file, Entries& entries) {
  for (const auto& [key, node] : table) {
    const std::string name = prefix + std::string(key.str());
    if (name == "base") {
      continue;  // not a value: assign_with_bases() follows it
    }
    if (const toml::table* inner = node.as_table()) {
      collect(*inner, name + ".", file, entries);
    } else {
      entries[name] = {&node, file.empty() ? "--set" : fmt::format("{}:{}", file, node.source().begin.line)};
    }
  }
}

// The known key nearest to the misspelt `name`, compared as a whole and by its last part.
std::string nearest(const std::vector<RecipeKey>& keys, const std::string& name) {
  const auto last_part = [](std::string_view text) { return text.substr(text.rfind('.') + 1); };
  const auto distance = [&](const RecipeKey& key) {
    return std::min(io::edit_distance(key.name, name),
                    1 + io::edit_distance(last_part(key.name), last_part(name)));
  };
  return std::min_element(keys.begin(), keys.end(),
                          [&](const auto& a, const auto& b) { return distance(a) < distance(b); })
      ->name;
}

struct Reader {
  const RecipeKey& key;
  const Entry& entry;

  [[noreturn]] void wrong(std::string_view expected) const {
    fail("{}: {}: expected {}", entry.place, key.name, expected);
  }
  void check_range(double value) const {
    if (!(value >= key.min && value <= key.max)) {
      wrong(fmt::format("a number from {:g} to {:g}, got {:g}", key.min, key.max, value));
    }
  }
  double number(const toml::node& node) const {
    if (!node.is_number()) {
      wrong("a number");
    }
    const double value = node.value<double>().value_or(0);
    check_range(value);
    return value;
  }
  template <typename Add>
  void array(std::string_view expected, Add add) const {
    const toml::array* values = entry.node->as_array();
    if (values == nullptr) {
      wrong(expected);
    }
    for (const toml::node& value : *values) {
      add(value);
    }
  }

  void operator()(bool* value) const {
    if (!entry.node->is_boolean()) {
      wrong("true or false");
    }
    *value = entry.node->as_boolean()->get();
  }
  void operator()(std::int64_t* value) const {
    if (!entry.node->is_integer()) {
      wrong("a whole number");
    }
    check_range(static_cast<double>(entry.node->as_integer()->get()));
    *value = entry.node->as_integer()->get();
  }
  void operator()(double* value) const { *value = number(*entry.node); }
  void operator()(std::string* value) const {
    if (!entry.node->is_string()) {
      wrong("a string");
    }
    *value = entry.node->as_string()->get();
    if (!key.choices.empty() &&
        std::find(key.choices.begin(), key.choices.end(), *value) == key.choices.end()) {
      wrong(fmt::format("one of {}, got {:?}", fmt::join(key.choices, ", "), *value));
    }
  }
  void operator()(std::vector<double>* values) const {
    values->clear();
    array("a list of numbers", [&](const toml::node& node) { values->push_back(number(node)); });
  }
  void operator()(std::vector<std::string>* values) const {
    values->clear();
    array("a list of strings", [&](const toml::node& node) {
      if (!node.is_string()) {
        wrong("a list of strings");
      }
      values->push_back(node.as_string()->get());
    });
  }
};

toml::table parse_toml(const std::string& text, const std::string& file) {
  try {
    return toml::parse(text, file);
  } catch (const toml::parse_error& error) {
    fail("{}:{}: not TOML: {}", file, error.source().begin.line, error.description());
  }
}

// Adds the databases of the sections [data.databases.NAME], also of those without a key.
void add_databases(Recipe& recipe, const toml::table& table, const std::string& file) {
  const toml::node* list = table["data"]["databases"].node();
  if (list == nullptr) {
    return;
  }
  const auto place = [&](const toml::node& node) {
    return file.empty() ? std::string("--set") : fmt::format("{}:{}", file, node.source().begin.line);
  };
  require(list->is_table(), "{}: data.databases: expected a section [data.databases.NAME] for each database",
          place(*list));
  for (const auto& [key, node] : *list->as_table()) {
    const std::string name(key.str());
    require(node.is_table(), "{}: data.databases.{}: expected a section of keys such as folder and leads",
            place(node), name);
    require(is_database_name(name), "{}: data.databases: the name \"{}\", expected letters, digits, - and _",
            place(node), io::for_message(name));
    recipe.data.databases.try_emplace(name);
  }
}

// Sets the recipe's values from a table, and adds the names of the keys to `given`. Skips the key "base".
void assign(Recipe& recipe, const toml::table& table, const std::string& file, std::set<std::string>& given) {
  Entries entries;
  collect(table, "", file, entries);
  add_databases(recipe, table, file);
  const std::vector<RecipeKey> keys = recipe_keys(recipe);
  for (const auto& [name, entry] : entries) {
    const auto key = std::find_if(keys.begin(), keys.end(),
                                  [&, &wanted = name](const auto& k) { return k.name == wanted; });
    if (key == keys.end()) {
      fail("{}: unknown recipe key {}; the nearest is {}", entry.place, name, nearest(keys, name));
    }
    std::visit(Reader{*key, entry}, key->value);
    given.insert(name);
  }
}

// Parses an override such as "train.epochs=3" as TOML.
// A value that is not TOML, such as the bare word in "train.optimizer=sgd", is a string.
toml::table parse_override(const std::string& text) {
  const std::size_t equals = text.find('=');
  require(equals != std::string::npos && equals > 0, "--set {}: expected key=value", text);
  const std::string key = text.substr(0, equals);
  const std::string value = text.substr(equals + 1);
  require(value.find('\n') == std::string::npos && key.find('\n') == std::string::npos,
          "--set {}: expected one line", key);
  try {
    return toml::parse(key + " = " + value);
  } catch (const toml::parse_error&) {
    try {
      return toml::parse(fmt::format("{} = '{}'", key, value));
    } catch (const toml::parse_error& error) {
      fail("--set {}: {}", text, error.description());
    }
  }
}

// Where the key "base" of a recipe stands, for messages.
std::string base_place(const toml::node& base, const std::string& file) {
  return fmt::format("{}:{}: base", file, base.source().begin.line);
}

// The recipe file that the table's `base` names, and its text.
struct BaseFile {
  std::filesystem::path path;
  std::string text;
};
BaseFile read_base(const toml::node& base, const std::filesystem::path& file) {
  const std::string place = base_place(base, file.string());
  require(base.is_string() && !base.as_string()->get().empty(), "{}: expected the path of a recipe file",
          place);
  const std::filesystem::path path = file.parent_path() / base.as_string()->get();
  try {
    return {path, io::read_file(path, largest_recipe)};
  } catch (const Error& error) {
    fail("{}: {}", place, error.what());
  }
}

// Sets the values of the recipe's base (first those of the base's own base), and then those of the table.
// `chain` holds the files from the recipe itself to this one.
void assign_with_bases(Recipe& recipe, const toml::table& table, std::vector<std::filesystem::path>& chain,
                       std::set<std::string>& given) {
  const std::filesystem::path file = chain.back();
  if (const toml::node* base = table.get("base")) {
    const BaseFile next = read_base(*base, file);
    for (const std::filesystem::path& earlier : chain) {
      require(!std::filesystem::equivalent(earlier, next.path), "{}: {} builds on itself",
              base_place(*base, file.string()), next.path.string());
    }
    chain.push_back(next.path);
    assign_with_bases(recipe, parse_toml(next.text, next.path.string()), chain, given);
  }
  assign(recipe, table, file.string(), given);
}

// Applies the overrides to a recipe read from `file`, and checks the whole.
Recipe finish_recipe(Recipe recipe, const std::string& file, const std::vector<std::string>& overrides,
                     std::set<std::string>& given) {
  for (const std::string& override : overrides) {
    const toml::table table = parse_override(override);
    require(!table.contains("base"), "--set base: only a recipe file can name its base");
    assign(recipe, table, "", given);
  }
  // The default classes are AAMI classes of beats, which recordings do not have.
  if (recipe.whole_recordings() && !given.contains("classes")) {
    recipe.classes.clear();
  }
  require_consistent(recipe, file);
  return recipe;
}

}  // namespace

bool is_database_name(std::string_view name) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
  };
  return !name.empty() && std::ranges::all_of(name, is_plain);
}

Recipe parse_recipe(const std::string& text, const std::string& file,
                    const std::vector<std::string>& overrides) {
  Recipe recipe;
  std::set<std::string> given;
  const toml::table table = parse_toml(text, file);
  if (const toml::node* base = table.get("base")) {
    fail("{}: only a recipe file can name its base", base_place(*base, file));
  }
  assign(recipe, table, file, given);
  return finish_recipe(std::move(recipe), file, overrides, given);
}

Recipe parse_run_recipe(const std::string& text, const std::string& file,
                        const std::vector<std::string>& overrides) {
  const toml::table table = parse_toml(text, file);
  const bool recordings = table["data"]["task"].value_or(std::string()) == "recordings";
  if (!recordings || table["data"]["stratify"]) {
    return parse_recipe(text, file, overrides);
  }
  std::vector<std::string> all = {"data.stratify=false"};
  all.insert(all.end(), overrides.begin(), overrides.end());
  return parse_recipe(text, file, all);
}

Recipe read_recipe(const std::string& file, const std::vector<std::string>& overrides) {
  Recipe recipe;
  std::set<std::string> given;
  std::vector<std::filesystem::path> chain = {file};
  assign_with_bases(recipe, parse_toml(io::read_file(file, largest_recipe), file), chain, given);
  return finish_recipe(std::move(recipe), file, overrides, given);
}

}  // namespace sec::train
