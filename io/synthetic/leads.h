// The leads of synthetic recordings: how each lead projects the heart's dipole.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "io/synthetic/heart.h"

namespace sec::io {

constexpr int most_synthetic_leads = 12;

// The leads of a MIT-BIH record.
std::vector<std::string_view> mitdb_leads_of(std::string_view record);

// Names of `count` leads.
// Up to three leads are taken in order from MLII, V1 and V5, as in portable recorders;
// more are taken from I, II, V1 to V6, III, aVR, aVL and aVF. 0 means two leads.
// Throws Error if `count` is out of range.
std::vector<std::string_view> synthetic_leads(int count);

Dipole lead_vector(std::string_view lead);

// The limb leads share electrodes, so III, aVR, aVL and aVF are linear combinations of I and II.
// For example, III = II - I.
struct LimbParts {
  double of_i;
  double of_ii;
};
std::optional<LimbParts> limb_parts(std::string_view lead);  // limb leads, including I and II; else nullopt

}  // namespace sec::io
