// The tables of scores in the report.
#pragma once

#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The confusion matrix with counts and shares of each true class, and Se, +P and F1 of each class.
std::string evaluation_card(const Evaluation& evaluation);

// One row per record, with the beats found of each class and the most frequent confusion.
std::string record_table(const std::vector<RecordScore>& records);

// One row per patient. If every patient has only one record, a line that says so instead.
std::string patient_table(const std::vector<PatientScore>& patients);

// Says that a macro-F1 is the F1 of the class `only`, which alone occurs: " of class N alone".
// Empty if `only` is empty.
std::string alone_text(const std::string& only);

// A value and its interval, such as "0.971 (0.940 to 0.985)".
std::string with_range(double value, const Range95& range);

// The scores of whole recordings, one row per class.
std::string label_table(const MultiLabelScores& scores);

std::string epoch_table(const RunSummary& run);

}  // namespace sec::train
