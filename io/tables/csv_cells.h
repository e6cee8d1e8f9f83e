// A line of a table of text as its cells.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sec::io {

// The cells between delimiters, without blanks around them and without quotes (" or ') that enclose them;
// within double quotes a delimiter is text.
void split_csv(std::string_view line, char delimiter, std::vector<std::string_view>& cells);

// The same as texts, in which "" is a quote.
std::vector<std::string> csv_cells(std::string_view line, char delimiter);

// The value of a cell: NaN of an empty one, "-", "nan" and "NA" (in any case); nothing if it is no number.
std::optional<double> csv_number(std::string_view cell);

// A time in seconds: "12.5", "1:02.5", "1:00:02.5", also in brackets. `decimals` becomes the number of digits
// behind the point.
std::optional<double> csv_time(std::string_view cell, int& decimals);

}  // namespace sec::io
