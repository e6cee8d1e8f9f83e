#include "io/recording/recording.h"

#include "engine/error.h"

namespace sec::io {

std::size_t lead_index(const std::vector<Lead>& leads, std::string_view name, const std::string& recording) {
  std::string there;
  for (std::size_t i = 0; i < leads.size(); ++i) {
    if (leads[i].name == name) {
      return i;
    }
    there += (i == 0 ? "" : ", ") + leads[i].name;
  }
  fail("{}: no lead '{}'; its leads: {}", recording, name, there.empty() ? "none" : there);
}

std::size_t lead_index(const Recording& recording, std::string_view name) {
  return lead_index(recording.leads, name, recording.name);
}

}  // namespace sec::io
