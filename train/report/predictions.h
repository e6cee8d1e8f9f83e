// The predictions of a run as a table for spreadsheets.
#pragma once

#include <string>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The contents of predictions.csv: RFC 4180, commas, a heading and one row per beat or whole recording of every
// split. Columns: split, recording, patient, of beats also time_s and sample; truth and decision (several labels are
// separated by |), right (yes or no), and "probability CLASS" of each class. Begins with a byte order mark if the
// text is not ASCII, as spreadsheets otherwise misread it.
std::string predictions_csv(const RunSummary& run);

}  // namespace sec::train
