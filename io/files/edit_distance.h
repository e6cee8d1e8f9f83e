// How far a misspelt name is from a known one, for messages that suggest what was meant.
#pragma once

#include <cstddef>
#include <string_view>

namespace sec::io {

// The Levenshtein distance: the number of letters to insert, delete or replace.
std::size_t edit_distance(std::string_view a, std::string_view b);

}  // namespace sec::io
