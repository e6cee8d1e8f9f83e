// The report of a training run: one HTML page that can be kept, mailed and printed. It loads nothing from
// anywhere and needs no script.
#pragma once

#include <string>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The page, as UTF-8; well-formed XML as well. Whatever the summary holds is shown as text, never as markup;
// values that are not finite appear as a dash, parts for which there is nothing say so.
std::string report_html(const RunSummary& run);

}  // namespace sec::train
