// The report's tables of scores.
#pragma once

#include <string>
#include <vector>

#include "train/scoring/run_summary.h"

namespace sec::train {

// The confusion matrix with counts and shares of each true class, and Se, +P and F1 of each class.
std::string evaluation_card(const Evaluation& evaluation);

// A row per record, with what was missed of each class and how it was misread most.
std::string record_table(const std::vector<RecordScore>& records);

// The same by patient; a line where each record is of another patient.
std::string patient_table(const std::vector<PatientScore>& patients);

// "0.971 (0.940 to 0.985)"
std::string with_range(double value, const Range95& range);

// A row per class of whole recordings.
std::string label_table(const MultiLabelScores& scores);

std::string epoch_table(const RunSummary& run);

}  // namespace sec::train
