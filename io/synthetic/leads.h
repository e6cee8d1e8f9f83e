// The leads of synthetic recordings: what each sees of the heart's dipole.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "io/synthetic/heart.h"

namespace sec::io {

constexpr int most_synthetic_leads = 12;

// Those that the MIT-BIH record has.
std::vector<std::string_view> mitdb_leads_of(std::string_view record);

// Up to three: of MLII, V1 and V5, as portable recorders have them; more: of I, II, V1 to V6, III, aVR, aVL
// and aVF. 0 stands for two. Throws Error if there are no so many.
std::vector<std::string_view> synthetic_leads(int count);

Dipole lead_vector(std::string_view lead);

// Four of the limb leads follow from two, as the electrodes are the same: III = II - I, and so on.
struct LimbParts {
  double of_i;
  double of_ii;
};
std::optional<LimbParts> limb_parts(std::string_view lead);  // of I and II too; nothing of other leads

}  // namespace sec::io
