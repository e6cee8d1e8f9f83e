// Splits a line of a text table into cells.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

// Splits at the delimiter and strips blanks and enclosing quotes (" or ') from each cell.
// Within double quotes, the delimiter is text.
void split_csv(std::string_view line, char delimiter, std::vector<std::string_view>& cells);

// The same as strings, with "" inside quotes replaced by one quote.
std::vector<std::string> csv_cells(std::string_view line, char delimiter);

// How a table writes numbers. With `commas`, one comma instead of a decimal point is read as such.
enum class Decimals { points, commas };

// The number in a cell. NaN for an empty cell, "-", "nan" and "NA" (in any case); nullopt if not a number.
std::optional<double> csv_number(std::string_view cell, Decimals decimals = Decimals::points);

// A time in seconds, such as "12.5", "1:02.5" or "1:00:02.5", optionally in brackets; nullopt if malformed.
// Stores the number of digits after the decimal point in `digits`.
std::optional<double> csv_time(std::string_view cell, int& digits, Decimals decimals = Decimals::points);

}  // namespace sec::io
