// Draws ROC and precision-recall curves for the report.
#pragma once

#include <string>

#include "train/scoring/curves.h"

namespace sec::train {

// Two figures side by side, ROC and precision against recall, for every five classes. Classes without positives or
// negatives are named below. Empty if no class has a curve.
std::string draw(const NamedCurves& curves);

}  // namespace sec::train
