#include "io/recording/lead_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "engine/error.h"

namespace sec::io {
namespace {

constexpr std::string_view separators = " \t_:./";

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
}

// The number of characters of `word` and the separators behind it at the beginning of `text`; 0 if `text`
// begins otherwise or contains nothing else.
std::size_t prefix_size(std::string_view text, std::string_view word, std::string_view separated_by) {
  const bool same =
      text.size() > word.size() && std::ranges::equal(text.substr(0, word.size()), word, {}, lower);
  const std::size_t end = same ? text.find_first_not_of(separated_by, word.size()) : std::string_view::npos;
  return end == std::string_view::npos || end == word.size() ? 0 : end;
}

// Splits "II#2" into "II" and 2. The number is 0 if there is none.
std::pair<std::string_view, std::size_t> split_number(std::string_view name) {
  const std::size_t mark = name.rfind('#');
  std::size_t number = 0;
  if (mark == std::string_view::npos || mark == 0) {
    return {name, 0};
  }
  const char* const end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + mark + 1, end, number);
  return error == std::errc() && stop == end && number > 0 ? std::pair(name.substr(0, mark), number)
                                                           : std::pair(name, std::size_t{0});
}

std::vector<std::size_t> with_key(std::span<const std::string> names, const std::string& key) {
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (lead_key(names[i]) == key) {
      found.push_back(i);
    }
  }
  return found;
}

std::string list_of(std::span<const std::string> names) {
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

std::string lead_key(std::string_view name) {
  constexpr std::string_view inverted = "-avr";  // in "ECG-aVR" the hyphen may be a sign
  for (bool stripped = true; stripped;) {
    stripped = false;
    for (const std::string_view word : {"ecg", "ekg", "lead"}) {
      std::size_t size = prefix_size(name, word, separators);
      if (size == 0 &&
          !std::ranges::equal(name.substr(std::min(word.size(), name.size())), inverted, {}, lower)) {
        size = prefix_size(name, word, "-");
      }
      name.remove_prefix(size);
      stripped = stripped || size > 0;
    }
    const std::size_t blanks = std::min(name.find_first_not_of(" \t"), name.size());
    name.remove_prefix(blanks);
    stripped = stripped || blanks > 0;
  }
  std::string key;
  for (const char c : name) {
    key += lower(c);
  }
  constexpr std::string_view reference = "ref";
  if (const std::size_t end = key.find_last_not_of(" \t"); end != std::string::npos) {
    key.resize(end + 1);
  }
  if (key.ends_with(reference)) {
    const std::string rest = key.substr(0, key.size() - reference.size());
    const std::size_t last = rest.find_last_not_of(" \t_-:./");
    if (last != std::string::npos && last + 1 < rest.size()) {
      key = rest.substr(0, last + 1);
    }
  }
  std::erase_if(key, [](char c) { return c == ' ' || c == '\t' || c == '_'; });
  return key;
}

std::string without_signal_type(const std::string& label) {
  for (const std::string_view kind : {"ecg", "ekg"}) {
    if (const std::size_t size = prefix_size(label, kind, " "); size > 0) {
      return label.substr(size);
    }
  }
  return label;
}

std::vector<std::string> names_of(std::span<const Lead> leads) {
  std::vector<std::string> names;
  for (const Lead& lead : leads) {
    names.push_back(lead.name);
  }
  return names;
}

std::optional<std::size_t> find_lead(std::span<const std::string> names, std::string_view wanted,
                                     const std::string& recording) {
  const std::string key = lead_key(wanted);
  if (key.empty()) {
    return std::nullopt;  // a lead without a name cannot be asked for
  }
  std::vector<std::size_t> found = with_key(names, key);
  if (found.empty()) {
    const auto [name, number] = split_number(wanted);
    found = number > 0 ? with_key(names, lead_key(name)) : found;
    return number > 0 && number <= found.size() ? std::optional(found[number - 1]) : std::nullopt;
  }
  if (found.size() == 1) {
    return found.front();
  }
  const auto exact = [&](std::size_t i) { return names[i] == wanted; };
  if (std::ranges::count_if(found, exact) == 1) {
    return *std::ranges::find_if(found, exact);
  }
  std::vector<std::string> called;
  for (const std::size_t i : found) {
    called.push_back(names[i]);
  }
  fail("{}: {} leads are called '{}' ({}); name one of them '{}#1' to '{}#{}'", recording, found.size(),
       wanted, list_of(called), wanted, wanted, found.size());
}

std::size_t lead_index(std::span<const std::string> names, std::string_view wanted,
                       const std::string& recording) {
  const std::optional<std::size_t> found = find_lead(names, wanted, recording);
  require(found.has_value(), "{}: no lead '{}'; its leads: {}", recording, wanted, list_of(names));
  return *found;
}

std::size_t lead_index(const std::vector<Lead>& leads, std::string_view wanted,
                       const std::string& recording) {
  return lead_index(names_of(leads), wanted, recording);
}

std::size_t lead_index(const Recording& recording, std::string_view wanted) {
  return lead_index(recording.leads, wanted, recording.name);
}

std::vector<std::size_t> select_leads(std::span<const std::string> names, const std::string& recording,
                                      std::span<const std::string> wanted) {
  constexpr std::size_t open = SIZE_MAX;
  std::vector<std::size_t> chosen;
  const auto taken = [&](std::size_t i) { return std::ranges::find(chosen, i) != chosen.end(); };
  for (const std::string& name : wanted) {  // named leads first; "other" selects from the rest
    const std::size_t lead = name == "other" ? open : lead_index(names, name, recording);
    require(lead == open || !taken(lead), "{}: lead {} is asked for twice ({})", recording, name,
            list_of(wanted));
    chosen.push_back(lead);
  }
  for (std::size_t& lead : chosen) {
    for (std::size_t i = 0; i < names.size() && lead == open; ++i) {
      lead = taken(i) ? open : i;
    }
    require(lead != open, "{}: {} leads are asked for ({}), the record has {} ({})", recording, wanted.size(),
            list_of(wanted), names.size(), list_of(names));
  }
  return chosen;
}

}  // namespace sec::io
