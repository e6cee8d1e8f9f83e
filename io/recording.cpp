#include "io/recording.h"

#include "engine/error.h"

namespace sec::io {

std::size_t lead_index(const Recording& recording, std::string_view name) {
  std::string there;
  for (std::size_t i = 0; i < recording.leads.size(); ++i) {
    if (recording.leads[i].name == name) {
      return i;
    }
    there += (i == 0 ? "" : ", ") + recording.leads[i].name;
  }
  fail("{}: no lead '{}'; its leads: {}", recording.name, name, there.empty() ? "none" : there);
}

}  // namespace sec::io
