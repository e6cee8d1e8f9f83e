// Checks that a page of a report is well-formed XML.
#pragma once

#include <algorithm>
#include <cctype>
#include <string>
#include <vector>

namespace sec::train {

// Describes why `page` is not well-formed XML; empty if it is well-formed.
// Faults are an element that is not closed in order, an unquoted or repeated attribute, and a stray & or <.
inline std::string ill_formed(const std::string& page) {
  std::vector<std::string> open;
  std::size_t at = page.find("<html");
  const auto here = [&] { return "at '" + page.substr(at, 60) + "'"; };
  const auto is_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '-' || c == ':';
  };
  const auto skip_reference = [&] {  // skips &name; or &#1; and returns false if there is no valid reference
    const std::size_t end = page.find(';', at);
    const std::string name = page.substr(at + 1, end - at - 1);
    at = end;
    return name == "amp" || name == "lt" || name == "gt" || name == "quot" ||
           (name.size() > 1 && name[0] == '#' &&
            name.find_first_not_of("0123456789", 1) == std::string::npos);
  };
  for (; at < page.size(); ++at) {
    if (page[at] == '&' && !skip_reference()) {
      return "reference " + here();
    }
    if (page[at] != '<') {
      continue;
    }
    std::size_t end = at + 1;
    const bool closing = page[end] == '/';
    end += closing ? 1 : 0;
    std::string name;
    while (end < page.size() && is_name(page[end])) {
      name += page[end++];
    }
    if (name.empty()) {
      return "tag " + here();
    }
    if (closing) {
      if (open.empty() || open.back() != name || page[end] != '>') {
        return "closing tag " + here();
      }
      open.pop_back();
      at = end;
      continue;
    }
    std::vector<std::string> attributes;
    while (page[end] == ' ') {
      std::string attribute;
      while (is_name(page[++end])) {
        attribute += page[end];
      }
      if (attribute.empty() || page.compare(end, 2, "=\"") != 0 ||
          std::find(attributes.begin(), attributes.end(), attribute) != attributes.end()) {
        return "attribute " + here();
      }
      attributes.push_back(attribute);
      const std::size_t quote = page.find('"', end + 2);
      if (page.substr(end + 2, quote - end - 2).find('<') != std::string::npos) {
        return "value " + here();
      }
      end = quote + 1;
    }
    if (page.compare(end, 2, "/>") == 0) {
      at = end + 1;
    } else if (page[end] == '>') {
      open.push_back(name);
      at = end;
    } else {
      return "end of tag " + here();
    }
  }
  return open.empty() ? "" : "not closed: " + open.back();
}

}  // namespace sec::train
