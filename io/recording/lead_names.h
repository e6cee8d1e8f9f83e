// The rule by which every reader and every program finds leads by name.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "io/recording/recording.h"

namespace sec::io {

// Two lead names are the same if their keys are equal. Upper and lower case, blanks, underscores, a signal
// type before the name and "-REF" behind the name do not matter: "ECG  II", "Ecg II", "EKG ii", "Lead II"
// and "II-REF" have the key "ii". MLII and II are different leads.
std::string lead_key(std::string_view name);

// The label without the signal type that EDF+ puts before a lead's name: "ECG V1" and "Ecg  V1" become "V1".
std::string without_signal_type(const std::string& label);

std::vector<std::string> names_of(std::span<const Lead> leads);

// The index of the lead called `wanted` among `names`; nullopt if there is none. Of several leads with that
// key, the one that is spelled exactly like `wanted` is meant; "II#2" means the second lead called II.
// Throws Error, naming `recording`, if several leads are left.
std::optional<std::size_t> find_lead(std::span<const std::string> names, std::string_view wanted,
                                     const std::string& recording);

// The same; throws Error, listing the existing leads, if there is none.
std::size_t lead_index(std::span<const std::string> names, std::string_view wanted,
                       const std::string& recording);
std::size_t lead_index(const std::vector<Lead>& leads, std::string_view wanted, const std::string& recording);
std::size_t lead_index(const Recording& recording, std::string_view wanted);

// The indices of the leads `wanted`. "other" stands for the first lead that is not selected otherwise.
// Throws Error, naming `recording` and its leads, if a lead is missing or selected twice.
std::vector<std::size_t> select_leads(std::span<const std::string> names, const std::string& recording,
                                      std::span<const std::string> wanted);

}  // namespace sec::io
