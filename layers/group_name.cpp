#include "layers/group_name.h"

#include <fmt/ranges.h>

#include <algorithm>

namespace sec::layers {

std::string group_name(const std::vector<std::string>& names) {
  const std::string& first = names.front();
  std::size_t shortest = first.size();
  std::size_t front = first.size();  // the length of the common beginning
  std::size_t back = first.size();   // the length of the common end
  for (const std::string& name : names) {
    shortest = std::min(shortest, name.size());
    front = std::min(front, static_cast<std::size_t>(std::ranges::mismatch(first, name).in1 - first.begin()));
    const auto end = std::mismatch(first.rbegin(), first.rend(), name.rbegin(), name.rend()).first;
    back = std::min(back, static_cast<std::size_t>(end - first.rbegin()));
  }
  if (std::ranges::all_of(names, [&](const std::string& name) { return name == first; })) {
    return first;
  }
  // Only whole parts between dots are joined.
  const std::size_t dot = front == 0 ? std::string::npos : first.rfind('.', front - 1);
  front = dot == std::string::npos ? 0 : dot + 1;
  back = std::min(back, shortest - front);
  const std::size_t second = first.find('.', first.size() - back);
  back = second == std::string::npos ? 0 : first.size() - second;
  std::vector<std::string> parts;
  for (const std::string& name : names) {
    parts.push_back(name.substr(front, name.size() - front - back));
  }
  return fmt::format("{}{{{}}}{}", first.substr(0, front), fmt::join(parts, ","),
                     first.substr(first.size() - back));
}

std::string parent_name(const std::string& name) {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? name : name.substr(0, dot);
}

}  // namespace sec::layers
