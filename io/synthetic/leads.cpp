#include "io/synthetic/leads.h"

#include <algorithm>
#include <span>

#include "engine/error.h"

namespace sec::io {
namespace {

struct NamedVector {
  std::string_view name;
  Dipole vector;
};

// V3, V6, I and II are from the transform of Dower et al. 1980
// ("On deriving the electrocardiogram from vectorcardiographic leads", Clin. Cardiol.
// 3), with the z axis inverted (theirs points to the back).
// The other leads are estimated from the positions of the electrodes.
constexpr NamedVector vectors[] = {
    {"MLII", {0.5, 0.85, 0}},       {"V1", {-0.45, 0.05, 0.9}},     {"V2", {0.05, 0.1, 1.1}},
    {"V3", {0.882, 0.098, 1.277}},  {"V4", {0.9, 0.3, 0.5}},        {"V5", {1, 0.25, 0}},
    {"V6", {0.831, 0.076, -0.230}}, {"I", {0.632, -0.235, -0.059}}, {"II", {0.235, 1.066, 0.132}},
};

constexpr std::string_view few[] = {"MLII", "V1", "V5"};
constexpr std::string_view many[most_synthetic_leads] = {"I",  "II", "V1",  "V2",  "V3",  "V4",
                                                         "V5", "V6", "III", "aVR", "aVL", "aVF"};

}  // namespace

std::vector<std::string_view> mitdb_leads_of(std::string_view record) {
  if (record == "100" || record == "123") {
    return {"MLII", "V5"};
  }
  if (record == "102" || record == "104") {
    return {"V5", "V2"};
  }
  if (record == "103" || record == "117") {
    return {"MLII", "V2"};
  }
  if (record == "114") {
    return {"V5", "MLII"};
  }
  return {"MLII", record == "124" ? "V4" : "V1"};
}

std::vector<std::string_view> synthetic_leads(int count) {
  require(count >= 0 && count <= most_synthetic_leads, "synthetic: {} leads, expected 1 to {}", count,
          most_synthetic_leads);
  const std::span<const std::string_view> names =
      count <= std::ssize(few) ? std::span(few) : std::span<const std::string_view>(many);
  const auto chosen = names.first(static_cast<std::size_t>(count == 0 ? 2 : count));
  return {chosen.begin(), chosen.end()};
}

Dipole lead_vector(std::string_view lead) {
  const auto* found = std::ranges::find(vectors, lead, &NamedVector::name);
  require(found != std::end(vectors), "synthetic: no lead '{}'", lead);
  return found->vector;
}

std::optional<LimbParts> limb_parts(std::string_view lead) {
  if (lead == "I") {
    return LimbParts{1, 0};
  }
  if (lead == "II") {
    return LimbParts{0, 1};
  }
  if (lead == "III") {
    return LimbParts{-1, 1};
  }
  if (lead == "aVR") {
    return LimbParts{-0.5, -0.5};
  }
  if (lead == "aVL") {
    return LimbParts{1, -0.5};
  }
  if (lead == "aVF") {
    return LimbParts{-0.5, 1};
  }
  return std::nullopt;
}

}  // namespace sec::io
