// The report of a training run: a single HTML page to keep, mail and print.
// It loads no other files and needs no script.
#pragma once

#include <string>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The page as UTF-8, which is also well-formed XML. Texts of the summary are escaped.
// Values that are not finite appear as a dash, and empty parts of the report say that they are empty.
std::string report_html(const RunSummary& run);

}  // namespace sec::train
