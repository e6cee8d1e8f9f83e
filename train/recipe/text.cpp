#include <toml++/toml.h>

#include <fmt/ranges.h>

#include <cmath>
#include <sstream>

#include "train/recipe/recipe.h"

namespace sec::train {
namespace {

void write_value(std::ostream& out, const std::string& text) {
  out << toml::value<std::string>(text);
}
void write_value(std::ostream& out, bool value) {
  out << (value ? "true" : "false");
}
void write_value(std::ostream& out, std::int64_t value) {
  out << value;
}
// Writes the shortest text that reads back as the same double. A ".0" makes TOML read whole values as floats.
void write_value(std::ostream& out, double value) {
  std::string text = fmt::format("{}", value);
  out << text << (text.find_first_of(".e") == std::string::npos ? ".0" : "");
}
template <typename T>
void write_value(std::ostream& out, const std::vector<T>& values) {
  out << '[';
  for (std::size_t i = 0; i < values.size(); ++i) {
    out << (i > 0 ? ", " : "");
    write_value(out, values[i]);
  }
  out << ']';
}

// Whether the key is a number that the recipe does not give.
bool is_unset(const RecipeKey& key) {
  const auto* number = std::get_if<double*>(&key.value);
  return number != nullptr && std::isnan(**number);
}

}  // namespace

std::string value_text(const RecipeKey& key) {
  if (is_unset(key)) {
    return "unset";
  }
  std::ostringstream out;
  std::visit([&](const auto* value) { write_value(out, *value); }, key.value);
  return out.str();
}

std::string to_toml(const Recipe& recipe) {
  Recipe copy = recipe;
  std::ostringstream out;
  std::string section;
  for (const RecipeKey& key : recipe_keys(copy)) {
    const std::string& name = key.name;
    if (!has_use_for(recipe, name) || is_unset(key)) {
      continue;
    }
    const std::size_t dot = name.find('.');
    if (dot != std::string::npos && name.substr(0, dot) != section) {
      section = name.substr(0, dot);
      out << "\n[" << section << "]\n";
    }
    out << name.substr(dot == std::string::npos ? 0 : dot + 1) << " = " << value_text(key);
    const std::string choices = fmt::format("{}", fmt::join(key.choices, ", "));
    const bool both = *key.help != '\0' && !choices.empty();
    if (*key.help != '\0' || !choices.empty()) {
      out << "  # " << key.help << (both ? ": " : "") << choices;
    }
    out << '\n';
  }
  return out.str();
}

}  // namespace sec::train
